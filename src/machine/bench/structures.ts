/** Structures and registers put together from their layouts, for workloads. */
import { highHalf as high, lowHalf as low } from "../../base/address.ts";
import type { FieldAccess, Layout } from "../../base/layout.ts";
import type { PhysicalMemory } from "../../engine/memory/physical_memory.ts";

/** Values by field name. */
export type Fields = Readonly<Record<string, number>>;

/** Words of a structure with these fields; an address field takes the address. */
export function encode(layout: Layout, fields: Fields): Uint32Array {
  const words = new Uint32Array(layout.bits / 32);
  const access = layout.f as Readonly<Record<string, FieldAccess>>;
  for (const d of layout.fields) {
    const given = fields[d.name];
    if (given === undefined) continue;
    const value = d.form === "address" ? given / 2 ** (d.lo & 63) : given;
    access[d.name]!.set(words, 0, low(value), high(value));
  }
  return words;
}

/** Write a structure at a physical address. */
export function writeStructure(memory: PhysicalMemory, layout: Layout, at: number, fields: Fields): void {
  memory.writeBytes(at, new Uint8Array(encode(layout, fields).buffer));
}
