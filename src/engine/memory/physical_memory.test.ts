import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Digest } from "../../base/digest.ts";
import { xorshift32 } from "../../base/rng.ts";
import { MemoryStatus, PhysicalMemory } from "./physical_memory.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const digestOf = (memory: PhysicalMemory): string => {
  const digest = new Digest();
  memory.digest(digest);
  return digest.hex();
};

describe("PhysicalMemory", () => {
  it("reads zero in a zero range, aborts or is unknown outside it", () => {
    for (const outside of ["abort", "unknown"] as const) {
      const memory = new PhysicalMemory({ outside, zero: [[0x40000000, 0x1000]], segments: [] });
      expect(memory.read64(0, 0x40000ff8)).toBe(MemoryStatus.Ok);
      expect([memory.hi, memory.lo]).toEqual([0, 0]);
      expect(memory.read64(0, 0x40001000)).toBe(outside === "abort" ? MemoryStatus.Abort : MemoryStatus.Unknown);
      expect(memory.read64(0x100000, 0)).toBe(MemoryStatus.Abort);
    }
  });

  it("knows single words of a page and nothing else of it", () => {
    const memory = new PhysicalMemory({
      outside: "unknown",
      zero: [[0x2010, 0x10]],
      segments: [{ at: 0xf_ffff_ffff_f008, bytes: bytes(1, 2, 3, 4, 5, 6, 7, 8) }],
    });
    expect(memory.read64(0xfffff, 0xfffff008)).toBe(MemoryStatus.Ok);
    expect([memory.hi, memory.lo]).toEqual([0x08070605, 0x04030201]);
    expect(memory.read64(0xfffff, 0xfffff010)).toBe(MemoryStatus.Unknown);
    expect(memory.read64(0, 0x2008)).toBe(MemoryStatus.Unknown);
    expect(memory.read64(0, 0x2010)).toBe(MemoryStatus.Ok);
    expect(memory.read64(0, 0x2018)).toBe(MemoryStatus.Ok);
    expect(memory.read64(0, 0x2020)).toBe(MemoryStatus.Unknown);
  });

  it("says whether a range reads as zero, as reading it word by word does", () => {
    const zero = [[0x1008, 0x3ff8]] as const;
    const place = fc.integer({ min: 0x1f0, max: 0xc10 });
    fc.assert(
      fc.property(fc.array(place, { maxLength: 4 }), place, fc.nat(0x400), (written, from, words) => {
        const memory = new PhysicalMemory({ outside: "unknown", zero, segments: [] });
        for (const word of written) memory.write64(0, 8 * word, 0, 1);
        const value = (word: number): number => (memory.read64(0, 8 * word) === MemoryStatus.Ok ? memory.lo : 0);
        const isZero = Array.from({ length: words }, (_, i) => value(from + i)).every((lo) => lo === 0);
        expect(memory.isZero(8 * from, 8 * words)).toBe(isZero);
      }),
      { examples: [[[0x200], 0x200, 1]] },
    );
  });

  it("holds its segments also where nothing answers around them", () => {
    const memory = new PhysicalMemory({
      outside: "abort",
      zero: [],
      segments: [{ at: 0x1000, bytes: bytes(1, 2, 3, 4, 5, 6, 7, 8) }],
    });
    expect(memory.read64(0, 0x1000)).toBe(MemoryStatus.Ok);
    expect(memory.lo).toBe(0x04030201);
    expect(memory.read64(0, 0x1008)).toBe(MemoryStatus.Abort);
  });

  it("writes bytes across words and pages and reads them back", () => {
    const memory = new PhysicalMemory({ outside: "abort", zero: [[0, 0x10000]], segments: [] });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xf000 }), fc.uint8Array({ minLength: 1, maxLength: 64 }), (at, data) => {
        expect(memory.writeBytes(at, data)).toBe(MemoryStatus.Ok);
        const back = new Uint8Array(data.length);
        expect(memory.readBytes(at, back)).toBe(MemoryStatus.Ok);
        expect(back).toEqual(data);
      }),
    );
  });

  it("keeps its segments through its own description", () => {
    const memory = new PhysicalMemory({
      outside: "unknown",
      zero: [[0x5000, 0x1000]],
      segments: [
        { at: 0x1008, bytes: bytes(9, 0, 0, 0, 0, 0, 0, 0) },
        { at: 0x3000, bytes: new Uint8Array(4096).fill(7) },
      ],
    });
    memory.write64(0, 0x5010, 1, 2);
    const copy = new PhysicalMemory({ outside: "unknown", zero: [[0x5000, 0x1000]], segments: memory.segments() });
    expect(digestOf(copy)).toBe(digestOf(memory));
    expect(memory.segments().map((s) => [s.at, s.bytes.length])).toEqual([
      [0x1008, 8],
      [0x3000, 4096],
      [0x5000, 4096],
    ]);
  });

  it.each([1, 77, 4096])("goes to any image in any order, seed %i", (seed) => {
    const next = xorshift32(seed);
    const memory = new PhysicalMemory({ outside: "unknown", zero: [[0, 0x40000]], segments: [] });
    const images = [];
    for (let i = 0; i < 40; i++) {
      images.push({ image: memory.snapshot(), digest: digestOf(memory) });
      for (let w = next() % 20; w > 0; w--) {
        // Some writes make unknown memory known.
        memory.write64(0, (next() % 0x80000) & ~7, next(), next());
      }
      if (next() % 4 === 0) {
        const { image, digest } = images[next() % images.length]!;
        memory.restore(image);
        expect(digestOf(memory)).toBe(digest);
      }
    }
    for (let i = 0; i < 100; i++) {
      const { image, digest } = images[next() % images.length]!;
      memory.restore(image);
      expect(digestOf(memory)).toBe(digest);
      if (next() % 2 === 0) memory.write64(0, (next() % 0x80000) & ~7, next(), next());
    }
    const kept = images.slice(0, 5);
    memory.retain(kept.map((k) => k.image));
    for (const { image, digest } of kept) {
      memory.restore(image);
      expect(digestOf(memory)).toBe(digest);
    }
  });

  it("knows how many address bits its frames need", () => {
    const memory = new PhysicalMemory({ outside: "abort", zero: [[0, 2 ** 52]], segments: [] });
    expect(memory.addressBits).toBe(0);
    const after = [0, 0x1000, 0x7fff_f000, 2 ** 32 - 8, 2 ** 32, 2 ** 48, 2 ** 48 - 8, 2 ** 52 - 8].map((at) => {
      memory.write64(Math.floor(at / 2 ** 32), (at % 2 ** 32) >>> 0, 0, 1);
      return memory.addressBits;
    });
    expect(after).toEqual([12, 13, 31, 32, 33, 49, 49, 52]);
  });

  it("stops at its limit of frames instead of growing without bound", () => {
    const memory = new PhysicalMemory({ outside: "abort", zero: [[0, 2 ** 52]], segments: [] }, 1000);
    let status: MemoryStatus = MemoryStatus.Ok;
    let pages = 0;
    // A write to a page each, far apart.
    for (; status === MemoryStatus.Ok && pages < 2000; pages++) {
      status = memory.write64(pages >>> 8, (pages << 24) >>> 0, 0, 1);
    }
    expect(status).toBe(MemoryStatus.Full);
    expect(memory.bytes).toBe(1000 * 4096);
  });
});
