/**
 * Tables of both stages for tests: stage 1 in guest frames, which stage 2 puts at host frames of its own.
 */
import type { GranuleLg2 } from "../../../arch/smmuv3/descriptors.ts";
import type { PageTableFormat } from "../../../pagetable/format.ts";
import {
  type Attributes,
  type Entry,
  spanOf,
  type TableBuilder,
  type TableStore,
} from "../../../pagetable/testing/table_builder.ts";
import type { Fields, World } from "./world.ts";

/** Codes of CD.TG0 and STE.S2TG, and of CD.TG1, by log2 of the granule. */
const TG0: Readonly<Record<GranuleLg2, number>> = { 12: 0, 14: 2, 16: 1 };
const TG1: Readonly<Record<GranuleLg2, number>> = { 12: 2, 14: 1, 16: 3 };

/** Leaf attributes that let everything through, by stage. */
export const OPEN: Readonly<Record<1 | 2, Attributes>> = {
  1: { AF: 1, AP: 1 },
  2: { AF: 1, S2AP: 3, MemAttr: 15 },
};

/** Tables at physical addresses of a world. */
export class HostStore implements TableStore {
  readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  read(at: number): Entry {
    const { memory } = this.world;
    memory.read64(Math.floor(at / 2 ** 32), (at % 2 ** 32) >>> 0);
    return [memory.lo >>> 0, memory.hi >>> 0];
  }

  write(at: number, [lo, hi]: Entry): void {
    this.world.write(at, lo, hi);
  }

  allocate(bytes: number): number {
    return this.world.allocate(Math.max(64, bytes));
  }
}

/** Tables at guest addresses: what is allocated here is mapped by stage 2, page by page. */
export class GuestStore implements TableStore {
  readonly stage2: TableBuilder;
  readonly #host: HostStore;
  readonly #frames = new Map<number, number>();
  #next: number;

  /** @param from guest address of the first frame */
  constructor(stage2: TableBuilder, host: HostStore, from: number) {
    this.stage2 = stage2;
    this.#host = host;
    this.#next = from;
  }

  /** Host address of a guest address that was allocated here. */
  physical(ipa: number): number {
    const page = spanOf(this.stage2.fmt, 0);
    const frame = this.#frames.get(Math.floor(ipa / page));
    if (frame === undefined) throw new Error(`no guest frame at 0x${ipa.toString(16)}`);
    return frame + (ipa % page);
  }

  /** Stage 2 has put a guest frame elsewhere. */
  moved(ipa: number, frame: number): void {
    this.#frames.set(Math.floor(ipa / spanOf(this.stage2.fmt, 0)), frame);
  }

  /** Guest address and host address of every frame. */
  *frames(): Generator<readonly [ipa: number, frame: number]> {
    const page = spanOf(this.stage2.fmt, 0);
    for (const [n, frame] of this.#frames) yield [n * page, frame];
  }

  read(at: number): Entry {
    return this.#host.read(this.physical(at));
  }

  write(at: number, entry: Entry): void {
    this.#host.write(this.physical(at), entry);
  }

  allocate(bytes: number): number {
    const page = spanOf(this.stage2.fmt, 0);
    const size = Math.max(64, bytes);
    const at = Math.ceil(this.#next / size) * size;
    this.#next = at + size;
    for (let n = Math.floor(at / page); n * page < at + size; n++) {
      if (this.#frames.has(n)) continue;
      this.#frames.set(n, this.#host.allocate(page));
      this.stage2.map(n * page, 0, this.#frames.get(n)!, OPEN[2]);
    }
    return at;
  }
}

const granuleOf = (fmt: PageTableFormat): GranuleLg2 => fmt.granuleLg2 as GranuleLg2;

const inputBitsOf = (t: TableBuilder): number => Math.log2(t.entries * spanOf(t.fmt, t.level));

/** Fields of an STE that stand for the tables of a stage-2 builder. */
export function stage2Fields(t: TableBuilder): Fields {
  const g = granuleOf(t.fmt);
  const code = g === 12 ? ([3, 0, 1, 2, 0][t.level] ?? 0) : t.level;
  return {
    S2TTB: t.root,
    S2TG: TG0[g],
    S2T0SZ: 64 - inputBitsOf(t),
    S2SL0: code,
    S2SL0_2: g === 12 && t.level === 4 ? 1 : 0,
    S2DS: t.fmt.id.endsWith("-52") && g !== 16 ? 1 : 0,
  };
}

/** Fields of a CD that stand for the tables of a stage-1 builder, as its lower or upper half. */
export function stage1Fields(t: TableBuilder, half: 0 | 1): Fields {
  const size = 64 - inputBitsOf(t);
  const g = granuleOf(t.fmt);
  const ds = t.fmt.id.endsWith("-52") && g !== 16 ? 1 : 0;
  return half === 0
    ? { TTB0: t.root, TG0: TG0[g], T0SZ: size, EPD0: 0, DS: ds }
    : { TTB1: t.root, TG1: TG1[g], T1SZ: size, EPD1: 0, DS: ds };
}
