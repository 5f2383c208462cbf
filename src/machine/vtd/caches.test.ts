import { describe, expect, it } from "vitest";
import { Digest } from "../../base/digest.ts";
import { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import { CACHE_NAMES } from "../../engine/vtd/caches/options.ts";
import type { Access } from "../../protocol/machine.ts";
import { VTD } from "./architecture.ts";
import type { VtdUnit } from "./vtd_unit.ts";

const ROOT = 0x1000;
const CONTEXT = 0x2000;
const TABLES = 0x4000;
const SID = 0x18;
const ACCESS: Access = { sid: SID, ssid: null, iova: 0x10n, write: false, privileged: false, instruction: false };

/** A unit in legacy mode whose device's page 0 is mapped to 0x9000, with every cache. */
function cached(): VtdUnit {
  const memory = new PhysicalMemory({ outside: "abort", zero: [[0, 0x10_0000]], segments: [] });
  const put = (at: number, lo: number, hi = 0): unknown => memory.write64(0, at, hi, lo);
  put(ROOT, CONTEXT | 1);
  put(CONTEXT + SID * 16, TABLES | 1);
  put(CONTEXT + SID * 16 + 8, (7 << 8) | 2);
  for (let level = 0; level < 3; level++) put(TABLES + 0x1000 * level, (TABLES + 0x1000 * (level + 1)) | 3);
  put(TABLES + 0x3000, 0x9003);
  const unit = VTD.make(
    {
      arch: "vtd",
      preset: "qemu-11.1-legacy",
      registers: { RTADDR: BigInt(ROOT), GSTS: 0xc000_0000n },
      memory: { outside: "abort", zero: [], segments: [] },
      devices: [],
      caches: Object.fromEntries(CACHE_NAMES.map((name) => [name, { entries: 16, ways: 4 }])),
    },
    memory,
  );
  unit.transfer({ ...ACCESS, length: 4 });
  return unit;
}

const digestOf = (unit: VtdUnit): string => {
  const digest = new Digest();
  unit.digest(digest);
  return digest.hex();
};

describe("a VT-d unit with caches", () => {
  it("lists what they hold, and what memory has left behind with the descriptors that are missing", () => {
    const unit = cached();
    const shown = (): unknown[] =>
      unit.inspect.caches().flatMap(({ name, entries }) => entries.map((e) => [name, e.input, e.output, e.stale]));
    expect(shown()).toEqual([
      ["context", null, null, null],
      ["iotlb", 0n, 0x9000n, null],
      ["secondWalk", 0n, 0x7000n, null],
    ]);
    unit.memory.write64(0, TABLES + 0x3000, 0, 0xa003);
    const stale = { what: "page tables", missing: ["iotlb_inv_dsc, DID 0x7, sizeLg2 0xc, leafOnly, Address 0x0"] };
    expect(shown()[1]).toEqual(["iotlb", 0n, 0x9000n, stale]);
    expect(unit.transfer({ ...ACCESS, length: 4 })).toMatchObject({ ok: true, pa: 0x9010n });
  });

  it("takes them back with its state", () => {
    const unit = cached();
    const [image, before] = [unit.snapshot(), digestOf(unit)];
    unit.write(0x28, 0xa000_0000_0000_0000n, 8);
    unit.write(0xf8, 0x9000_0000_0000_0000n, 8);
    expect(unit.inspect.caches().every(({ entries }) => entries.length === 0)).toBe(true);
    unit.restore(image);
    expect(digestOf(unit)).toBe(before);
  });

  it("refuses a cache that it does not know", () => {
    const description = { arch: "vtd", preset: "qemu-11.1-legacy", registers: {}, devices: [] } as const;
    const memory = { outside: "abort", zero: [], segments: [] } as const;
    const fault = VTD.check({ ...description, memory, caches: { tlb: { entries: 8, ways: 2 } } });
    expect(fault?.detail).toContain("tlb");
  });
});
