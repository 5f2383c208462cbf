/**
 * Every leaf a context maps, with what becomes of it after both stages, as columns.
 */
import { highHalf, lowHalf } from "../../base/address.ts";
import { UNKNOWN_CODE } from "../../engine/common/survey.ts";
import { entrySizeLg2 } from "../../pagetable/format.ts";
import { type ScanPlace, scan } from "../../pagetable/scan.ts";
import { type LeafColumns, LeafStatus } from "../../protocol/engine.ts";
import type { LeafSource, SourceRoot } from "./table_source.ts";

/** Most leaves of one answer. */
const MAX_LEAVES = 1 << 20;
const MAX_TABLES = 1 << 16;
/** Most table entries read for one answer: about half a second. */
const MAX_ENTRIES = 1 << 23;

/** Words of a row while it is collected. */
const W = {
  iovaHi: 0,
  iovaLo: 1,
  sizeLg2: 2,
  leafHi: 3,
  leafLo: 4,
  status: 5,
  reason: 6,
  permissions: 7,
  paHi: 8,
  paLo: 9,
} as const;
const ROW_WORDS = 10;

/** How a leaf turned out. */
interface Turn {
  readonly status: number;
  readonly reason?: number;
  readonly permissions?: number;
  readonly pa?: number;
}

/** Rows as they are found; {@link columns} turns them into the answer. */
class Rows {
  #words = new Uint32Array(256 * ROW_WORDS);
  #count = 0;

  /** One row: where it is, then how it turns out. */
  add(
    [iovaHi, iovaLo]: readonly [number, number],
    sizeLg2: number,
    leaf: number,
    { status, reason = 0, permissions = 0, pa = 0 }: Turn,
  ): void {
    const at = this.#count++ * ROW_WORDS;
    if (at >= this.#words.length) {
      const grown = new Uint32Array(this.#words.length * 2);
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#words.set(
      [iovaHi, iovaLo, sizeLg2, highHalf(leaf), lowHalf(leaf), status, reason, permissions, highHalf(pa), lowHalf(pa)],
      at,
    );
  }

  columns(revision: number, truncated: boolean): LeafColumns {
    const count = this.#count;
    const words = (w: number): Uint32Array =>
      Uint32Array.from({ length: count }, (_, i) => this.#words[i * ROW_WORDS + w]!);
    const bytes = (w: number): Uint8Array => Uint8Array.from(words(w));
    return {
      revision,
      count,
      truncated,
      iovaLo: words(W.iovaLo),
      iovaHi: words(W.iovaHi),
      sizeLg2: bytes(W.sizeLg2),
      paLo: words(W.paLo),
      paHi: words(W.paHi),
      permissions: bytes(W.permissions),
      status: bytes(W.status),
      reason: Uint16Array.from(words(W.reason)),
      leafLo: words(W.leafLo),
      leafHi: words(W.leafHi),
    };
  }
}

/** List the leaves of the trees that accesses meet first. Null: the context maps nothing. */
export function listLeaves(source: LeafSource | null, revision: number): LeafColumns {
  const rows = new Rows();
  if (source === null) return rows.columns(revision, false);
  const faults = source.stage === 1 ? LeafStatus.Stage1Fault : LeafStatus.Stage2Fault;
  let complete = true;
  for (const root of source.roots) {
    const add = (p: ScanPlace, entries: number, turn: Turn): void => {
      const sizeLg2 = entrySizeLg2(root.scan.fmt, p.level) + Math.floor(Math.log2(entries));
      rows.add(root.inputAddress(p.va), sizeLg2, root.reader.physical(p.at), turn);
    };
    const whole = scan(
      root.scan,
      root.reader,
      {
        enter: () => {},
        leave: () => {},
        leaf: (p) => add(p, 1, turnOf(source, root, p, faults)),
        bad: (p, why, code, entries) => {
          // A case that holds single words knows nothing of their neighbours: that is no row.
          if (code === UNKNOWN_CODE) return;
          const status = source.beneath !== null && why === "unreadable" ? LeafStatus.Stage2Fault : faults;
          add(p, entries, { status, reason: root.badReason(why, code, p) });
        },
      },
      { tables: MAX_TABLES, leaves: MAX_LEAVES, entries: MAX_ENTRIES },
    );
    complete &&= whole;
  }
  return rows.columns(revision, !complete);
}

function turnOf(source: LeafSource, root: SourceRoot, p: ScanPlace, faults: number): Turn {
  const { permissions, reason } = root.verdict(p);
  if (permissions === 0) return { status: faults, reason, pa: p.out };
  if (source.beneath === null) return { status: LeafStatus.Ok, permissions, pa: p.out };
  const after = source.beneath(highHalf(p.out), lowHalf(p.out));
  switch (after.type) {
    case "ok":
      return { status: LeafStatus.Ok, permissions: permissions & after.permissions, pa: after.pa };
    case "unknown":
      return { status: LeafStatus.Unknown };
    case "fault":
      return { status: LeafStatus.Stage2Fault, reason: after.reason };
  }
}
