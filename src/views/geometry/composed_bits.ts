/**
 * Where each bit of an address comes from when pages of both stages differ in size: a leaf gives the bits above its size,
 * those below go through it unchanged.
 */

/** A leaf, or null where the stage is off: log2 of the bytes it maps. */
interface Leaves {
  readonly stage1: number | null;
  readonly stage2: number | null;
}

export type BitSource = "input" | "stage 1" | "stage 2";

/** A run of bits of an address, `hi` and `lo` inclusive, with one source. */
export interface BitRun {
  readonly hi: number;
  readonly lo: number;
  readonly from: BitSource;
  readonly value: bigint;
}

/** An address on the way, with its bits from the highest drawn down to 0. */
export interface ComposedAddress {
  readonly name: "IOVA" | "IPA" | "PA";
  readonly address: bigint;
  readonly runs: readonly BitRun[];
}

/** Addresses that a translation goes through. `ipa` counts where both stages translate. */
export interface Passed {
  readonly iova: bigint;
  readonly ipa: bigint;
  readonly pa: bigint;
}

/** Bits that show every one of the addresses whole, in whole digits; 32 at least. */
function bitsFor(addresses: readonly bigint[]): number {
  const longest = Math.max(32, ...addresses.map((address) => address.toString(2).length));
  return Math.ceil(longest / 4) * 4;
}

/** The runs of an address whose bits below each cut come from further back; cuts from the last stage to the first. */
function runsOf(address: bigint, top: number, cuts: readonly (readonly [number | null, BitSource])[]): BitRun[] {
  const runs: BitRun[] = [];
  let hi = top - 1;
  const push = (lo: number, from: BitSource): void => {
    if (lo > hi) return;
    runs.push({ hi, lo, from, value: (address >> BigInt(lo)) & ((1n << BigInt(hi - lo + 1)) - 1n) });
    hi = lo - 1;
  };
  for (const [size, from] of cuts) if (size !== null) push(Math.min(size, top), from);
  push(0, "input");
  return runs;
}

/** The addresses of a translation with the source of each bit, in the order in which they come about. */
export function composedAddresses({ iova, ipa, pa }: Passed, { stage1, stage2 }: Leaves): ComposedAddress[] {
  const nested = stage1 !== null && stage2 !== null;
  const top = bitsFor(nested ? [iova, ipa, pa] : [iova, pa]);
  const between: ComposedAddress = { name: "IPA", address: ipa, runs: runsOf(ipa, top, [[stage1, "stage 1"]]) };
  return [
    { name: "IOVA", address: iova, runs: runsOf(iova, top, []) },
    ...(nested ? [between] : []),
    {
      name: "PA",
      address: pa,
      runs: runsOf(pa, top, [
        [stage2, "stage 2"],
        [stage1, "stage 1"],
      ]),
    },
  ];
}
