/**
 * Event log records of requests: what a faulting translation says of itself (48882 revision 3.10, §2.5.2 to §2.5.9).
 */
import {
  DEV_TAB_HARDWARE_ERROR,
  EventCode,
  ILLEGAL_DEV_TABLE_ENTRY,
  INVALID_DEVICE_REQUEST,
  IO_PAGE_FAULT,
  PAGE_TAB_HARDWARE_ERROR,
} from "../../arch/amdvi/events.ts";
import type { FieldAccess } from "../../base/layout.ts";
import { AddressType } from "../common/request.ts";
import type { Translation } from "./translation.ts";

const DEFINITIONS = {
  [EventCode.ILLEGAL_DEV_TABLE_ENTRY]: ILLEGAL_DEV_TABLE_ENTRY,
  [EventCode.IO_PAGE_FAULT]: IO_PAGE_FAULT,
  [EventCode.DEV_TAB_HARDWARE_ERROR]: DEV_TAB_HARDWARE_ERROR,
  [EventCode.PAGE_TAB_HARDWARE_ERROR]: PAGE_TAB_HARDWARE_ERROR,
  [EventCode.INVALID_DEVICE_REQUEST]: INVALID_DEVICE_REQUEST,
} as const;

/** Write the record of `t`'s event, four words at `words[at]`; zeros where `t` did not end with an event. */
export function encodeEvent(t: Translation, words: Uint32Array, at: number): void {
  words.fill(0, at, at + 4);
  const definition = (DEFINITIONS as Readonly<Record<number, (typeof DEFINITIONS)[keyof typeof DEFINITIONS]>>)[t.event];
  if (definition === undefined) return;
  const f = definition.layout.f as Readonly<Record<string, FieldAccess>>;
  const set = (name: string, value: number): void => f[name]?.set(words, at, value);
  const bit = (name: string, value: boolean): void => set(name, value ? 1 : 0);
  // A request with a PASID is named by it where no tables are concerned.
  const named = definition === ILLEGAL_DEV_TABLE_ENTRY || definition === INVALID_DEVICE_REQUEST;
  const gn = named ? t.hasPasid : t.gn;
  const pasid = gn ? (named ? t.pasid : t.usedPasid) : 0;
  set("EventCode", definition.code);
  set("DeviceID", t.deviceId);
  bit("GN", gn);
  set("PASID_19_16", pasid >>> 16);
  set("PASID_15_0", pasid);
  set("DomainID_PASID", gn ? pasid : t.domainId);
  bit("TR", t.addressType === AddressType.TranslationRequest);
  bit("RW", t.write);
  bit("PR", t.pr);
  bit("PE", t.pe);
  bit("RZ", t.rz);
  bit("US", gn && !t.privileged);
  bit("NX", gn && t.instruction);
  set("Type", t.type);
  const address = definition.layout.fields.find((d) => d.name === "Address")!;
  const shift = address.lo & 63;
  const mask = shift === 0 ? -1 : -1 << shift;
  // The field holds the address from bit `shift` up, in place.
  words[at + 2] = (words[at + 2]! | (t.addressLo & mask)) >>> 0;
  words[at + 3] = t.addressHi >>> 0;
}
