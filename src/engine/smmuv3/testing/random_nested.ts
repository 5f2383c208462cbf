/**
 * Random nested tables for tests: both stages of the 4 KiB granule, with everything about a page left to chance.
 */
import { CD } from "../../../arch/smmuv3/cd.ts";
import { xorshift32 } from "../../../base/rng.ts";
import { vmsav8Format } from "../../../pagetable/formats/vmsav8.ts";
import { descriptor, TableBuilder } from "../../../pagetable/testing/table_builder.ts";
import { GuestStore, HostStore, OPEN, stage1Fields, stage2Fields } from "./nested_world.ts";
import { type Fields, NESTED_STE, PLAIN_CD, type Request, World } from "./world.ts";

const FMT = vmsav8Format(12, false);
const PAGE = 4096;

/** A world with stream 1 set up, and what to ask of it. */
export interface RandomNested {
  readonly world: World;
  /** Draw a transaction: mostly to a mapped page. */
  request(): Request;
  /** Flip a bit of a table entry, of either stage. */
  damage(): void;
}

/** Halves of the address at `offset` of a range of `bits` bits, the lower or the upper. */
function address(offset: number, bits: number, upper: boolean): [hi: number, lo: number] {
  const [hi, lo] = [Math.floor(offset / 2 ** 32), offset % 2 ** 32];
  if (!upper) return [hi, lo];
  return bits >= 32 ? [hi | (-1 << (bits - 32)), lo] : [-1, lo | (-1 << bits)];
}

/** Make a world from a seed. */
export function randomNested(seed: number): RandomNested {
  const next = xorshift32(seed);
  const one = (n: number): number => (next() % n === 0 ? 1 : 0);
  const pick = <T>(of: readonly T[]): T => of[next() % of.length]!;
  const below = (n: number): number => Math.floor((next() / 2 ** 32) * n);

  const world = new World({ IDR3: { XNX: one(2), HAD: one(2), EPAN: one(2) } });
  const host = new HostStore(world);
  if (one(3) === 1) world.allocate(64 * (1 + (next() % 3)));
  const [level, rootBits] = pick([
    [3, 9],
    [3, 1 + (next() % 9)],
    [2, 1 + (next() % 13)],
    [1, 8 + (next() % 6)],
    [0, 9],
  ] as const);
  const ipaBits = 12 + 9 * level + rootBits;
  // A tree of another guest, whose root may lie in the same page as this one's.
  const neighbour = new TableBuilder(FMT, host, 2, level, ipaBits);
  const stage2 = new TableBuilder(FMT, host, 2, level, ipaBits);
  const pages2: number[] = [];
  // Now and then some of the guest's memory lies beyond what its tables may name.
  const astride = ipaBits > 36 && one(4) === 1;
  const from = astride ? 2 ** 32 - 12 * PAGE : PAGE * (1 + below(Math.min(2 ** ipaBits, 2 ** 47) / PAGE / 4));
  const guest = new GuestStore(stage2, host, from);

  const half = (upper: boolean): { tables: TableBuilder; bits: number; pages: number[]; upper: boolean } => {
    const bits = pick([48, 48, 39, 25 + (next() % 24)]);
    const tables = new TableBuilder(FMT, guest, 1, Math.ceil((bits - 12) / 9) - 1, bits);
    const pages: number[] = [];
    // A stage 2 of one table has room for little.
    for (let i = 0; i < (ipaBits < 24 ? 4 : 12); i++) {
      const near = pages.length > 0 && one(2) === 1;
      const va = near ? (pick(pages) + PAGE) % 2 ** bits : below(2 ** bits / PAGE) * PAGE;
      const block = one(10) === 1 && tables.level > 0;
      const out = one(12) === 1 ? below(2 ** Math.min(48, ipaBits + 2) / PAGE) * PAGE : guest.allocate(PAGE);
      const limits = one(5) === 0 ? {} : { APTable: next() % 4, UXNTable: one(3), PXNTable: one(3) };
      const at = tables.place(va, block ? 1 : 0, limits);
      const leaf = { AF: 1 - one(16), AP: pick([1, 1, 1, 3, next() % 4]), UXN: one(4), PXN: one(4) };
      if ((tables.store.read(at)[0] & 1) === 0) tables.put(at, descriptor(FMT, 1, block ? "block" : "page", out, leaf));
      pages.push(va);
      if (!block) pages2.push(out);
    }
    return { tables, bits, pages, upper };
  };
  const lower = half(false);
  const halves = one(2) === 1 ? [lower, half(true)] : [lower];

  // What stage 2 says of the pages: their attributes, and where they lie.
  for (const ipa of pages2) {
    if (one(3) === 0 || ipa >= 2 ** ipaBits) continue;
    const at = stage2.place(ipa, 0);
    const out = one(8) === 1 ? below(2 ** 48 / PAGE) * PAGE : host.allocate(PAGE);
    const leaf = { AF: 1 - one(12), S2AP: pick([3, 3, 1, next() % 4]), XN: next() % 4, MemAttr: next() % 16 };
    stage2.put(at, descriptor(FMT, 2, "page", out, leaf));
  }

  // The pages that hold tables: with S2PTW they may not be Device, and they are to be readable.
  for (const [ipa, frame] of guest.frames()) {
    if (pages2.includes(ipa) || one(8) === 0) continue;
    stage2.map(ipa, 0, frame, { ...OPEN[2], MemAttr: next() % 16, S2AP: 3 - one(6) });
  }

  // The neighbour has the same tables at the same addresses, and other pages.
  for (const [ipa, frame] of guest.frames()) {
    neighbour.map(ipa, 0, pages2.includes(ipa) ? host.allocate(PAGE) : frame, OPEN[2]);
  }

  const controls: Fields = { WXN: one(4), PAN: one(4), EPAN: one(2), TBI0: one(2), TBI1: one(2), AFFD: one(4) };
  const disable: Fields = { HAD0: one(4), HAD1: one(4), E0PD0: one(16), E0PD1: one(16), EPD0: one(16) };
  const cd = guest.allocate(64);
  world.put(CD, guest.physical(cd), {
    ...PLAIN_CD,
    ...Object.assign({}, ...halves.map((h) => stage1Fields(h.tables, h.upper ? 1 : 0))),
    ...controls,
    ...disable,
    IPS: astride ? 0 : pick([5, 5, 4, 1 + (next() % 5)]),
    ENDI: one(24),
    A: one(2),
    R: 1 - one(8),
  });
  world.ste(1, {
    ...NESTED_STE,
    ...stage2Fields(stage2),
    S1ContextPtr: cd,
    S2PS: pick([5, 4, next() % 6]),
    S2AFFD: one(4),
    S2PTW: one(4),
    S2FWB: one(4),
    S2R: 1 - one(8),
    S2VMID: next() % 65536,
  });

  return {
    world,
    request() {
      const h = pick(halves);
      const offset = one(10) === 1 ? below(2 ** h.bits) : pick(h.pages) + (next() % PAGE);
      const [hi, lo] = address(offset, h.bits, h.upper);
      const va = one(4) === 1 ? ([hi ^ (next() & 0xff000000), lo] as const) : ([hi, lo] as const);
      return { va, write: one(3) === 1, privileged: one(2) === 1, instruction: one(5) === 1 };
    },
    damage() {
      const tables = one(2) === 1 ? stage2 : pick(halves).tables;
      const at = pick(one(3) === 1 && tables.links.length > 0 ? tables.links : tables.written);
      const [lo, hi] = tables.store.read(at);
      // Valid, type and the address come first.
      const bit = pick([next() % 2, 10, 12 + (next() % 36), next() % 64]);
      tables.store.write(at, bit < 32 ? [(lo ^ (1 << bit)) >>> 0, hi] : [lo, (hi ^ (1 << (bit - 32))) >>> 0]);
    },
  };
}
