import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { registerByName } from "../../arch/smmuv3/registers.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import { encodeFields, type FieldNumbers } from "../../base/encode.ts";
import { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import { ownMemory } from "../../machine/kernel_memory.ts";
import { UNNOTED } from "../notes.ts";
import { KernelRegisters } from "../registers.ts";
import { StreamTable } from "./stream_table.ts";

const BASE = 0x10_0000;

/** Registers that only remember, of an SMMU with two-level tables and 16 StreamID bits. */
function registers(): KernelRegisters {
  const values = new Map<number, bigint>([
    [0x00, 1n << 27n],
    [0x04, 16n],
  ]);
  const pages = {
    read: (offset: number) => values.get(offset) ?? 0n,
    write: (offset: number, value: bigint) => {
      values.set(offset, value);
    },
  };
  return new KernelRegisters(pages, UNNOTED, registerByName);
}

const memoryOf = () => {
  const physical = new PhysicalMemory({ outside: "abort", zero: [[BASE, 0x10_0000]], segments: [] });
  return ownMemory(physical, BASE, 0x10_0000);
};

const stage2 = { S2VMID: 3, S2T0SZ: 20, S2TG: 0, S2AA64: 1, S2R: 1, S2TTB: 0x40_0000 };
const stage1 = { S1ContextPtr: 0x8_0000, S1CIR: 1, S1COR: 1, S1CSH: 3, SHCFG: 1 };

/** Entries as the driver makes them. */
const ENTRIES: readonly FieldNumbers[] = [
  { V: 1, Config: 0 },
  { V: 1, Config: 5, ...stage1 },
  { V: 1, Config: 5, ...stage1, S1ContextPtr: 0x9_0000 },
  { V: 1, Config: 6, SHCFG: 1, ...stage2 },
  { V: 1, Config: 7, ...stage1, MEV: 1, ...stage2 },
  { V: 1, Config: 7, ...stage1, MEV: 1, ...stage2, S2TTB: 0x50_0000, S2VMID: 4 },
];

/** What the SMMU makes of an entry: its configuration and what goes with it, or nothing while it is invalid. */
function meaning(words: Uint32Array): string {
  if (STE.f.V.get(words, 0) === 0) return "invalid";
  const config = STE.f.Config.get(words, 0);
  const first = (config & 5) === 5 ? [Array.from(words.slice(0, 4)), STE.f.MEV.get(words, 0)] : [];
  const second = (config & 6) === 6 ? Array.from(words.slice(4, 8)) : [];
  return JSON.stringify([config, first, second]);
}

describe("the stream table", () => {
  it("an entry that changes is the old one, the new one or invalid at every step that the SMMU may see", () => {
    const which = fc.integer({ min: 0, max: ENTRIES.length - 1 });
    fc.assert(
      fc.property(fc.array(which, { minLength: 2, maxLength: 12 }), (order) => {
        const memory = memoryOf();
        const table = StreamTable.make(registers(), memory)!;
        const at = table.place(0x1234)!;
        let old = "invalid";
        for (const i of order) {
          const target = meaning(encodeFields(STE, ENTRIES[i]!));
          const seen: string[] = [];
          table.replace(at, ENTRIES[i]!, () => seen.push(meaning(memory.readWords(at, STE))));
          for (const m of seen) expect([old, target, "invalid"]).toContain(m);
          expect(memory.readWords(at, STE)).toEqual(encodeFields(STE, ENTRIES[i]!));
          old = target;
        }
      }),
      { numRuns: 60, seed: 3 },
    );
  });

  it("going between stage 1 and abort, and between nested contexts, leaves no gap", () => {
    const memory = memoryOf();
    const table = StreamTable.make(registers(), memory)!;
    const at = table.place(1)!;
    table.replace(at, ENTRIES[4]!, () => {});
    for (const next of [{ ...ENTRIES[4]!, S1ContextPtr: 0xa_0000 }, ENTRIES[0]!, ENTRIES[1]!, ENTRIES[0]!]) {
      table.replace(at, next, () => expect(meaning(memory.readWords(at, STE))).not.toBe("invalid"));
    }
  });

  it("streams beyond the table have no entry", () => {
    const table = StreamTable.make(registers(), memoryOf())!;
    expect(table.place(0x1_0000)).toBeNull();
  });
});
