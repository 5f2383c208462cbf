/** What may stand where the caret is in a filter. */
import type { FilterField } from "./filter.ts";
import { tokens } from "./tokens.ts";

/** Something to put in place of characters [from, to). */
export interface Completion {
  readonly text: string;
  readonly about: string;
  readonly from: number;
  readonly to: number;
}

/** Most to offer at once. */
const MOST = 12;

/** Fields whose name begins as the term does, or values of the field that the term names. */
export function completions<Row>(text: string, caret: number, fields: readonly FilterField<Row>[]): Completion[] {
  const token = tokens(text).find((t) => t.from <= caret && caret <= t.to);
  if (token === undefined || token.operator === null) {
    const from = token === undefined ? caret : token.from + (token.denied ? 1 : 0);
    const typed = (token?.text ?? "").toLowerCase();
    return fields
      .filter((f) => f.name.startsWith(typed))
      .slice(0, MOST)
      .map((f) => ({ text: `${f.name}=`, about: f.about, from, to: token?.to ?? caret }));
  }
  if (caret < token.valueFrom) return [];
  const field = fields.find((f) => f.name === token.text.toLowerCase());
  // Of alternatives the last one is being typed.
  const from = token.valueFrom + token.value.lastIndexOf("|") + 1;
  const typed = text.slice(from, caret).toLowerCase();
  return (field?.values ?? [])
    .filter((value) => value.toLowerCase().startsWith(typed) && value.toLowerCase() !== typed)
    .slice(0, MOST)
    .map((value) => ({ text: value.includes(" ") ? `"${value}"` : value, about: "", from, to: token.to }));
}

/** The text with a completion put in, and where the caret then stands. */
export function completed(text: string, c: Completion): { readonly text: string; readonly caret: number } {
  const rest = text.slice(c.to);
  // A value is done with: the next term can follow.
  const space = c.text.endsWith("=") || rest.startsWith(" ") ? "" : " ";
  return { text: `${text.slice(0, c.from)}${c.text}${space}${rest}`, caret: c.from + c.text.length + space.length };
}
