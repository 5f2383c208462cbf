/**
 * Event log records: every event code an AMD IOMMU can write to its event log, each with its own 128-bit layout.
 * AMD I/O Virtualization Technology (IOMMU) Specification, 48882 revision 3.10, §2.5.
 *
 * Bits [31:27] of the records that name a device say where a guest's access went wrong; they are 0 without a hardware
 * vIOMMU. Names in `linuxName` are what Linux 7.2 prints (drivers/iommu/amd/iommu.c); null where it prints UNKNOWN.
 */
import { address, type FieldDeclaration, field, type Layout, layout, type Words } from "../../base/layout.ts";

type Fields = readonly FieldDeclaration[];

/** One event code of 48882 §2.5. */
interface EventDefinition {
  /** EventCode, bits [63:60] of the record. */
  readonly code: number;
  readonly name: string;
  /** The whole record, 128 bits. */
  readonly layout: Layout;
  /** One plain sentence. */
  readonly about: string;
  /** What Linux 7.2 prints as the name; null where it prints UNKNOWN. */
  readonly linuxName: string | null;
}

/** 32-bit words of a record. */
export const EVENT_WORDS = 4;

/** EventCode of each record. */
export const EventCode = {
  ILLEGAL_DEV_TABLE_ENTRY: 1,
  IO_PAGE_FAULT: 2,
  DEV_TAB_HARDWARE_ERROR: 3,
  PAGE_TAB_HARDWARE_ERROR: 4,
  ILLEGAL_COMMAND_ERROR: 5,
  COMMAND_HARDWARE_ERROR: 6,
  IOTLB_INV_TIMEOUT: 7,
  INVALID_DEVICE_REQUEST: 8,
  INVALID_PPR_REQUEST: 9,
  EVENT_COUNTER_ZERO: 10,
  GUEST_EVENT_FAULT: 11,
  VIOMMU_HARDWARE_ERROR: 12,
  RMP_PAGE_FAULT: 13,
  RMP_HARDWARE_ERROR: 14,
} as const;
export type EventCode = (typeof EventCode)[keyof typeof EventCode];

/** Type of a hardware error: how the access ended. */
export const HardwareErrorType = { MasterAbort: 1, TargetAbort: 2, DataError: 3 } as const;

/** Type of INVALID_DEVICE_REQUEST where TR is 0: what the device did. */
export const InvalidAccess = {
  ReadOrNonPostedWriteToInterruptRange: 0,
  PreTranslated: 1,
  PortIo: 2,
  SystemManagement: 3,
  ReadFromSystemManagement: 4,
  InterruptRange: 5,
  ReservedInterruptRange: 6,
  SystemManagementAddress: 7,
} as const;

/** Type of INVALID_DEVICE_REQUEST where TR is 1: what is wrong with the translation request. */
export const InvalidTranslationRequest = { AccessDenied: 0, Disabled: 1, DeviceId: 2 } as const;

const reserved = (hi: number, lo: number) => field(hi === lo ? `_${hi}` : `_${hi}_${lo}`, hi, lo, "reserved");

const DEVICE_ID = field("DeviceID", 15, 0, "requester, or the device that a command named");
const PASID_HI = field("PASID_19_16", 19, 16, "PASID[19:16]", { when: "GN == 1" });
const GUEST_FLAGS = [
  field("vNR", 27, 27, "access to the private memory of a guest was not resolved"),
  reserved(28, 28),
  field("vEVENT", 29, 29, "while writing a guest's event log"),
  field("vPTR", 30, 30, "while reading or writing a pointer of a guest"),
  field("vCMD", 31, 31, "while reading a guest's command buffer"),
] as const;
const PASID = field("PASID_15_0", 47, 32, "PASID[15:0]", { when: "GN == 1" });
const DOMAIN_OR_PASID = field("DomainID_PASID", 47, 32, "domain where GN is 0, PASID[15:0] where GN is 1");
const GN = field("GN", 48, 48, "kind of address", { values: { 0: "GPA, no PASID", 1: "GVA with a PASID" } });
const I = field("I", 51, 51, "kind of request", { values: { 0: "memory", 1: "interrupt" } });
const RW = field("RW", 53, 53, "direction", { values: { 0: "read", 1: "write" } });
const TR = field("TR", 56, 56, "kind of request", { values: { 0: "transaction", 1: "translation request" } });
const ERROR_TYPE = field("Type", 58, 57, "how the access ended", {
  values: { 0: "reserved", 1: "master abort", 2: "target abort", 3: "poisoned or otherwise bad data" },
});

const code = (name: keyof typeof EventCode) =>
  field("EventCode", 63, 60, "event code", { values: { [EventCode[name]]: name } });

/** Bits [31:0] of records that name a device, and its PASID where it has one. */
const DEVICE = [DEVICE_ID, PASID_HI, reserved(26, 20), ...GUEST_FLAGS] as const;

/** The upper half: an address from bit `lo` of 64 on. */
const at = (lo: number, about: string) =>
  lo === 0
    ? ([address("Address", 127, 64, about)] as const)
    : ([reserved(63 + lo, 64), address("Address", 127, 64 + lo, about)] as const);

/** @param low fields of bits [59:0], `high` of the upper half */
function event<const Low extends Fields, const High extends Fields>(
  name: keyof typeof EventCode,
  section: string,
  about: string,
  low: Low,
  high: High,
  linux = true,
) {
  const declared = layout(name, `48882 §${section}`, 128, [...low, code(name), ...high] as const);
  return { code: EventCode[name], name, layout: declared, about, linuxName: linux ? name : null };
}

export const ILLEGAL_DEV_TABLE_ENTRY = event(
  "ILLEGAL_DEV_TABLE_ENTRY",
  "2.5.2",
  "The device table entry holds a reserved value or a combination that is not allowed.",
  [
    ...DEVICE,
    PASID,
    GN,
    reserved(50, 49),
    I,
    reserved(52, 52),
    RW,
    reserved(54, 54),
    field("RZ", 55, 55, "what is wrong", { values: { 0: "an encoding", 1: "a reserved bit is not zero" } }),
    TR,
    reserved(59, 57),
  ],
  at(2, "address the device presented"),
);

export const IO_PAGE_FAULT = event(
  "IO_PAGE_FAULT",
  "2.5.3",
  "A translation or an interrupt is missing, not allowed or malformed.",
  [
    ...DEVICE,
    DOMAIN_OR_PASID,
    GN,
    field("NX", 49, 49, "the access was an instruction fetch", { when: "GN == 1" }),
    field("US", 50, 50, "privilege of the access", { when: "GN == 1", values: { 0: "supervisor", 1: "user" } }),
    I,
    field("PR", 52, 52, "entry that stopped it", { values: { 0: "not present", 1: "present" } }),
    RW,
    field("PE", 54, 54, "the access was not permitted", { when: "PR == 1" }),
    field("RZ", 55, 55, "what is wrong with the entry", {
      when: "PR == 1 and PE == 0",
      values: { 0: "level encoding", 1: "a reserved bit is not zero" },
    }),
    TR,
    reserved(59, 57),
  ],
  at(0, "address the device presented"),
);

export const DEV_TAB_HARDWARE_ERROR = event(
  "DEV_TAB_HARDWARE_ERROR",
  "2.5.4",
  "Reading a device table entry failed.",
  [
    DEVICE_ID,
    reserved(26, 16),
    ...GUEST_FLAGS,
    reserved(50, 32),
    I,
    reserved(52, 52),
    RW,
    reserved(55, 54),
    TR,
    ERROR_TYPE,
    reserved(59, 59),
  ],
  at(4, "system physical address of the failed access"),
);

export const PAGE_TAB_HARDWARE_ERROR = event(
  "PAGE_TAB_HARDWARE_ERROR",
  "2.5.5",
  "Reading a page table entry, a guest CR3 entry or an interrupt table entry failed.",
  [
    ...DEVICE,
    DOMAIN_OR_PASID,
    GN,
    reserved(50, 49),
    I,
    reserved(52, 52),
    RW,
    reserved(55, 54),
    TR,
    ERROR_TYPE,
    reserved(59, 59),
  ],
  at(3, "system physical address of the failed access"),
);

export const ILLEGAL_COMMAND_ERROR = event(
  "ILLEGAL_COMMAND_ERROR",
  "2.5.6",
  "A command has an unknown opcode or a reserved bit set; the command buffer stops.",
  [reserved(31, 0), reserved(59, 32)],
  at(4, "system physical address of the command"),
);

export const COMMAND_HARDWARE_ERROR = event(
  "COMMAND_HARDWARE_ERROR",
  "2.5.7",
  "Reading a command failed; the command buffer stops.",
  [reserved(31, 0), reserved(56, 32), ERROR_TYPE, reserved(59, 59)],
  at(4, "system physical address of the failed access"),
);

export const IOTLB_INV_TIMEOUT = event(
  "IOTLB_INV_TIMEOUT",
  "2.5.8",
  "A device did not answer an IOTLB invalidation in time.",
  [DEVICE_ID, reserved(31, 16), reserved(59, 32)],
  at(4, "system physical address of the command"),
);

export const INVALID_DEVICE_REQUEST = event(
  "INVALID_DEVICE_REQUEST",
  "2.5.9",
  "The device sent something that it is not allowed to send.",
  [
    DEVICE_ID,
    PASID_HI,
    reserved(31, 20),
    PASID,
    GN,
    field("US", 49, 49, "privilege of the access", { when: "GN == 1", values: { 0: "supervisor", 1: "user" } }),
    reserved(55, 50),
    TR,
    field("Type", 59, 57, "what the device did; codes where TR is 0", {
      values: {
        0: "read or non-posted write in the interrupt address range",
        1: "pre-translated transaction",
        2: "port I/O transaction",
        3: "posted write in the system management address range",
        4: "read or non-posted write in the system management address range",
        5: "posted write in the interrupt address range",
        6: "posted write in the reserved interrupt address range",
        7: "system management address",
      },
    }),
  ],
  at(0, "address the device presented"),
);

const INVALID_PPR_REQUEST = event(
  "INVALID_PPR_REQUEST",
  "2.5.10",
  "The device asked for a page, but page requests or guest translation are off for it.",
  [
    DEVICE_ID,
    field("PASID_15_0", 31, 16, "PASID[15:0]", { when: "GN == 1" }),
    field("PPRtag", 41, 32, "last of its group in bit 9, page request group index below"),
    field("PASID_19_16", 45, 42, "PASID[19:16]", { when: "GN == 1" }),
    reserved(48, 46),
    field("NX", 49, 49, "execute permission asked for"),
    field("RP", 50, 50, "read permission asked for"),
    reserved(52, 51),
    field("WP", 53, 53, "write permission asked for"),
    field("US", 54, 54, "privilege asked for", { values: { 0: "supervisor", 1: "user" } }),
    field("RZ", 55, 55, "a reserved bit of the request is not zero"),
    field("GN", 56, 56, "the request has a PASID"),
    reserved(59, 57),
  ],
  at(12, "page that was asked for"),
);

export const EVENT_COUNTER_ZERO = event(
  "EVENT_COUNTER_ZERO",
  "2.5.11",
  "A performance counter went from all ones to zero.",
  [reserved(31, 0), reserved(59, 32)],
  [
    field("CounterNote_51_32", 83, 64, "CounterNote[51:32], from the counter's report register"),
    reserved(95, 84),
    field("CounterNote_31_0", 127, 96, "CounterNote[31:0]"),
  ],
  false,
);

export const GUEST_EVENT_FAULT = event(
  "GUEST_EVENT_FAULT",
  "2.5.12",
  "An event or page request meant for a guest could not be put into that guest's log.",
  [reserved(26, 0), ...GUEST_FLAGS, field("GuestID", 47, 32, "guest whose log it was"), reserved(59, 48)],
  [reserved(127, 64)],
  false,
);

export const VIOMMU_HARDWARE_ERROR = event(
  "VIOMMU_HARDWARE_ERROR",
  "2.5.13",
  "An access to the private memory of a guest's vIOMMU failed.",
  [
    field("GuestID", 15, 0, "guest on whose behalf"),
    field("Source", 17, 16, "what was being accessed"),
    reserved(26, 18),
    ...GUEST_FLAGS,
    reserved(56, 32),
    ERROR_TYPE,
    reserved(59, 59),
  ],
  at(0, "address of the failed access"),
  false,
);

/** Of a record about the reverse map table, besides the address. */
const REVERSE_MAP = [
  DEVICE_ID,
  reserved(31, 16),
  field("VMGTag", 47, 32, "guest in whose tables the address was found"),
  field("Flags", 59, 48, "how the access failed"),
];

const RMP_PAGE_FAULT = event(
  "RMP_PAGE_FAULT",
  "2.5.14",
  "The reverse map table does not allow the access.",
  REVERSE_MAP,
  at(0, "guest physical address"),
);

const RMP_HARDWARE_ERROR = event(
  "RMP_HARDWARE_ERROR",
  "2.5.15",
  "Reading the reverse map table failed.",
  REVERSE_MAP,
  at(0, "system physical address of the failed access"),
);

/** Every record, in order of its code. */
const EVENTS: readonly EventDefinition[] = [
  ILLEGAL_DEV_TABLE_ENTRY,
  IO_PAGE_FAULT,
  DEV_TAB_HARDWARE_ERROR,
  PAGE_TAB_HARDWARE_ERROR,
  ILLEGAL_COMMAND_ERROR,
  COMMAND_HARDWARE_ERROR,
  IOTLB_INV_TIMEOUT,
  INVALID_DEVICE_REQUEST,
  INVALID_PPR_REQUEST,
  EVENT_COUNTER_ZERO,
  GUEST_EVENT_FAULT,
  VIOMMU_HARDWARE_ERROR,
  RMP_PAGE_FAULT,
  RMP_HARDWARE_ERROR,
];

const byCode = new Map(EVENTS.map((e) => [e.code, e]));

/** The record of a code (0 to 15); undefined for codes that are reserved. */
export function eventByCode(eventCode: number): EventDefinition | undefined {
  return byCode.get(eventCode);
}

/** The record whose words start at `at`; undefined for codes that are reserved. */
export function eventOf(words: Words, at = 0): EventDefinition | undefined {
  return byCode.get(IO_PAGE_FAULT.layout.f.EventCode.get(words, at));
}
