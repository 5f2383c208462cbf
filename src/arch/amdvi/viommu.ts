/**
 * What a virtualized IOMMU (vIOMMU) of a guest is made of: the registers that the guest reaches, those that its host
 * reaches, the tables that map its ids, and where all of it lies in the IOMMU's private address space. 48882 revision
 * 3.10, chapter 5; positions as public Linux patches of the feature use them.
 */
import { address, field, type Layout, layout } from "../../base/layout.ts";
import { CMD_HEAD, CMD_TAIL, EVT_HEAD, EVT_TAIL, PPR_HEAD, PPR_TAIL } from "./buffer_registers.ts";
import { STATUS } from "./control_registers.ts";

/** Guests that a guest id can name. */
export const MAX_GUESTS = 1 << 16;

/** Bytes of a guest's page of the VF registers, and of its part of the VF control registers. */
export const VF_BYTES = 0x1000;
export const VF_CONTROL_BYTES = 0x40;

/** What a guest sees at offset 2000h of its IOMMU's registers: offsets in its VF page. */
export const VF_REGISTERS: readonly { readonly offset: number; readonly layout: Layout }[] = [
  { offset: 0x00, layout: CMD_HEAD },
  { offset: 0x08, layout: CMD_TAIL },
  { offset: 0x10, layout: EVT_HEAD },
  { offset: 0x18, layout: EVT_TAIL },
  { offset: 0x20, layout: STATUS },
  { offset: 0x30, layout: PPR_HEAD },
  { offset: 0x38, layout: PPR_TAIL },
];

const mapControl = (name: string, what: string) =>
  layout(name, "48882, VF control registers", 64, [
    field("Busy", 0, 0, `write the ${what} mapping; 0 once it is done`),
    field("_13_1", 13, 1, "reserved"),
    field("HostId", 29, 14, `the host's ${what}`),
    field("_45_30", 45, 30, "reserved"),
    field("GuestId", 61, 46, `the guest's ${what}`),
    field("_62", 62, 62, "reserved"),
    field("Valid", 63, 63, "the command is valid"),
  ]);

export const GUEST_DID_MAP_CONTROL0 = mapControl("GUEST_DID_MAP_CONTROL0", "DeviceID");
const GUEST_DID_MAP_CONTROL1 = mapControl("GUEST_DID_MAP_CONTROL1", "DomainID");

const GUEST_MISC_CONTROL = layout("GUEST_MISC_CONTROL", "48882, VF control registers", 64, [
  field("_15_0", 15, 0, "not placed by a public text"),
  field("TransDevID", 31, 16, "device whose entry maps the guest's physical addresses"),
  field("_63_32", 63, 32, "not placed by a public text"),
]);

const GUEST_CMD_CONTROL = layout("GUEST_CMD_CONTROL", "48882, VF control registers", 64, [
  field("ComLen", 3, 0, "log2 of the number of entries"),
  field("_7_4", 7, 4, "reserved"),
  field("CmdBufEn", 8, 8, "commands are processed"),
  field("ComWaitIntEn", 9, 9, "COMPLETION_WAIT may interrupt"),
  field("_11_10", 11, 10, "reserved"),
  address("ComBase", 51, 12, "guest physical address of the buffer", { when: "CONTROL.GstBufferTRPMode == 1" }),
  field("_63_52", 63, 52, "reserved"),
]);

const GUEST_EVT_CONTROL = layout("GUEST_EVT_CONTROL", "48882, VF control registers", 64, [
  field("EventLen", 3, 0, "log2 of the number of entries"),
  field("_7_4", 7, 4, "reserved"),
  field("EventLogEn", 8, 8, "events are logged"),
  field("EventIntEn", 9, 9, "an event interrupts"),
  field("DualEventLogEn", 11, 10, "event log in use"),
  address("EventBase", 51, 12, "guest physical address of the log", { when: "CONTROL.GstBufferTRPMode == 1" }),
  field("_63_52", 63, 52, "reserved"),
]);

const GUEST_PPR_CONTROL = layout("GUEST_PPR_CONTROL", "48882, VF control registers", 64, [
  field("PPRLogLen", 3, 0, "log2 of the number of entries"),
  field("_7_4", 7, 4, "reserved"),
  field("PPRLogEn", 8, 8, "page requests are logged"),
  field("PprIntEn", 9, 9, "a page request interrupts"),
  field("PPREn", 10, 10, "page requests are processed"),
  field("DualPprLogEn", 12, 11, "page request log in use"),
  field("PprAutoRspEn", 13, 13, "page requests are answered when the log is full"),
  field("BlkStopMrkEn", 14, 14, "StopMark messages are blocked"),
  field("PprAutoRspAon", 15, 15, "page requests are always answered, never logged"),
  field("PPRLogBase_51_12", 55, 16, "guest physical address of the log, bits 51:12", {
    when: "CONTROL.GstBufferTRPMode == 1",
  }),
  field("_63_56", 63, 56, "reserved"),
]);

/** What the host reaches of a guest's vIOMMU: offsets in its part of the VF control registers. */
export const VF_CONTROL_REGISTERS: readonly { readonly offset: number; readonly layout: Layout }[] = [
  { offset: 0x00, layout: GUEST_DID_MAP_CONTROL0 },
  { offset: 0x08, layout: GUEST_DID_MAP_CONTROL1 },
  { offset: 0x10, layout: GUEST_MISC_CONTROL },
  { offset: 0x20, layout: GUEST_CMD_CONTROL },
  { offset: 0x28, layout: GUEST_EVT_CONTROL },
  { offset: 0x30, layout: GUEST_PPR_CONTROL },
];

/** A region of the IOMMU's private address space that holds `bytes` for each guest, one after the other. */
export interface PrivateRegion {
  /** Start, bits [63:32]; bits [31:0] are 0. */
  readonly baseHi: number;
  readonly bytes: number;
}

/** Private addresses of each guest's tables and buffers. */
export const PRIVATE_REGIONS = {
  DeviceIdMap: { baseHi: 0x10, bytes: 1 << 20 },
  DomainIdMap: { baseHi: 0x20, bytes: 1 << 19 },
  CommandBuffer: { baseHi: 0x28, bytes: 1 << 19 },
  PprLog: { baseHi: 0x30, bytes: 1 << 19 },
  EventLog: { baseHi: 0x40, bytes: 1 << 19 },
} as const satisfies Readonly<Record<string, PrivateRegion>>;

/** Entry of a guest's DeviceID mapping table, 16 bytes, found by the guest's DeviceID. */
export const DEVICE_ID_MAP_ENTRY = layout("DeviceID mapping entry", "48882, DeviceID mapping table", 128, [
  field("_23_0", 23, 0, "not placed by a public text"),
  field("HostDeviceID", 39, 24, "the host's DeviceID; 0 where the guest has no such device"),
  field("_63_40", 63, 40, "not placed by a public text"),
  field("_127_64", 127, 64, "not placed by a public text"),
]);

/**
 * Entry of a guest's DomainID mapping table, 8 bytes, found by the guest's DomainID.
 * CHOICE(domain-map-entry): no public text says where the host's DomainID lies in it; here it has the low bits.
 */
export const DOMAIN_ID_MAP_ENTRY = layout("DomainID mapping entry", "48882, DomainID mapping table", 64, [
  field("HostDomainID", 15, 0, "the host's DomainID; 0 where the guest has no such domain"),
  field("_63_16", 63, 16, "not placed by a public text"),
]);
