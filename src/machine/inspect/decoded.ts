/** Fields of a register or of a queue's entry, as a page gets them. */
import { decodeFields, type Layout, type Words } from "../../base/layout.ts";
import type { DecodedField } from "../../protocol/inspection.ts";

/** Every field that is not reserved. */
export function decodedFields(layout: Layout, words: Words): DecodedField[] {
  return decodeFields(layout, words)
    .filter(({ declaration }) => declaration.form !== "reserved")
    .map(({ declaration: { name, hi, lo, about }, value, meaning = null }) => ({
      name,
      hi,
      lo,
      value,
      meaning,
      about,
    }));
}
