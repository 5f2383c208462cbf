/**
 * Entries of the peripheral page request log. 48882 revision 3.10, §2.6: the PAGE_SERVICE_REQUEST that a device's page
 * request becomes.
 */
import { address, field, layout } from "../../base/layout.ts";

/** 32-bit words of an entry. */
export const PPR_WORDS = 4;

/** PPRCode of {@link PAGE_SERVICE_REQUEST}. */
export const PAGE_SERVICE_REQUEST_CODE = 1;

/** A device asks for a page. */
export const PAGE_SERVICE_REQUEST = layout("PAGE_SERVICE_REQUEST", "48882 §2.6.1", 128, [
  field("DeviceID", 15, 0, "requester"),
  field("PASID_15_0", 31, 16, "PASID[15:0]", { when: "GN == 1" }),
  field("PPRtag", 41, 32, "last of its group in bit 9, page request group index below"),
  field("PASID_19_16", 45, 42, "PASID[19:16]", { when: "GN == 1" }),
  field("_48_46", 48, 46, "reserved"),
  field("NX", 49, 49, "execute permission asked for"),
  field("RP", 50, 50, "read permission asked for"),
  field("_52_51", 52, 51, "reserved"),
  field("WP", 53, 53, "write permission asked for"),
  field("US", 54, 54, "privilege asked for", { values: { 0: "supervisor", 1: "user" } }),
  field("RZ", 55, 55, "a reserved bit of the request is not zero"),
  field("GN", 56, 56, "the request has a PASID"),
  field("_59_57", 59, 57, "reserved"),
  field("PPRCode", 63, 60, "code of the entry", { values: { 1: "PAGE_SERVICE_REQUEST" } }),
  field("_75_64", 75, 64, "reserved"),
  address("Address", 127, 76, "page that is asked for"),
]);

/** What {@link PAGE_SERVICE_REQUEST} has in PPRtag. */
export const PPR_TAG = layout("PPRtag", "48882 §2.6.1", 32, [
  field("PRGIndex", 8, 0, "page request group index"),
  field("Last", 9, 9, "last request of its group"),
  field("_31_10", 31, 10, "not part of the tag"),
]);
