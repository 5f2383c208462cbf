/**
 * The tables of one stage of a context as nodes: every table, and the runs of alike leaves in it.
 */
import { highHalf, lowHalf } from "../../base/address.ts";
import { UNKNOWN_CODE } from "../../engine/common/survey.ts";
import { entrySizeLg2 } from "../../pagetable/format.ts";
import { type ScanPlace, type ScanVisitor, scan } from "../../pagetable/scan.ts";
import { MapNodeKind, type TableMapColumns } from "../../protocol/engine.ts";
import type { SourceRoot, TableSource } from "./table_source.ts";

/** Most nodes of one answer. */
const MAX_NODES = 1 << 17;
const MAX_TABLES = 1 << 16;
/** Most table entries read for one answer: about half a second. */
const MAX_ENTRIES = 1 << 23;
const MAX_LEAVES = 1 << 24;
/** Bit of `permissions` for leaves with their Contiguous bit set. */
const CONTIGUOUS = 8;

interface Node {
  readonly kind: number;
  readonly level: number;
  readonly parent: number;
  readonly from: readonly [number, number];
  to: readonly [number, number];
  readonly at: number;
  used: number;
  readonly permissions: number;
  readonly reason: number;
}

/** What is alike in the entries of a run. */
type Likeness = Pick<Node, "kind" | "permissions" | "reason">;

const TABLE: Likeness = { kind: MapNodeKind.Table, permissions: 0, reason: 0 };

/** Collects the nodes of one stage. */
class Nodes {
  readonly all: Node[] = [];
  leaves = 0;
  tables = 0;

  /** A visitor of one tree. */
  visitor(root: SourceRoot): ScanVisitor {
    const { fmt } = root.scan;
    const path: number[] = [];
    let run = -1;
    const size = (p: ScanPlace, entries: number): number => 2 ** entrySizeLg2(fmt, p.level) * entries;
    const node = (p: ScanPlace, bytes: number, used: number, like: Likeness): number => {
      if (this.all.length >= MAX_NODES) return -1;
      const [from, to] = [root.inputAddress(p.va), root.inputAddress(p.va + bytes - 1)];
      const parent = path.at(-1) ?? -1;
      return this.all.push({ ...like, level: p.level, parent, from, to, at: p.out, used }) - 1;
    };
    /** One more leaf or broken entry: part of the run before it where it is alike and follows on. */
    const entry = (p: ScanPlace, entries: number, like: Likeness): void => {
      const table = this.all[path.at(-1) ?? -1];
      if (table !== undefined && like.kind !== MapNodeKind.Unknown) table.used += entries;
      const last = this.all[run];
      const [hi, lo] = root.inputAddress(p.va - 1);
      const follows = last !== undefined && p.va > 0 && last.to[0] === hi && last.to[1] === lo && isAlike(last, like);
      if (follows) {
        last.to = root.inputAddress(p.va + size(p, entries) - 1);
        last.used += entries;
      } else run = node(p, size(p, entries), entries, like);
    };
    return {
      enter: (p, entries) => {
        this.tables++;
        const above = this.all[path.at(-1) ?? -1];
        if (above !== undefined) above.used++;
        path.push(node(p, size(p, entries), 0, TABLE));
        run = -1;
      },
      leave: () => {
        path.pop();
        run = -1;
      },
      leaf: (p) => {
        this.leaves++;
        const contiguous = fmt.runLg2(p.lo, p.hi, p.level) > 0 ? CONTIGUOUS : 0;
        const permissions = root.verdict(p).permissions | contiguous;
        entry(p, 1, { kind: MapNodeKind.Leaves, permissions, reason: 0 });
      },
      bad: (p, why, code, entries) => {
        const kind = code === UNKNOWN_CODE ? MapNodeKind.Unknown : MapNodeKind.Bad;
        entry(p, entries, { kind, permissions: 0, reason: root.badReason(why, code, p) });
      },
    };
  }
}

const isAlike = (a: Likeness, b: Likeness): boolean =>
  a.kind === b.kind && a.permissions === b.permissions && a.reason === b.reason;

/** @returns null where there is no tree: the stream does not use that stage, or cannot be resolved */
export function mapTables(source: TableSource | null, revision: number): TableMapColumns | null {
  const first = source?.roots[0];
  if (source === null || first === undefined) return null;
  const nodes = new Nodes();
  const limits = { tables: MAX_TABLES, leaves: MAX_LEAVES, entries: MAX_ENTRIES };
  let complete = true;
  for (const root of source.roots) {
    const whole = scan(root.scan, root.reader, nodes.visitor(root), limits);
    complete &&= whole && nodes.all.length < MAX_NODES;
  }
  const column = (pick: (n: Node) => number): Uint32Array => Uint32Array.from(nodes.all, pick);
  const bytes = (pick: (n: Node) => number): Uint8Array => Uint8Array.from(nodes.all, pick);
  return {
    revision,
    stage: source.stage,
    inputBits: first.inputBits,
    granuleLg2: first.scan.fmt.granuleLg2,
    startLevel: source.levelOf(first.scan.level),
    count: nodes.all.length,
    truncated: !complete,
    leaves: nodes.leaves,
    tables: nodes.tables,
    kind: bytes((n) => n.kind),
    level: bytes((n) => source.levelOf(n.level) + 1),
    parent: Int32Array.from(nodes.all, (n) => n.parent),
    fromHi: column((n) => n.from[0]),
    fromLo: column((n) => n.from[1]),
    toHi: column((n) => (n.to[1] === 0xffffffff ? n.to[0] + 1 : n.to[0])),
    toLo: column((n) => n.to[1] + 1),
    atHi: column((n) => highHalf(n.at)),
    atLo: column((n) => lowHalf(n.at)),
    used: column((n) => n.used),
    permissions: bytes((n) => n.permissions),
    reason: Uint16Array.from(nodes.all, (n) => n.reason),
  };
}
