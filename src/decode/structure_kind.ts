/**
 * A kind of structure that words can be read as. Each architecture lists its own.
 */
import type { FieldValue, Layout } from "../base/layout.ts";

/** Fields by name, as `decodeFields` gives them. */
export type FieldsByName = ReadonlyMap<string, FieldValue>;

/** A kind of structure. */
export interface StructureKind {
  /** Such as "ste"; what the command line calls it. */
  readonly id: string;
  /** For a list to choose from. */
  readonly name: string;
  /** The layout that the words call for; they may be fewer than the structure has, and read as 0 then. */
  readonly layoutOf: (words: Uint32Array) => Layout;
  /** One sentence about a structure; absent: its name and section. */
  summary?(layout: Layout, fields: FieldsByName): string;
}

/** Words, the layout they are read by, and the layout they would be read by after a change. */
export interface ReadStructure {
  readonly layout: Layout;
  /** As layouts read them: 32-bit words, lowest first. */
  readonly words: Uint32Array;
  readonly layoutOf: (words: Uint32Array) => Layout;
}

/** Hexadecimal value of a field; 0x0 for one that is absent. */
export const fieldHex = (fields: FieldsByName, name: string): string =>
  `0x${(fields.get(name)?.value ?? 0n).toString(16)}`;
