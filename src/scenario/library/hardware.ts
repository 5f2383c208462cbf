/** Machines of lessons without software: registers and structures in memory as they are declared. */
import { encodeFields, type FieldNumbers } from "../../base/encode.ts";
import { join } from "../../base/halves.ts";
import type { Layout } from "../../base/layout.ts";
import type { MachineDescription } from "../../protocol/machine.ts";

/** Contents of memory: a structure at an address. */
export function structure(
  at: number,
  layout: Layout,
  fields: FieldNumbers,
): MachineDescription["memory"]["segments"][0] {
  return { at: BigInt(at), bytes: new Uint8Array(encodeFields(layout, fields).buffer) };
}

/** The value of a register of at most 64 bits. */
export function register(layout: Layout, fields: FieldNumbers): bigint {
  const words = encodeFields(layout, fields);
  return join(words[1] ?? 0, words[0]!);
}
