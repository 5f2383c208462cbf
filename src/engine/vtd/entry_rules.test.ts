import { describe, expect, it } from "vitest";
import { PASID_DIRECTORY_ENTRY, PASID_TABLE_ENTRY, Pgtt } from "../../arch/vtd/pasid_entries.ts";
import { R, REASONS, type ReasonId } from "../../arch/vtd/reasons.ts";
import { CONTEXT_ENTRY, ROOT_ENTRY, SM_CONTEXT_ENTRY, SM_ROOT_ENTRY } from "../../arch/vtd/root_context.ts";
import type { FieldAccess, Layout } from "../../base/layout.ts";
import { type Capabilities, readCapabilities } from "./capabilities.ts";
import {
  allBroken,
  CONTEXT_RULES,
  DIRECTORY_RULES,
  type EntryRule,
  firstBroken,
  LOWER_ROOT_RULES,
  PASID_RULES,
  ROOT_RULES,
  SM_CONTEXT_RULES,
  UPPER_ROOT_RULES,
} from "./entry_rules.ts";
import { presetById, presetIdentity } from "./presets.ts";

const { cap, ecap } = presetIdentity(presetById("sapphire-rapids")!);
const ALL: Capabilities = { ...readCapabilities(cap.hi, cap.lo, ecap.hi, ecap.lo), haw: 46 };

type Fields = Readonly<Record<string, number>>;

function words(l: Layout, fields: Fields): Uint32Array {
  const made = new Uint32Array(l.bits / 32);
  const access = l.f as Readonly<Record<string, FieldAccess>>;
  for (const [name, value] of Object.entries(fields)) {
    access[name]!.set(made, 0, value % 2 ** 32, Math.floor(value / 2 ** 32));
  }
  return made;
}

/** Page number of an address just beyond 46 bits. */
const FAR = 2 ** 34;

interface Case {
  readonly why: string;
  readonly fields: Fields;
  readonly caps?: Partial<Capabilities>;
  readonly expected: readonly ReasonId[];
}

interface Structure {
  readonly layout: Layout;
  readonly rules: readonly EntryRule[];
  readonly legal: Fields;
  readonly cases: readonly Case[];
}

const NESTED = { P: 1, PGTT: Pgtt.Nested, AW: 2 };

const STRUCTURES: Readonly<Record<string, Structure>> = {
  "root entry, VT-d §9.1": {
    layout: ROOT_ENTRY,
    rules: ROOT_RULES,
    legal: { P: 1, CTP: 5 },
    cases: [
      { why: "not present", fields: { P: 0 }, expected: ["LRT_2"] },
      { why: "reserved bits", fields: { _11_1: 4 }, expected: ["LRT_3"] },
      { why: "reserved upper half", fields: { _127_64: 2 ** 40 }, expected: ["LRT_3"] },
      { why: "an address beyond the host width", fields: { CTP: FAR }, expected: ["LRT_3"] },
    ],
  },
  "lower half of a scalable-mode root entry, VT-d §9.2": {
    layout: SM_ROOT_ENTRY,
    rules: LOWER_ROOT_RULES,
    legal: { LP: 1, _75_65: 1 },
    cases: [
      { why: "not present", fields: { LP: 0, UP: 1 }, expected: ["SRT_2_LOWER"] },
      { why: "reserved bits", fields: { _11_1: 1 }, expected: ["SRT_3_LOWER"] },
    ],
  },
  "upper half of a scalable-mode root entry, VT-d §9.2": {
    layout: SM_ROOT_ENTRY,
    rules: UPPER_ROOT_RULES,
    legal: { UP: 1, _11_1: 1 },
    cases: [
      { why: "not present", fields: { UP: 0, LP: 1 }, expected: ["SRT_2_UPPER"] },
      { why: "an address beyond the host width", fields: { UCTP: FAR }, expected: ["SRT_3_UPPER"] },
    ],
  },
  "context entry, VT-d §9.3": {
    layout: CONTEXT_ENTRY,
    rules: CONTEXT_RULES,
    legal: { P: 1, AW: 2, TT: 1, _70_67: 15 },
    cases: [
      { why: "not present, and nothing else", fields: { P: 0, AW: 2 }, expected: ["LCT_2"] },
      { why: "a reserved bit", fields: { _71: 1 }, expected: ["LCT_3"] },
      { why: "a reserved width and a reserved type", fields: { AW: 4, TT: 3 }, expected: ["LCT_4_AW", "LCT_4_TT"] },
      { why: "a width the unit lacks", fields: { AW: 2 }, caps: { sagaw: 2 }, expected: ["LCT_4_AW"] },
      { why: "device TLBs the unit lacks", fields: { TT: 1 }, caps: { dt: false }, expected: ["LCT_4_TT"] },
      { why: "pass-through the unit lacks", fields: { TT: 2 }, caps: { pt: false }, expected: ["LCT_4_TT"] },
    ],
  },
  "scalable-mode context entry, VT-d §9.4": {
    layout: SM_CONTEXT_ENTRY,
    rules: SM_CONTEXT_RULES,
    legal: { P: 1, DTE: 1, PASIDE: 1, PRE: 1, PDTS: 7, RID_PASID: 0xfffff, RID_PRIV: 1 },
    cases: [
      { why: "not present", fields: { P: 0 }, expected: ["SCT_2"] },
      { why: "reserved bits", fields: { _8_5: 1 }, expected: ["SCT_3"] },
      { why: "reserved upper words", fields: { _255_192: 1 }, expected: ["SCT_3"] },
    ],
  },
  "PASID directory entry, VT-d §9.5": {
    layout: PASID_DIRECTORY_ENTRY,
    rules: DIRECTORY_RULES,
    legal: { P: 1, FPD: 1, SMPTBLPTR: 9 },
    cases: [
      { why: "not present", fields: { P: 0 }, expected: ["SPD_2"] },
      { why: "reserved bits", fields: { _11_2: 2 }, expected: ["SPD_3"] },
      { why: "reserved bits of a unit that does not look", fields: { _11_2: 2 }, caps: { asQemu: true }, expected: [] },
    ],
  },
  "PASID table entry, VT-d §9.6": {
    layout: PASID_TABLE_ENTRY,
    rules: PASID_RULES,
    legal: { ...NESTED, FSPM: 1, SRE: 1, EAFE: 1, PAT: 0xffffffff, FSPTPTR: FAR },
    cases: [
      { why: "all zero", fields: { P: 0, PGTT: 0, AW: 0, FSPM: 0 }, expected: ["SPT_2", "SPT_4_PGTT"] },
      { why: "reserved bits", fields: { _86_80: 1 }, expected: ["SPT_3"] },
      { why: "reserved upper words", fields: { _511_448: 1 }, expected: ["SPT_3"] },
      { why: "a second-stage root beyond the host width", fields: { SSPTPTR: FAR }, expected: ["SPT_3"] },
      { why: "a first-stage root, not nested", fields: { PGTT: 1 }, expected: ["SPT_3"] },
      { why: "a reserved type", fields: { PGTT: 5, FSPM: 3 }, expected: ["SPT_4_PGTT"] },
      { why: "nesting the unit lacks", fields: {}, caps: { nest: false }, expected: ["SPT_4_PGTT"] },
      { why: "a reserved width", fields: { AW: 0 }, expected: ["SPT_4_AW"] },
      { why: "a width that does not matter", fields: { PGTT: 4, AW: 0 }, expected: [] },
      { why: "5 levels the unit lacks", fields: { FSPM: 1 }, caps: { fs5lp: false }, expected: ["SPT_4_FSPM"] },
      { why: "a reserved paging mode", fields: { FSPM: 2 }, expected: ["SPT_4_FSPM"] },
    ],
  },
};

const names = (reasons: readonly number[]): string[] => reasons.map((reason) => REASONS[reason]!.id);

describe.each(Object.entries(STRUCTURES))("%s", (_name, { layout, rules, legal, cases }) => {
  it("is in order as it should be", () => {
    expect(names(allBroken(rules, words(layout, legal), ALL))).toEqual([]);
    expect(firstBroken(rules, words(layout, legal), ALL)).toBe(R.NONE);
  });

  it.each(cases)("refuses $why", ({ fields, caps, expected }) => {
    const made = words(layout, { ...legal, ...fields });
    const broken = allBroken(rules, made, { ...ALL, ...caps });
    expect(names(broken)).toEqual(expected);
    expect(firstBroken(rules, made, { ...ALL, ...caps })).toBe(broken[0] ?? R.NONE);
  });
});
