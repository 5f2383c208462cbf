/**
 * When root, context and PASID entries do not serve any request: one rule for each fault condition, in the order of the
 * checks (VT-d §7.1.3, §9.1 to §9.6). The same rules serve translation, the inspector and explanations.
 *
 * CHOICE(PASID_ENTRY_UNSUPPORTED): fields of a PASID table entry that serve a feature the unit lacks are ignored, not
 * reserved; the checks of SRE, ERE and types see to what they would enable.
 */
import { PASID_DIRECTORY_ENTRY, PASID_TABLE_ENTRY, Pgtt } from "../../arch/vtd/pasid_entries.ts";
import { R } from "../../arch/vtd/reasons.ts";
import { CONTEXT_ENTRY, ROOT_ENTRY, SM_CONTEXT_ENTRY, SM_ROOT_ENTRY } from "../../arch/vtd/root_context.ts";
import type { Layout } from "../../base/layout.ts";
import { highBitsFrom } from "../common/table_root.ts";
import { type Capabilities, widthOf } from "./capabilities.ts";

/** One rule of a structure. */
export interface EntryRule {
  readonly reason: number;
  readonly broken: (words: Uint32Array, caps: Capabilities) => boolean;
}

/** Index of the reason of the first broken rule, `R.NONE` where all hold. */
export function firstBroken(rules: readonly EntryRule[], words: Uint32Array, caps: Capabilities): number {
  for (const rule of rules) if (rule.broken(words, caps)) return rule.reason;
  return R.NONE;
}

/** Reasons of every broken rule. */
export const allBroken = (rules: readonly EntryRule[], words: Uint32Array, caps: Capabilities): number[] =>
  rules.filter((rule) => rule.broken(words, caps)).map((rule) => rule.reason);

/** Translation Type of a context entry (§9.3). */
export const TranslationType = { Untranslated: 0, All: 1, PassThrough: 2 } as const;

/** First-stage paging mode (§9.6). */
export const FIVE_LEVELS = 1;

/** A test for reserved bits: the fields of these names, in words [from, to) of the structure. */
function reserved(l: Layout, names: readonly string[]): (words: Uint32Array) => boolean {
  const mask = new Uint32Array(l.bits / 32);
  for (const name of names) {
    const d = l.fields.find((f) => f.name === name);
    if (d === undefined) throw new Error(`${l.name} has no field ${name}`);
    for (let bit = d.lo; bit <= d.hi; bit++) mask[bit >>> 5]! |= 1 << (bit & 31);
  }
  return (words) => {
    for (let i = 0; i < mask.length; i++) if ((words[i]! & mask[i]!) !== 0) return true;
    return false;
  };
}

/** An address whose high half is word `at` exceeds the host address width. */
const beyond = (words: Uint32Array, at: number, caps: Capabilities): boolean =>
  (words[at]! & highBitsFrom(caps.haw)) !== 0;

const absent =
  (field: { get: (words: Uint32Array, at: number) => number }) =>
  (words: Uint32Array): boolean =>
    field.get(words, 0) === 0;

/** Rules of an entry with one pointer in its first 64 bits: present, then nothing reserved. */
const pointerRules = (
  notPresent: EntryRule["broken"],
  [absentReason, reservedReason]: readonly [number, number],
  bits: (words: Uint32Array) => boolean,
  addressWord = 1,
): readonly EntryRule[] => [
  { reason: absentReason, broken: notPresent },
  { reason: reservedReason, broken: (words, caps) => bits(words) || beyond(words, addressWord, caps) },
];

const r = SM_ROOT_ENTRY.f;
const c = CONTEXT_ENTRY.f;
const p = PASID_TABLE_ENTRY.f;

/** Root entry of legacy mode. */
export const ROOT_RULES = pointerRules(
  absent(ROOT_ENTRY.f.P),
  [R.LRT_2, R.LRT_3],
  reserved(ROOT_ENTRY, ["_11_1", "_127_64"]),
);

/** Half of a scalable-mode root entry: for devices 0 to 15, and 16 to 31. */
export const LOWER_ROOT_RULES = pointerRules(
  absent(r.LP),
  [R.SRT_2_LOWER, R.SRT_3_LOWER],
  reserved(SM_ROOT_ENTRY, ["_11_1"]),
);
export const UPPER_ROOT_RULES = pointerRules(
  absent(r.UP),
  [R.SRT_2_UPPER, R.SRT_3_UPPER],
  reserved(SM_ROOT_ENTRY, ["_75_65"]),
  3,
);

/** Context entry of legacy mode. */
export const CONTEXT_RULES: readonly EntryRule[] = [
  ...pointerRules(absent(c.P), [R.LCT_2, R.LCT_3], reserved(CONTEXT_ENTRY, ["_11_4", "_71", "_127_88"])),
  { reason: R.LCT_4_AW, broken: (words, caps) => widthOf(c.AW.get(words, 0), caps) === 0 },
  { reason: R.LCT_4_TT, broken: (words, caps) => !offersType(c.TT.get(words, 0), caps) },
];

function offersType(type: number, caps: Capabilities): boolean {
  if (type === TranslationType.Untranslated) return true;
  return type === TranslationType.All ? caps.dt : type === TranslationType.PassThrough && caps.pt;
}

/** Context entry of scalable mode. */
export const SM_CONTEXT_RULES = pointerRules(
  absent(SM_CONTEXT_ENTRY.f.P),
  [R.SCT_2, R.SCT_3],
  reserved(SM_CONTEXT_ENTRY, ["_8_5", "_127_85", "_191_128", "_255_192"]),
);

/** PASID directory entry. */
const directoryReserved = reserved(PASID_DIRECTORY_ENTRY, ["_11_2"]);
export const DIRECTORY_RULES: readonly EntryRule[] = [
  { reason: R.SPD_2, broken: absent(PASID_DIRECTORY_ENTRY.f.P) },
  {
    reason: R.SPD_3,
    broken: (words, caps) => !caps.asQemu && (directoryReserved(words) || beyond(words, 1, caps)),
  },
];

const entryReserved = reserved(
  PASID_TABLE_ENTRY,
  PASID_TABLE_ENTRY.fields.filter((d) => d.form === "reserved").map((d) => d.name),
);

/** The PASID table entry uses first-stage tables, second-stage tables. */
export const usesFirst = (type: number): boolean => type === Pgtt.First || type === Pgtt.Nested;
export const usesSecond = (type: number): boolean => type === Pgtt.Second || type === Pgtt.Nested;

/** PASID table entry. */
export const PASID_RULES: readonly EntryRule[] = [
  { reason: R.SPT_2, broken: absent(p.P) },
  {
    reason: R.SPT_3,
    broken: (words, caps) => !caps.asQemu && (entryReserved(words) || pointerBeyond(words, caps)),
  },
  { reason: R.SPT_4_PGTT, broken: (words, caps) => !offersPgtt(p.PGTT.get(words, 0), caps) },
  {
    reason: R.SPT_4_AW,
    broken: (words, caps) => usesSecond(p.PGTT.get(words, 0)) && widthOf(p.AW.get(words, 0), caps) === 0,
  },
  {
    reason: R.SPT_4_FSPM,
    broken: (words, caps) =>
      usesFirst(p.PGTT.get(words, 0)) && p.FSPM.get(words, 0) > (caps.fs5lp ? FIVE_LEVELS : FIVE_LEVELS - 1),
  },
];

/** Pointers of host physical addresses; that of a nested first stage is not one. */
function pointerBeyond(words: Uint32Array, caps: Capabilities): boolean {
  const type = p.PGTT.get(words, 0);
  return (usesSecond(type) && beyond(words, 1, caps)) || (type === Pgtt.First && beyond(words, 5, caps));
}

function offersPgtt(type: number, caps: Capabilities): boolean {
  if (type === Pgtt.First) return caps.fsts;
  if (type === Pgtt.Second) return caps.ssts;
  if (type === Pgtt.Nested) return caps.nest && caps.fsts && caps.ssts;
  return type === Pgtt.PassThrough && caps.pt;
}
