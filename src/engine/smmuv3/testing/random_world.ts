/**
 * Random configurations for tests: structures of one stage or two, any granule and start level, then damaged; and pure
 * noise in the place of structures and tables.
 */
import { CD, L1CD } from "../../../arch/smmuv3/cd.ts";
import { L1STD, STE } from "../../../arch/smmuv3/ste.ts";
import { xorshift32 } from "../../../base/rng.ts";
import { entrySizeLg2 } from "../../../pagetable/format.ts";
import { VMSAV8_FORMATS } from "../../../pagetable/formats/vmsav8.ts";
import { isWide, spanOf, TableBuilder } from "../../../pagetable/testing/table_builder.ts";
import { GuestStore, HostStore, OPEN, stage1Fields, stage2Fields } from "./nested_world.ts";
import { type Fields, NESTED_STE, PLAIN_CD, type Request, STREAM_TABLE, WIDE, World } from "./world.ts";

/** A world with a stream set up, and what to ask of it. */
export interface RandomWorld {
  readonly world: World;
  request(): Request;
  /** Change something in a structure or table. */
  damage(): void;
}

/** A generator of choices from a seed. */
export function chooser(seed: number) {
  const next = xorshift32(seed);
  return {
    next,
    one: (n: number): number => (next() % n === 0 ? 1 : 0),
    pick: <T>(of: readonly T[]): T => of[next() % of.length]!,
    below: (n: number): number => Math.floor((next() / 2 ** 32) * n),
  };
}

/** Tables of any format under a sound configuration. */
export function randomConfiguration(seed: number): RandomWorld {
  const { next, one, pick, below } = chooser(seed);
  const wide = one(2) === 1;
  const world = new World({
    ...(wide ? WIDE : {}),
    IDR5: { OAS: wide ? 6 : 5, DS: wide ? 1 : 0, VAX: wide ? 1 : 0, GRAN4K: 1, GRAN16K: 1, GRAN64K: 1 },
    IDR3: { XNX: one(2), HAD: one(2) },
    CR2: { RECINVSID: one(2), E2H: one(2) },
  });
  const fmts = VMSAV8_FORMATS.filter((f) => (wide ? isWide(f) || f.granuleLg2 !== 16 : !isWide(f)));
  const host = new HostStore(world);
  const top = (wideFmt: boolean): number => (wideFmt ? 52 : 48);

  const fmt2 = pick(fmts);
  const level2 = pick(fmt2.topLevel > 0 ? [fmt2.topLevel === 4 ? 3 : fmt2.topLevel, 2, 1].filter((l) => l > 0) : [0]);
  const most = Math.min(fmt2.strideLg2 + 4, top(isWide(fmt2)) - entrySizeLg2(fmt2, level2));
  const stage2 = new TableBuilder(fmt2, host, 2, level2, entrySizeLg2(fmt2, level2) + 1 + below(most));
  const guest = new GuestStore(stage2, host, spanOf(fmt2, 0));
  const config = pick([5, 6, 7, 7, 7]);
  const fmt1 = pick(fmts);
  const bits1 = Math.max(fmt1.granuleLg2 + 4, Math.min(64 - 16 - (next() % 23), top(isWide(fmt1))));
  const store = config === 7 ? guest : host;
  const stage1 = new TableBuilder(fmt1, store, 1, Math.ceil((bits1 - fmt1.granuleLg2) / fmt1.strideLg2) - 1, bits1);
  const pages: number[] = [];
  const page1 = spanOf(fmt1, 0);
  for (let i = 0; i < 5; i++) {
    const va = below(2 ** bits1 / page1) * page1;
    stage1.map(va, 0, store.allocate(page1), { ...OPEN[1], AP: pick([1, 1, 3, 0]), UXN: one(3), PXN: one(3) });
    pages.push(va);
  }
  const cd = store.allocate(64);
  const upper = one(3);
  world.put(CD, config === 7 ? guest.physical(cd) : cd, {
    ...PLAIN_CD,
    ...stage1Fields(stage1, upper as 0 | 1),
    EPD0: upper,
    IPS: wide ? 6 : 5,
    A: one(2),
    R: 1 - one(6),
    WXN: one(4),
    PAN: one(4),
    TBI0: one(2),
    TBI1: one(2),
    E0PD0: one(8),
  });
  const strw = config === 5 ? pick([0, 0, 2]) : 0;
  const nested: Fields = { ...NESTED_STE, ...stage2Fields(stage2) };
  const ste = { ...nested, S2PS: wide ? 6 : 5, Config: config, STRW: strw, S1ContextPtr: cd, PRIVCFG: next() % 4 };
  const at = world.ste(1, { ...ste, INSTCFG: next() % 4, S2R: 1 - one(6), S2PTW: one(4), S2AFFD: one(4) });
  const structures = [at, config === 7 ? guest.physical(cd) : cd];

  return {
    world,
    request() {
      const base = config === 6 ? below(2 ** 40) : pick(pages) + below(page1);
      const va = one(6) === 1 ? below(2 ** 53) : base;
      const high = upper === 1 && config !== 6 && strw === 0 ? -1 << Math.max(0, bits1 - 32) : 0;
      const sid = one(20) === 1 ? next() % 300 : 1;
      const plain = { sid, write: one(3) === 1, privileged: one(2) === 1, instruction: one(5) === 1 };
      const halves = [Math.floor(va / 2 ** 32) | high, va % 2 ** 32] as const;
      return one(12) === 1 ? { ...plain, ssid: next() % 8, va: halves } : { ...plain, va: halves };
    },
    damage() {
      const where = one(3) === 1 ? pick(structures) + 8 * (next() % 8) : 0;
      const tables = one(2) === 1 && stage2.written.length > 0 ? stage2 : stage1;
      const entry = pick(tables.written);
      const place = where !== 0 ? where : tables === stage2 || config !== 7 ? entry : guest.physical(entry);
      const [lo, hi] = host.read(place);
      const bit = next() % 64;
      host.write(place, bit < 32 ? [(lo ^ (1 << bit)) >>> 0, hi] : [lo, (hi ^ (1 << (bit - 32))) >>> 0]);
    },
  };
}

/** Noise everywhere: registers, stream table, descriptors. Pointers often lead back into the noise. */
export function noise(seed: number): RandomWorld {
  const { next, one, pick } = chooser(seed);
  const word = (): number => (one(2) === 1 ? next() : 0);
  const world = new World(
    {
      IDR0: { S1P: 1 - one(8), S2P: 1 - one(8), TTF: pick([2, 2, 3, 1]), Hyp: one(2), CD2L: one(2), ST_LEVEL: one(2) },
      IDR1: { SIDSIZE: next() % 33, SSIDSIZE: pick([0, 4, 20]), EVENTQS: next() % 20 },
      IDR5: { OAS: next() % 8, DS: one(2), VAX: next() % 4, GRAN64K: one(2) },
      AIDR: { ArchMinorRev: next() % 4 },
      STRTAB_BASE_CFG: {
        LOG2SIZE: pick([8, 8, 8, 10, 10, 4, 12, one(4) === 1 ? 63 : 20]),
        SPLIT: pick([6, 8, 10, next() % 32]),
        FMT: next() % 4,
      },
    },
    { outside: one(2) === 1 ? "abort" : "unknown", zero: [[STREAM_TABLE, 0x10000]] },
  );
  for (let i = 0; i < 0x2000; i++) {
    const sound = one(2) === 1;
    // V and a Config that translates, or a table entry; pointers into the noise; now and then anything at all.
    const lo = sound ? STREAM_TABLE + 64 * (next() % 1024) + pick([15, 13, 11, 3, 3, 1, 7]) : next();
    world.write(STREAM_TABLE + 8 * i, lo >>> 0, one(3) === 1 ? word() : 0);
  }
  const sound = [STE, CD, L1STD, L1CD];
  for (const layout of sound) {
    const at = STREAM_TABLE + ((next() % 1024) * layout.bits) / 8;
    world.put(layout, at, layout === STE ? { ...NESTED_STE, S2TTB: STREAM_TABLE } : layout === CD ? PLAIN_CD : {});
  }
  return {
    world,
    request: () => ({
      sid: pick([1, next() % 256, next()]),
      ...(one(3) === 1 ? { ssid: next() % 32 } : {}),
      va: [word(), word()],
      write: one(2) === 1,
      privileged: one(2) === 1,
      instruction: one(2) === 1,
    }),
    damage: () => world.write(STREAM_TABLE + 8 * (next() % 0x2000), next(), next()),
  };
}
