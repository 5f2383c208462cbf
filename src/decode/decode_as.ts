/**
 * Words read as a structure the reader names, of any architecture: an entry, a command, a record, a register.
 */
import { decodeFields, type FieldValue } from "../base/layout.ts";
import { AMDVI_KINDS, amdviRegisterLayout } from "./amdvi/structure_kinds.ts";
import { halvesOf } from "./printed_fields.ts";
import { SMMUV3_KINDS, smmuv3RegisterLayout } from "./smmuv3/structure_kinds.ts";
import type { ReadStructure, StructureKind } from "./structure_kind.ts";
import { VTD_KINDS, vtdRegister } from "./vtd/structure_kinds.ts";

/** Every kind that words can be read as; "register:NAME" reads a register besides. */
export const STRUCTURE_KINDS: readonly StructureKind[] = [...SMMUV3_KINDS, ...VTD_KINDS, ...AMDVI_KINDS];

const REGISTER = "register:";

/** One structure taken apart. */
export interface DecodedStructure extends ReadStructure {
  readonly ok: true;
  /** 64-bit words of the structure that were not given; they read as 0. */
  readonly missingWords: number;
  readonly fields: readonly FieldValue[];
  /** Reserved runs that are not zero. */
  readonly reservedSet: readonly FieldValue[];
  readonly summary: string;
}

/** Why words cannot be read as the structure asked for. */
export interface NotDecoded {
  readonly ok: false;
  readonly message: string;
}

/** Registers of all architectures; a name that several have is the first one's. */
function register(name: string): StructureKind | null {
  const find = (lo: number) => smmuv3RegisterLayout(name, lo) ?? vtdRegister(name)?.layout ?? amdviRegisterLayout(name);
  const known = find(0);
  return known === null ? null : { id: REGISTER + name, name, layoutOf: ([lo = 0]) => find(lo) ?? known };
}

/** Whether words can be read as `id`: a kind, or "register:NAME" of a register that some architecture has. */
export const kindById = (id: string): StructureKind | null =>
  id.startsWith(REGISTER)
    ? register(id.slice(REGISTER.length))
    : (STRUCTURE_KINDS.find((kind) => kind.id === id) ?? null);

/**
 * Read words, lowest first, as one structure. Missing words read as 0 and are counted; words beyond the structure's
 * size are refused, so that nothing is dropped unseen.
 */
export function decodeAs(words: readonly bigint[], id: string): DecodedStructure | NotDecoded {
  if (words.length === 0) return { ok: false, message: "There are no words to read." };
  const kind = kindById(id);
  if (kind === null) {
    const what = id.startsWith(REGISTER) ? `register of that name: ${id.slice(REGISTER.length)}` : `structure ${id}`;
    return { ok: false, message: `There is no ${what}.` };
  }
  const halves = halvesOf(words, 64 * words.length);
  const layout = kind.layoutOf(halves);
  const most = Math.max(layout.bits / 64, 1);
  if (words.length > most) {
    return { ok: false, message: `${layout.name} has ${most} words of 64 bits, but there are ${words.length}.` };
  }
  const own = halvesOf(words, layout.bits);
  const fields = decodeFields(layout, own);
  const byName = new Map(fields.map((f) => [f.declaration.name, f]));
  return {
    ok: true,
    layout,
    words: own,
    layoutOf: (changed) => kind.layoutOf(changed),
    missingWords: Math.ceil(most) - words.length,
    fields,
    reservedSet: fields.filter((f) => f.declaration.form === "reserved" && f.value !== 0n),
    summary: kind.summary?.(layout, byName) ?? `${layout.name}, ${layout.section}.`,
  };
}
