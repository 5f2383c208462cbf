/**
 * What a guest's stage 1 tables map, kept as mappings of the VMM's own. The tables are write-protected: each change is
 * followed when it is made, so that a mapping that the guest tells nobody of is there, too. 4 KiB granule.
 *
 * UNMODELLED: TTB1, and pages that only privileged requests may use, which are not mapped.
 */
import { CD } from "../../arch/smmuv3/cd.ts";
import type { KernelMemory } from "../../kernel/platform.ts";
import { entrySizeLg2 } from "../../pagetable/format.ts";
import { vmsav8Format } from "../../pagetable/formats/vmsav8.ts";
import { type ScanPlace, type ScanReader, type ScanRoot, scan } from "../../pagetable/scan.ts";
import type { WatchedMemory } from "./watched_memory.ts";

/** Where mappings go. */
export interface ShadowTarget {
  map(iova: number, gpa: number, bytes: number, write: boolean): void;
  /** Of a whole mapping. */
  unmap(iova: number): void;
  /** The guest's tables are larger than the VMM follows. */
  overflowed(): void;
}

interface Leaf {
  readonly gpa: number;
  readonly bytes: number;
  readonly write: boolean;
}

/** A table of the guest's, as the shadow came upon it. */
interface Table {
  readonly at: number;
  readonly level: number;
  readonly va: number;
  readonly inherited: number;
  readonly entries: number;
}

/** As many mappings as a VFIO container has room for by default (dma_entry_limit), and tables to go with them. */
const LIMITS = { tables: 4096, leaves: 65535, entries: 4096 * 512 };
const FORMAT = vmsav8Format(12, false);
/** Bits of leaves: AP[1] lets unprivileged requests in, AP[2] makes it read-only, AF. */
const AP_USER = 1 << 6;
const AP_READ_ONLY = 1 << 7;
const AF = 1 << 10;
/** The same of tables above, in the high half: APTable. */
const APTABLE_NO_USER = 1 << 29;
const APTABLE_READ_ONLY = 1 << 30;
/** Bits of an output address, by IPS. */
const OUTPUT_BITS = [32, 36, 40, 42, 44, 48];
const LEAST_INPUT_BITS = 25;
const MOST_INPUT_BITS = 48;
const GRANULE_4K = 0;

export class ShadowTables {
  readonly #memory: KernelMemory;
  readonly #watched: WatchedMemory;
  readonly #target: ShadowTarget;
  #leaves = new Map<number, Leaf>();
  #tables: Table[] = [];
  #root: ScanRoot | null = null;
  #accessFlagFaults = true;
  #hierarchy = true;

  constructor(memory: KernelMemory, watched: WatchedMemory, target: ShadowTarget) {
    this.#memory = memory;
    this.#watched = watched;
    this.#target = target;
  }

  /** Follow the tables of a context descriptor; none of one that is not valid, or null. */
  follow(cd: Uint32Array | null): void {
    this.#root = cd === null ? null : rootOf(cd);
    this.#accessFlagFaults = cd === null || CD.f.AFFD.get(cd, 0) === 0;
    this.#hierarchy = cd === null || CD.f.HAD0.get(cd, 0) === 0;
    this.refresh();
  }

  /** Read everything anew. */
  refresh(): void {
    if (this.#root === null) this.#replace(0, 2 ** MOST_INPUT_BITS, new Map(), []);
    else this.#scan(this.#root, 0, 2 ** MOST_INPUT_BITS, 0, true);
  }

  /** A word of a watched page was written. */
  written(at: number): void {
    const root = this.#root;
    if (root === null) return;
    for (const table of this.#tables.filter((t) => at >= t.at && at < t.at + 8 * t.entries)) {
      const span = 2 ** entrySizeLg2(FORMAT, table.level);
      const entry = { ...root, at, level: table.level, entries: 1 };
      this.#scan(entry, table.va + ((at - table.at) / 8) * span, span, table.inherited, false);
    }
  }

  /** Compare what lies in a range of addresses with what tables say. @param whole `from` is a table, not one entry of one */
  #scan(from: ScanRoot, va: number, bytes: number, inherited: number, whole: boolean): void {
    const leaves = new Map<number, Leaf>();
    const tables: Table[] = [];
    let first = true;
    const complete = scan(
      from,
      readerOf(this.#memory),
      {
        enter: (p, entries) => {
          if (!first || whole) {
            const imposed = (p.inherited | inherited) as number;
            tables.push({ at: p.out, level: p.level, va: va + p.va, inherited: imposed, entries });
          }
          first = false;
        },
        leaf: (p) => {
          const leaf = this.#leaf(p, inherited);
          if (leaf !== null) leaves.set(va + p.va, leaf);
        },
        bad: () => {},
        leave: () => {},
      },
      LIMITS,
    );
    if (!complete) this.#target.overflowed();
    this.#replace(va, bytes, leaves, tables);
  }

  /** What a leaf lets unprivileged requests do; null for nothing. */
  #leaf({ lo, out, level, inherited }: ScanPlace, above: number): Leaf | null {
    const imposed = this.#hierarchy ? inherited | above : 0;
    if ((lo & AP_USER) === 0 || (imposed & APTABLE_NO_USER) !== 0) return null;
    if (this.#accessFlagFaults && (lo & AF) === 0) return null;
    const write = (lo & AP_READ_ONLY) === 0 && (imposed & APTABLE_READ_ONLY) === 0;
    return { gpa: out, bytes: 2 ** entrySizeLg2(FORMAT, level), write };
  }

  #replace(va: number, bytes: number, leaves: Map<number, Leaf>, tables: readonly Table[]): void {
    const inside = (at: number): boolean => at >= va && at < va + bytes;
    for (const [at, old] of this.#leavesIn(va, bytes)) {
      const now = leaves.get(at);
      if (now !== undefined && now.gpa === old.gpa && now.bytes === old.bytes && now.write === old.write) continue;
      this.#target.unmap(at);
      this.#leaves.delete(at);
    }
    for (const [at, leaf] of leaves) {
      if (this.#leaves.has(at)) continue;
      if (this.#leaves.size >= LIMITS.leaves) {
        this.#target.overflowed();
        break;
      }
      this.#leaves.set(at, leaf);
      this.#target.map(at, leaf.gpa, leaf.bytes, leaf.write);
    }
    // Tables that lie in the range go with it; the one that holds its entry begins there too, but is larger.
    const gone = (t: Table): boolean => inside(t.va) && t.entries * 2 ** entrySizeLg2(FORMAT, t.level) <= bytes;
    for (const table of this.#tables) if (gone(table)) this.#watched.unwatch(table.at);
    const kept = this.#tables.filter((t) => !gone(t));
    const added = tables.slice(0, Math.max(0, LIMITS.tables - kept.length));
    if (added.length < tables.length) this.#target.overflowed();
    for (const table of added) this.#watched.watch(table.at);
    this.#tables = [...kept, ...added];
  }

  #leavesIn(va: number, bytes: number): (readonly [number, Leaf])[] {
    if (bytes > 2 ** FORMAT.granuleLg2) return [...this.#leaves].filter(([at]) => at >= va && at < va + bytes);
    const leaf = this.#leaves.get(va);
    return leaf === undefined ? [] : [[va, leaf]];
  }
}

/** The tables of TTB0; null where there are none that this follows. */
function rootOf(cd: Uint32Array): ScanRoot | null {
  const { f } = CD;
  const inputBits = 64 - f.T0SZ.get(cd, 0);
  const followed = f.V.get(cd, 0) === 1 && f.AA64.get(cd, 0) === 1 && f.EPD0.get(cd, 0) === 0;
  if (!followed || f.ENDI.get(cd, 0) === 1 || f.TG0.get(cd, 0) !== GRANULE_4K) return null;
  if (inputBits < LEAST_INPUT_BITS || inputBits > MOST_INPUT_BITS) return null;
  const level = Math.ceil((inputBits - FORMAT.granuleLg2) / FORMAT.strideLg2) - 1;
  const entries = 2 ** (inputBits - entrySizeLg2(FORMAT, level));
  const table = f.TTB0.address(cd, 0);
  const at = table - (table % (8 * entries));
  return { fmt: FORMAT, at, level, entries, outputBits: OUTPUT_BITS[f.IPS.get(cd, 0)] ?? MOST_INPUT_BITS };
}

function readerOf(memory: KernelMemory): ScanReader {
  const reader = {
    hi: 0,
    lo: 0,
    readEntry(at: number): number {
      memory.read(at);
      reader.hi = memory.hi | 0;
      reader.lo = memory.lo | 0;
      return 0;
    },
  };
  return reader;
}
