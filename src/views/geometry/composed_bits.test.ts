import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { composedAddresses } from "./composed_bits.ts";

const SIZES = [12, 14, 16, 21, 25, 29, 30, 39];
const size = fc.constantFrom(...SIZES);
const address = fc.bigInt(0n, (1n << 52n) - 1n);
const below = (lg2: number): bigint => (1n << BigInt(lg2)) - 1n;
/** An address of which a leaf gives the bits above its size. */
const through = (leaf: bigint, lg2: number, before: bigint): bigint => (leaf & ~below(lg2)) | (before & below(lg2));

describe("where the bits of an address come from", () => {
  it("covers every bit once, and the runs put together are the address", () => {
    fc.assert(
      fc.property(address, address, address, fc.option(size), fc.option(size), (iova, one, two, s1, s2) => {
        const ipa = s1 === null ? iova : through(one, s1, iova);
        const pa = s2 === null ? ipa : through(two, s2, ipa);
        for (const { address, runs } of composedAddresses({ iova, ipa, pa }, { stage1: s1, stage2: s2 })) {
          expect(runs.at(-1)?.lo).toBe(0);
          for (const [i, run] of runs.slice(1).entries()) expect(run.hi).toBe(runs[i]!.lo - 1);
          expect(runs.reduce((sum, { value, lo }) => sum | (value << BigInt(lo)), 0n)).toBe(address);
        }
      }),
    );
  });

  it("follows each bit back: changing a source changes the bits said to be of it and no other", () => {
    fc.assert(
      fc.property(address, address, address, size, size, fc.nat(51), (iova, one, two, s1, s2, bit) => {
        const flip = 1n << BigInt(bit);
        const pa = (i: bigint, o: bigint, t: bigint): bigint => through(t, s2, through(o, s1, i));
        const whole = pa(iova, one, two);
        const passed = { iova, ipa: through(one, s1, iova), pa: whole };
        const { runs } = composedAddresses(passed, { stage1: s1, stage2: s2 }).at(-1)!;
        const from = runs.find(({ hi, lo }) => bit <= hi && bit >= lo)?.from ?? "stage 2";
        expect(pa(iova ^ flip, one, two) !== whole).toBe(from === "input");
        expect(pa(iova, one ^ flip, two) !== whole).toBe(from === "stage 1");
        expect(pa(iova, one, two ^ flip) !== whole).toBe(from === "stage 2");
      }),
    );
  });

  it("has nothing of stage 1 in the output where the leaf of stage 2 is the smaller", () => {
    const passed = { iova: 0x20_1234n, ipa: 0x40_1234n, pa: 0x9000_0234n };
    const [, ipa, pa] = composedAddresses(passed, { stage1: 21, stage2: 12 });
    expect(ipa?.runs.map(({ from, lo }) => [from, lo])).toEqual([
      ["stage 1", 21],
      ["input", 0],
    ]);
    expect(pa?.runs.map(({ from, lo }) => [from, lo])).toEqual([
      ["stage 2", 12],
      ["input", 0],
    ]);
  });
});
