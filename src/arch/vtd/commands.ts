/**
 * Descriptors of the invalidation queue: every type, each with its own layout; and the records of page requests.
 * Intel VT-d Architecture Specification, revision 4.1, §6.5.2 (invalidation), §7.6 and §7.7 (page requests).
 *
 * A descriptor has 128 or 256 bits, as IQA.DW says. Those that scalable mode brought exist with 256 bits only; the
 * upper half is reserved in all of them but page group responses. The type is split: bits [3:0] and [11:9].
 */
import { encodeFields, type FieldNumbers } from "../../base/encode.ts";
import { address, type FieldDeclaration, field, type Layout, layout, type Words } from "../../base/layout.ts";

/** One type of descriptor. */
export interface DescriptorDefinition {
  /** Bits [11:9] and [3:0] together. */
  readonly type: number;
  /** The specification's name, such as "iotlb_inv_dsc". */
  readonly name: string;
  readonly section: string;
  /** All 256 bits. */
  readonly layout: Layout;
  /** Also exists with 128 bits. */
  readonly narrow: boolean;
  /** One plain sentence. */
  readonly about: string;
}

type Fields = readonly FieldDeclaration[];

const reserved = (hi: number, lo: number): FieldDeclaration =>
  field(hi === lo ? `_${hi}` : `_${hi}_${lo}`, hi, lo, "reserved");

const TYPE_HI = field("TypeHi", 11, 9, "type, bits 6:4");
const DID = field("DID", 31, 16, "domain");
const PASID = field("PASID", 51, 32, "PASID");
const UPPER: Fields = [reserved(191, 128), reserved(255, 192)];

/** Low quadword of a descriptor by domain, from bit 4; `drain` stands at bits [7:6]. */
const byDomain = (granularity: Readonly<Record<number, string>>, drain: Fields, rest: Fields): Fields => [
  field("G", 5, 4, "granularity", { values: granularity }),
  ...drain,
  TYPE_HI,
  reserved(15, 12),
  DID,
  ...rest,
];

/** Which pages, in the second quadword. */
const PAGES: Fields = [
  field("AM", 69, 64, "2^AM pages"),
  field("IH", 70, 70, "only leaf entries need go"),
  reserved(75, 71),
  address("ADDR", 127, 76, "first page"),
];

interface Entry {
  readonly type: number;
  readonly name: string;
  readonly section: string;
  readonly narrow: boolean;
  readonly about: string;
  /** From bit 4. */
  readonly fields: Fields;
}

const TABLE: readonly Entry[] = [
  {
    type: 0x1,
    name: "cc_inv_dsc",
    section: "6.5.2.1",
    narrow: true,
    about: "Drop cached context entries.",
    fields: [
      ...byDomain(
        { 0: "reserved", 1: "global", 2: "domain", 3: "device" },
        [reserved(8, 6)],
        [
          field("SID", 47, 32, "requester"),
          field("FM", 49, 48, "function bits of SID that do not count"),
          reserved(63, 50),
          reserved(127, 64),
        ],
      ),
      ...UPPER,
    ],
  },
  {
    type: 0x2,
    name: "iotlb_inv_dsc",
    section: "6.5.2.3",
    narrow: true,
    about: "Drop cached translations of a domain, whatever their PASID.",
    fields: [
      ...byDomain(
        { 0: "reserved", 1: "global", 2: "domain", 3: "page in domain" },
        [field("DW", 6, 6, "drain writes"), field("DR", 7, 7, "drain reads"), reserved(8, 8)],
        [reserved(63, 32), ...PAGES],
      ),
      ...UPPER,
    ],
  },
  {
    type: 0x3,
    name: "dev_tlb_inv_dsc",
    section: "6.5.2.5",
    narrow: true,
    about: "Ask a device to drop translations without PASID from its own cache.",
    fields: [
      reserved(8, 4),
      TYPE_HI,
      field("PFSID_3_0", 15, 12, "physical function of the device, low bits"),
      field("MIP", 20, 16, "invalidations that may be pending at the device"),
      reserved(31, 21),
      field("SID", 47, 32, "device"),
      reserved(51, 48),
      field("PFSID_15_4", 63, 52, "physical function of the device, high bits"),
      field("S", 64, 64, "more than one page: the lowest zero from ADDR[12] up says how many"),
      reserved(75, 65),
      address("ADDR", 127, 76, "pages"),
      ...UPPER,
    ],
  },
  {
    type: 0x4,
    name: "iec_inv_dsc",
    section: "6.5.2.7",
    narrow: true,
    about: "Drop cached interrupt remapping entries.",
    fields: [
      field("G", 4, 4, "granularity", { values: { 0: "global", 1: "index" } }),
      reserved(8, 5),
      TYPE_HI,
      reserved(26, 12),
      field("IM", 31, 27, "2^IM entries"),
      field("IIDX", 47, 32, "first entry"),
      reserved(63, 48),
      reserved(127, 64),
      ...UPPER,
    ],
  },
  {
    type: 0x5,
    name: "inv_wait_dsc",
    section: "6.5.2.8",
    narrow: true,
    about: "Wait until the descriptors before it are complete.",
    fields: [
      field("IF", 4, 4, "then set ICS.IWC and interrupt"),
      field("SW", 5, 5, "then write STDATA"),
      field("FN", 6, 6, "later descriptors wait too"),
      field("PD", 7, 7, "drain page requests", { when: "ECAP.PDS == 1" }),
      reserved(8, 8),
      TYPE_HI,
      reserved(31, 12),
      field("STDATA", 63, 32, "status data"),
      reserved(65, 64),
      address("STADDR", 127, 66, "status address"),
      ...UPPER,
    ],
  },
  {
    type: 0x6,
    name: "p_iotlb_inv_dsc",
    section: "6.5.2.4",
    narrow: false,
    about: "Drop cached first-stage and nested translations of a PASID in a domain.",
    fields: [
      ...byDomain(
        { 0: "reserved", 1: "reserved", 2: "PASID", 3: "page in PASID" },
        [reserved(8, 6)],
        [PASID, reserved(63, 52), ...PAGES],
      ),
      ...UPPER,
    ],
  },
  {
    type: 0x7,
    name: "pc_inv_dsc",
    section: "6.5.2.2",
    narrow: false,
    about: "Drop cached PASID table entries.",
    fields: [
      ...byDomain(
        { 0: "domain", 1: "PASID in domain", 2: "reserved", 3: "global" },
        [reserved(8, 6)],
        [PASID, reserved(63, 52), reserved(127, 64)],
      ),
      ...UPPER,
    ],
  },
  {
    type: 0x8,
    name: "p_dev_tlb_inv_dsc",
    section: "6.5.2.6",
    narrow: false,
    about: "Ask a device to drop translations of a PASID, or of every PASID, from its own cache.",
    fields: [
      field("MIP", 8, 4, "invalidations that may be pending at the device"),
      TYPE_HI,
      field("PFSID_3_0", 15, 12, "physical function of the device, low bits"),
      field("SID", 31, 16, "device"),
      PASID,
      field("PFSID_15_4", 63, 52, "physical function of the device, high bits"),
      field("G", 64, 64, "every PASID"),
      reserved(74, 65),
      field("S", 75, 75, "more than one page: the lowest zero from ADDR[12] up says how many"),
      address("ADDR", 127, 76, "pages"),
      ...UPPER,
    ],
  },
  {
    type: 0x9,
    name: "page_grp_resp_dsc",
    section: "7.7.1",
    narrow: false,
    about: "Answer a group of page requests of a device.",
    fields: [
      field("PP", 4, 4, "PASID present"),
      reserved(8, 5),
      TYPE_HI,
      field("RC", 15, 12, "answer", { values: { 0: "success", 1: "invalid request", 15: "failure" } }),
      field("RID", 31, 16, "device"),
      PASID,
      reserved(63, 52),
      reserved(65, 64),
      field("LPIG", 66, 66, "the answer is to the last request of the group"),
      field("PRGI", 75, 67, "page request group index"),
      reserved(127, 76),
      ...UPPER,
    ],
  },
];

/** Every descriptor, in order of its type. */
export const DESCRIPTORS: readonly DescriptorDefinition[] = TABLE.map(
  ({ type, name, section, narrow, about, fields }) => ({
    type,
    name,
    section: `VT-d §${section}`,
    narrow,
    about,
    layout: layout(name, `VT-d §${section}`, 256, [field("Type", 3, 0, "type, bits 3:0"), ...fields]),
  }),
);

const byName = new Map(DESCRIPTORS.map((d) => [d.name, d]));
const byType = new Map(DESCRIPTORS.map((d) => [d.type, d]));

/** The descriptor of a type (bits [11:9] and [3:0], 0 to 127); undefined for reserved types. */
export function descriptorByType(type: number): DescriptorDefinition | undefined {
  return byType.get(type);
}

/** The descriptor whose words start at `at`; undefined for reserved types. */
export function descriptorOf(words: Words, at = 0): DescriptorDefinition | undefined {
  const { Type, TypeHi } = RESERVED_DESCRIPTOR.f;
  return byType.get(Type.get(words, at) | (TypeHi.get(words, at) << 4));
}

/** The descriptor of that name. */
export function descriptorByName(name: string): DescriptorDefinition | undefined {
  return byName.get(name);
}

/** Words of a descriptor, all 256 bits: its type, these fields and zeros. @throws for a name or field that is none */
export function encodeDescriptor(name: string, fields: FieldNumbers): Uint32Array {
  const definition = byName.get(name);
  if (definition === undefined) throw new Error(`no descriptor ${name}`);
  const { type, layout } = definition;
  return encodeFields(layout, { Type: type & 0xf, TypeHi: type >>> 4, ...fields });
}

/** Layout to show for a type that the architecture does not define. */
export const RESERVED_DESCRIPTOR = layout("Reserved descriptor", "VT-d §6.5.2", 256, [
  field("Type", 3, 0, "type, bits 3:0"),
  field("_8_4", 8, 4, "not defined for this type"),
  TYPE_HI,
  field("_63_12", 63, 12, "not defined for this type"),
  reserved(127, 64),
  ...UPPER,
]);

/** A page request in the page request queue. */
export const PAGE_REQ_DSC = layout("page_req_dsc", "VT-d §7.6.1", 256, [
  field("Type", 7, 0, "type", { values: { 1: "page request" } }),
  field("PP", 8, 8, "PASID present"),
  field("_15_9", 15, 9, "reserved"),
  field("RID", 31, 16, "device"),
  field("PASID", 51, 32, "PASID"),
  field("EXE", 52, 52, "execute permission is asked for"),
  field("PMR", 53, 53, "supervisor privilege is asked for"),
  field("_63_54", 63, 54, "reserved"),
  field("RD", 64, 64, "read permission is asked for"),
  field("WR", 65, 65, "write permission is asked for"),
  field("LPIG", 66, 66, "last of its group"),
  field("PRGI", 75, 67, "page request group index"),
  address("ADDR", 127, 76, "page"),
  reserved(191, 128),
  reserved(255, 192),
]);
