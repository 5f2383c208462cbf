/**
 * Event records: every event number the SMMU can write to the Event queue, each with its own 256-bit layout.
 * Arm SMMUv3, IHI 0070 issue G.b, §7.3. Bits that a record does not define are RES0.
 *
 * Names in `linuxName` are what Linux 7.2 prints (drivers/iommu/arm/arm-smmu-v3); null where it prints UNKNOWN.
 */
import { address, type FieldDeclaration, field, type Layout, layout, type Words } from "../../base/layout.ts";

/** One event number of IHI 0070 §7.3. */
export interface EventDefinition {
  readonly number: number;
  readonly name: string;
  /** Section of IHI 0070, such as "IHI 0070 §7.3.13". */
  readonly section: string;
  /** The whole record, 256 bits. */
  readonly layout: Layout;
  /** One plain sentence. */
  readonly about: string;
  /** What Linux 7.2 prints as the name; null where it prints UNKNOWN. */
  readonly linuxName: string | null;
  /** Fields the record has whose positions are not declared here; the runs that hold them are reserved runs. */
  readonly unplaced?: { readonly fields: string; readonly runs: readonly (readonly [hi: number, lo: number])[] };
}

type Fields = readonly FieldDeclaration[];

const res0 = (hi: number, lo: number): FieldDeclaration => field(hi === lo ? `_${hi}` : `_${hi}_${lo}`, hi, lo, "RES0");

const STREAM_ID = field("StreamID", 63, 32, "stream of the transaction");

/** Bits [63:0] with a SubstreamID that SSV qualifies. */
const substreamHead = (number: number, name: string): Fields => [
  field("EventNumber", 7, 0, "event number", { values: { [number]: name } }),
  res0(10, 8),
  field("SSV", 11, 11, "SubstreamID valid", { values: { 0: "no SubstreamID was given", 1: "SubstreamID is valid" } }),
  field("SubstreamID", 31, 12, "SubstreamID (PASID) of the transaction", { when: "SSV == 1, else UNKNOWN" }),
  STREAM_ID,
];

/** Bits [63:0] with a StreamID only. */
const streamHead = (number: number, name: string): Fields => [
  field("EventNumber", 7, 0, "event number", { values: { [number]: name } }),
  res0(31, 8),
  STREAM_ID,
];

const PNU = field("PnU", 97, 97, "privilege of the access, after STE overrides", {
  values: { 0: "unprivileged", 1: "privileged" },
});
const IND = field("InD", 98, 98, "instruction or data, after STE overrides", {
  values: { 0: "data", 1: "instruction" },
});
const RNW = field("RnW", 99, 99, "direction of the access", { values: { 0: "write", 1: "read" } });
const NSIPA = field("NSIPA", 102, 102, "the IPA is in the Non-secure IPA space", {
  when: "Secure Event queue and S2 == 1",
});
const S2 = field("S2", 103, 103, "stage that faulted", { values: { 0: "stage 1", 1: "stage 2" } });
const CLASS = field("CLASS", 105, 104, "what the SMMU was doing", {
  values: {
    0: "CD: fetching a CD",
    1: "TTD: fetching a stage 1 descriptor",
    2: "IN: the input address",
    3: "Reserved",
  },
});
const INPUT_ADDR = address("InputAddr", 191, 128, "address the device presented");
const IPA: Fields = [
  res0(203, 192),
  address("IPA", 247, 204, "address that entered stage 2", { when: "S2 == 1, else UNKNOWN" }),
  res0(255, 248),
];
const FETCH_ADDR: Fields = [
  res0(194, 192),
  address("FetchAddr", 247, 195, "physical address of the fetch that failed"),
  res0(255, 248),
];
const REASON_16 = field("Reason", 79, 64, "cause, IMPLEMENTATION DEFINED");
const REASON_32 = field("Reason", 95, 64, "cause, IMPLEMENTATION DEFINED");
const GPCF = field("GPCF", 80, 80, "granule protection check fault", {
  values: { 0: "not from a granule protection check", 1: "granule protection check fault" },
});
/** Bits [255:64] of a record without further fields. */
const REST: Fields = [res0(127, 64), res0(191, 128), res0(255, 192)];
/** Bits [255:64] of a failed structure fetch. */
const FETCH: Fields = [REASON_16, GPCF, res0(127, 81), res0(191, 128), ...FETCH_ADDR];
const ACCESS: Fields = [res0(96, 96), PNU, IND, RNW, res0(101, 100), NSIPA, S2, CLASS];
const STALL: Fields = [
  field("STAG", 79, 64, "tag that names the stalled transaction", { when: "Stall == 1", section: "IHI 0070 §4.7.1" }),
  res0(94, 80),
  field("Stall", 95, 95, "transaction waits for CMD_RESUME", { values: { 0: "terminated", 1: "stalled" } }),
];
/** Bits [255:64] of the four translation faults that may stall. */
const FAULT: Fields = [...STALL, ...ACCESS, res0(127, 106), INPUT_ADDR, ...IPA];

interface Entry {
  readonly number: number;
  readonly name: string;
  readonly sub: number;
  readonly about: string;
  readonly linux: boolean;
  readonly fields: (number: number, name: string) => Fields;
  readonly unplaced?: NonNullable<EventDefinition["unplaced"]>;
}

const withRest =
  (head: (number: number, name: string) => Fields, rest: Fields): Entry["fields"] =>
  (number, name) => [...head(number, name), ...rest];

const TABLE: readonly Entry[] = [
  {
    number: 0x01,
    name: "F_UUT",
    sub: 2,
    about: "The device sent a transaction type that the SMMU does not support.",
    linux: false,
    fields: withRest(substreamHead, [
      REASON_16,
      res0(95, 80),
      res0(96, 96),
      field("PnU", 97, 97, "privilege of the access, as it came in", {
        values: { 0: "unprivileged", 1: "privileged" },
      }),
      field("InD", 98, 98, "instruction or data, as it came in", { values: { 0: "data", 1: "instruction" } }),
      RNW,
      res0(127, 100),
      INPUT_ADDR,
      res0(255, 192),
    ]),
  },
  {
    number: 0x02,
    name: "C_BAD_STREAMID",
    sub: 3,
    about: "The StreamID lies outside the Stream table.",
    linux: true,
    fields: withRest(substreamHead, REST),
  },
  {
    number: 0x03,
    name: "F_STE_FETCH",
    sub: 4,
    about: "Reading the STE was answered with an external abort.",
    linux: true,
    fields: withRest(substreamHead, FETCH),
  },
  {
    number: 0x04,
    name: "C_BAD_STE",
    sub: 5,
    about: "The STE is not valid or holds a combination that is ILLEGAL.",
    linux: true,
    fields: withRest(substreamHead, REST),
  },
  {
    number: 0x05,
    name: "F_BAD_ATS_TREQ",
    sub: 6,
    about: "A PCIe ATS Translation Request came from a stream that may not make one.",
    linux: false,
    // UNMODELLED: the drawing of this record is not in the text this table was made from.
    unplaced: {
      fields: "R, W, X, PRIV, Span and InputAddr of the request",
      runs: [
        [127, 64],
        [191, 128],
      ],
    },
    fields: withRest(substreamHead, [
      field("_127_64", 127, 64, "R, W, X, PRIV and Span of the request lie here, positions not declared"),
      field("_191_128", 191, 128, "InputAddr of the request lies here, position not declared"),
      res0(255, 192),
    ]),
  },
  {
    number: 0x06,
    name: "F_STREAM_DISABLED",
    sub: 7,
    about: "The STE refuses transactions without a SubstreamID, or with SubstreamID 0.",
    linux: true,
    fields: withRest(streamHead, REST),
  },
  {
    number: 0x07,
    name: "F_TRANSL_FORBIDDEN",
    sub: 8,
    about: "A PCIe transaction marked Translated came from a stream that may not bypass the SMMU.",
    linux: false,
    fields: withRest(streamHead, [res0(98, 64), RNW, res0(127, 100), INPUT_ADDR, res0(255, 192)]),
  },
  {
    number: 0x08,
    name: "C_BAD_SUBSTREAMID",
    sub: 9,
    about: "The transaction carries a SubstreamID that the configuration does not allow.",
    linux: true,
    fields: (number, name) => [
      field("EventNumber", 7, 0, "event number", { values: { [number]: name } }),
      res0(11, 8),
      field("SubstreamID", 31, 12, "SubstreamID (PASID) of the transaction, always valid here"),
      STREAM_ID,
      ...REST,
    ],
  },
  {
    number: 0x09,
    name: "F_CD_FETCH",
    sub: 10,
    about: "Reading the CD was answered with an external abort.",
    linux: true,
    fields: withRest(substreamHead, FETCH),
  },
  {
    number: 0x0a,
    name: "C_BAD_CD",
    sub: 11,
    about: "The CD is not valid or holds a combination that is ILLEGAL.",
    linux: true,
    fields: withRest(substreamHead, REST),
  },
  {
    number: 0x0b,
    name: "F_WALK_EABT",
    sub: 12,
    about: "Reading or updating a translation table descriptor was answered with an external abort.",
    linux: false,
    fields: withRest(substreamHead, [
      REASON_16,
      GPCF,
      res0(96, 81),
      PNU,
      IND,
      RNW,
      res0(102, 100),
      S2,
      CLASS,
      res0(127, 106),
      INPUT_ADDR,
      ...FETCH_ADDR,
    ]),
  },
  {
    number: 0x10,
    name: "F_TRANSLATION",
    sub: 13,
    about: "The tables have no translation for the address.",
    linux: true,
    fields: withRest(substreamHead, FAULT),
  },
  {
    number: 0x11,
    name: "F_ADDR_SIZE",
    sub: 14,
    about: "A stage of translation produced an address that is too large.",
    linux: true,
    fields: withRest(substreamHead, FAULT),
  },
  {
    number: 0x12,
    name: "F_ACCESS",
    sub: 15,
    about: "The leaf descriptor has its Access flag clear.",
    linux: true,
    fields: withRest(substreamHead, FAULT),
  },
  {
    number: 0x13,
    name: "F_PERMISSION",
    sub: 16,
    about: "The tables translate the address but do not allow this access.",
    linux: true,
    // UNMODELLED: the drawing of this record is not in the text this table was made from.
    unplaced: {
      fields: "Overlay, AssuredOnly and DirtyBit (SMMUv3.4)",
      runs: [
        [107, 106],
        [127, 109],
      ],
    },
    fields: withRest(substreamHead, [
      ...STALL,
      ...ACCESS,
      res0(107, 106),
      field("TTRnW", 108, 108, "direction of the descriptor access that faulted", {
        when: "CLASS == TTD, else UNKNOWN",
        values: { 0: "descriptor write", 1: "descriptor read" },
      }),
      field("_127_109", 127, 109, "RES0 before SMMUv3.4; Overlay, AssuredOnly and DirtyBit are not placed here"),
      INPUT_ADDR,
      ...IPA,
    ]),
  },
  {
    number: 0x20,
    name: "F_TLB_CONFLICT",
    sub: 17,
    about: "The transaction matched TLB entries that contradict each other.",
    linux: false,
    fields: withRest(substreamHead, [
      REASON_32,
      res0(96, 96),
      PNU,
      IND,
      RNW,
      res0(101, 100),
      NSIPA,
      S2,
      res0(127, 104),
      INPUT_ADDR,
      ...IPA,
    ]),
  },
  {
    number: 0x21,
    name: "F_CFG_CONFLICT",
    sub: 18,
    about: "The transaction matched cached configuration that contradicts itself.",
    linux: false,
    fields: withRest(substreamHead, [REASON_32, res0(127, 96), res0(191, 128), res0(255, 192)]),
  },
  {
    number: 0x24,
    name: "E_PAGE_REQUEST",
    sub: 19,
    about: "A device hints that it will soon access a range of pages; no answer is needed.",
    linux: false,
    fields: withRest(substreamHead, [
      res0(97, 64),
      field("uX", 98, 98, "unprivileged execute expected"),
      field("uW", 99, 99, "unprivileged write expected"),
      field("uR", 100, 100, "unprivileged read expected"),
      field("pX", 101, 101, "privileged execute expected"),
      field("pW", 102, 102, "privileged write expected"),
      field("pR", 103, 103, "privileged read expected"),
      res0(107, 104),
      field("Span", 115, 108, "size of the range in units of 4096 bytes"),
      res0(127, 116),
      res0(139, 128),
      address("InputAddr", 191, 140, "start of the range"),
      res0(255, 192),
    ]),
  },
  {
    number: 0x25,
    name: "F_VMS_FETCH",
    sub: 20,
    about: "Reading the Virtual Machine Structure was answered with an external abort.",
    linux: true,
    fields: withRest(substreamHead, FETCH),
  },
];

/** Every architected event, in order of its number (the implementation defined range is not in here). */
export const EVENTS: readonly EventDefinition[] = TABLE.map((e) => {
  const section = `IHI 0070 §7.3.${e.sub}`;
  return {
    number: e.number,
    name: e.name,
    section,
    layout: layout(e.name, section, 256, e.fields(e.number, e.name)),
    about: e.about,
    linuxName: e.linux ? e.name : null,
    ...(e.unplaced === undefined ? {} : { unplaced: e.unplaced }),
  };
});

const byNumber = new Map(EVENTS.map((e) => [e.number, e]));
const byName = new Map(EVENTS.map((e) => [e.name, e]));

/** A record of which only the number means anything. */
const opaque = (name: string, section: string, about: string): Layout =>
  layout(name, section, 256, [
    field("EventNumber", 7, 0, "event number"),
    field("_63_8", 63, 8, about),
    field("_127_64", 127, 64, about),
    field("_191_128", 191, 128, about),
    field("_255_192", 255, 192, about),
  ]);

const IMPDEF = opaque("IMPDEF_EVENTn", "IHI 0070 §7.3.21", "IMPLEMENTATION DEFINED");

/** Layout to show for a number that the architecture reserves. */
export const RESERVED_EVENT: Layout = opaque("Reserved event", "IHI 0070 §7.3.21", "not defined for this number");

/**
 * The event with number `n` (0 to 255), also for the implementation defined numbers 0xe0 to 0xef;
 * undefined for reserved numbers.
 */
export function eventByNumber(n: number): EventDefinition | undefined {
  const known = byNumber.get(n);
  if (known !== undefined || n < 0xe0 || n > 0xef) return known;
  return {
    number: n,
    name: `IMPDEF_EVENT${n - 0xe0}`,
    section: "IHI 0070 §7.3.21",
    layout: IMPDEF,
    about: "The meaning of this event belongs to the implementation; the architecture leaves its record open.",
    linuxName: null,
  };
}

/** The event whose record starts at `words[at]`; undefined for reserved numbers. */
export function eventOf(words: Words, at = 0): EventDefinition | undefined {
  return eventByNumber(IMPDEF.f.EventNumber!.get(words, at));
}

/** The event of that name, such as "F_TRANSLATION". */
export function eventByName(name: string): EventDefinition | undefined {
  return byName.get(name);
}
