/**
 * Commands of the command buffer: every opcode, each with its own 128-bit layout. 48882 revision 3.10, §2.4. A command
 * with a reserved bit set is illegal (§2.4); bits of a PASID that GN does not make valid are no reserved bits.
 */
import { encodeFields, type FieldNumbers } from "../../base/encode.ts";
import { address, field, type Layout, layout, type Words } from "../../base/layout.ts";

/** One opcode of 48882 §2.4. */
export interface CommandDefinition {
  /** Opcode, bits [63:60] of the command. */
  readonly opcode: number;
  readonly name: string;
  readonly section: string;
  /** The whole command, 128 bits. */
  readonly layout: Layout;
  /** One plain sentence. */
  readonly about: string;
}

/** 32-bit words of a command. */
export const COMMAND_WORDS = 4;

/** Opcode of each command. */
export const Opcode = {
  COMPLETION_WAIT: 1,
  INVALIDATE_DEVTAB_ENTRY: 2,
  INVALIDATE_IOMMU_PAGES: 3,
  INVALIDATE_IOTLB_PAGES: 4,
  INVALIDATE_INTERRUPT_TABLE: 5,
  PREFETCH_IOMMU_PAGES: 6,
  COMPLETE_PPR_REQUEST: 7,
  INVALIDATE_IOMMU_ALL: 8,
  INSERT_GUEST_EVENT: 9,
  RESET_VMMIO: 10,
} as const;

const reserved = (hi: number, lo: number) =>
  field(hi === lo ? `_${hi}` : `_${hi}_${lo}`, hi, lo, "reserved, must be 0");
const opcode = (name: keyof typeof Opcode) => field("Opcode", 63, 60, "opcode", { values: { [Opcode[name]]: name } });

const DEVICE_ID = field("DeviceID", 15, 0, "device");
const GUEST_ID = field("GuestID", 15, 0, "guest");
const S = field("S", 64, 64, "how many pages", {
  values: { 0: "one of 4 KiB", 1: "as many as the lowest clear bit of Address says" },
});
const GN = field("GN", 66, 66, "kind of address", { values: { 0: "GPA, no PASID", 1: "GVA of a PASID" } });
const ADDRESS = address("Address", 127, 76, "page, and with S its number of pages");

export const COMPLETION_WAIT = layout("COMPLETION_WAIT", "48882 §2.4.1", 128, [
  field("S", 0, 0, "StoreData is written"),
  field("I", 1, 1, "the completion sets STATUS.ComWaitInt"),
  field("F", 2, 2, "later commands wait for this one"),
  address("StoreAddress", 51, 3, "where StoreData goes", { when: "S == 1" }),
  reserved(59, 52),
  opcode("COMPLETION_WAIT"),
  field("StoreData", 127, 64, "what is written", { when: "S == 1" }),
]);

const INVALIDATE_DEVTAB_ENTRY = layout("INVALIDATE_DEVTAB_ENTRY", "48882 §2.4.2", 128, [
  DEVICE_ID,
  reserved(31, 16),
  reserved(59, 32),
  opcode("INVALIDATE_DEVTAB_ENTRY"),
  reserved(127, 64),
]);

export const INVALIDATE_IOMMU_PAGES = layout("INVALIDATE_IOMMU_PAGES", "48882 §2.4.3", 128, [
  field("PASID", 19, 0, "address space", { when: "GN == 1" }),
  reserved(31, 20),
  field("DomainID", 47, 32, "domain"),
  reserved(59, 48),
  opcode("INVALIDATE_IOMMU_PAGES"),
  S,
  field("PDE", 65, 65, "scope", { values: { 0: "page translations", 1: "page directory entries too" } }),
  GN,
  reserved(75, 67),
  ADDRESS,
]);

export const INVALIDATE_IOTLB_PAGES = layout("INVALIDATE_IOTLB_PAGES", "48882 §2.4.4", 128, [
  DEVICE_ID,
  field("PASID_15_8", 23, 16, "PASID[15:8]", { when: "GN == 1" }),
  field("MaxPend", 31, 24, "most invalidations that may be under way"),
  field("QueueID", 47, 32, "queue of the device's function"),
  field("PASID_7_0", 55, 48, "PASID[7:0]", { when: "GN == 1" }),
  field("PASID_19_16", 59, 56, "PASID[19:16]", { when: "GN == 1" }),
  opcode("INVALIDATE_IOTLB_PAGES"),
  S,
  reserved(65, 65),
  GN,
  reserved(67, 67),
  field("Type", 69, 68, "kind of entries", { when: "EFR.InvIotlbTypeSup == 1" }),
  reserved(75, 70),
  ADDRESS,
]);

const INVALIDATE_INTERRUPT_TABLE = layout("INVALIDATE_INTERRUPT_TABLE", "48882 §2.4.5", 128, [
  DEVICE_ID,
  reserved(31, 16),
  reserved(59, 32),
  opcode("INVALIDATE_INTERRUPT_TABLE"),
  reserved(127, 64),
]);

export const PREFETCH_IOMMU_PAGES = layout("PREFETCH_IOMMU_PAGES", "48882 §2.4.6", 128, [
  DEVICE_ID,
  reserved(23, 16),
  field("PFCount", 31, 24, "pages to fetch"),
  field("PASID", 51, 32, "address space", { when: "GN == 1" }),
  reserved(59, 52),
  opcode("PREFETCH_IOMMU_PAGES"),
  field("S", 64, 64, "size of the pages"),
  reserved(65, 65),
  GN,
  reserved(67, 67),
  field("Inval", 68, 68, "drop what is cached of them first"),
  reserved(75, 69),
  address("Address", 127, 76, "first page"),
]);

export const COMPLETE_PPR_REQUEST = layout("COMPLETE_PPR_REQUEST", "48882 §2.4.7", 128, [
  DEVICE_ID,
  reserved(31, 16),
  field("PASID", 51, 32, "address space", { when: "GN == 1" }),
  reserved(59, 52),
  opcode("COMPLETE_PPR_REQUEST"),
  reserved(65, 64),
  field("GN", 66, 66, "the response carries the PASID"),
  reserved(95, 67),
  field("PRGIndex", 104, 96, "page request group"),
  field("Tag_11_9", 107, 105, "other bits of the completion tag"),
  field("ResponseCode", 111, 108, "answer", { values: { 0: "success", 1: "invalid request", 15: "failure" } }),
  reserved(127, 112),
]);

const INVALIDATE_IOMMU_ALL = layout("INVALIDATE_IOMMU_ALL", "48882 §2.4.8", 128, [
  reserved(31, 0),
  reserved(59, 32),
  opcode("INVALIDATE_IOMMU_ALL"),
  reserved(127, 64),
]);

const INSERT_GUEST_EVENT = layout("INSERT_GUEST_EVENT", "48882 §2.4.9", 128, [
  reserved(31, 0),
  field("GuestID", 47, 32, "guest"),
  reserved(59, 48),
  opcode("INSERT_GUEST_EVENT"),
  // UNMODELLED: no public text says where the event itself lies.
  field("_127_64", 127, 64, "not placed by a public text"),
]);

export const RESET_VMMIO = layout("RESET_VMMIO", "48882 §2.4.10", 128, [
  GUEST_ID,
  reserved(27, 16),
  field("All", 28, 28, "every register of the guest"),
  reserved(30, 29),
  field("vCmd", 31, 31, "the registers of the guest's command buffer"),
  reserved(59, 32),
  opcode("RESET_VMMIO"),
  reserved(127, 64),
]);

const define = (name: keyof typeof Opcode, about: string, declared: Layout): CommandDefinition => ({
  opcode: Opcode[name],
  name,
  section: declared.section,
  layout: declared,
  about,
});

/** Every command, in order of its opcode. */
export const COMMANDS: readonly CommandDefinition[] = [
  define("COMPLETION_WAIT", "Say that the commands before this one are done.", COMPLETION_WAIT),
  define("INVALIDATE_DEVTAB_ENTRY", "Drop what is cached of a device table entry.", INVALIDATE_DEVTAB_ENTRY),
  define("INVALIDATE_IOMMU_PAGES", "Drop cached translations of a domain.", INVALIDATE_IOMMU_PAGES),
  define("INVALIDATE_IOTLB_PAGES", "Ask a device to drop cached translations.", INVALIDATE_IOTLB_PAGES),
  define(
    "INVALIDATE_INTERRUPT_TABLE",
    "Drop what is cached of a device's interrupt table.",
    INVALIDATE_INTERRUPT_TABLE,
  ),
  define("PREFETCH_IOMMU_PAGES", "Fetch translations ahead of use.", PREFETCH_IOMMU_PAGES),
  define("COMPLETE_PPR_REQUEST", "Answer a page request group of a device.", COMPLETE_PPR_REQUEST),
  define("INVALIDATE_IOMMU_ALL", "Drop everything that is cached.", INVALIDATE_IOMMU_ALL),
  define("INSERT_GUEST_EVENT", "Put an event into a guest's event log.", INSERT_GUEST_EVENT),
  define("RESET_VMMIO", "Reset the registers of a guest's virtualized IOMMU.", RESET_VMMIO),
];

const byName = new Map(COMMANDS.map((c) => [c.name, c]));
const byOpcode = new Map(COMMANDS.map((c) => [c.opcode, c]));

/** The command of an opcode (0 to 15); undefined for opcodes that are reserved. */
export function commandByOpcode(op: number): CommandDefinition | undefined {
  return byOpcode.get(op);
}

/** The command whose words start at `at`; undefined for opcodes that are reserved. */
export function commandOf(words: Words, at = 0): CommandDefinition | undefined {
  return byOpcode.get(COMPLETION_WAIT.f.Opcode.get(words, at));
}

/** Words of a command: its opcode, these fields and zeros. @throws for a name or field that is none */
export function encodeCommand(name: string, fields: FieldNumbers): Uint32Array {
  const definition = byName.get(name);
  if (definition === undefined) throw new Error(`no command ${name}`);
  return encodeFields(definition.layout, { Opcode: definition.opcode, ...fields });
}

/** The PASID of INVALIDATE_IOTLB_PAGES, in the three fields that it is cut into. */
export const iotlbPasid = (pasid: number): FieldNumbers => ({
  PASID_7_0: pasid & 0xff,
  PASID_15_8: (pasid >>> 8) & 0xff,
  PASID_19_16: pasid >>> 16,
});
