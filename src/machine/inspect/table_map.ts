/**
 * The tables of one stage of a context as nodes: every table, and the runs of alike leaves in it.
 */
import {
  badReason,
  SurveyReader,
  scanRoot,
  stage1LeafVerdict,
  stage2LeafVerdict,
  UNKNOWN_CODE,
} from "../../engine/smmuv3/survey.ts";
import { entrySizeLg2 } from "../../pagetable/format.ts";
import { armLevel } from "../../pagetable/formats/vmsav8.ts";
import { type ScanPlace, scan } from "../../pagetable/scan.ts";
import { MapNodeKind, type TableMapColumns } from "../../protocol/engine.ts";
import type { Machine } from "../machine.ts";
import { contextOf, type Half, halvesOf, inputAddress } from "./context.ts";

/** Most nodes of one answer. */
const MAX_NODES = 1 << 17;
const MAX_TABLES = 1 << 16;
/** Most table entries read for one answer: about half a second. */
const MAX_ENTRIES = 1 << 23;
const MAX_LEAVES = 1 << 24;
/** Bit of `permissions` for leaves with their Contiguous bit set. */
const CONTIGUOUS = 8;

interface Node {
  kind: number;
  level: number;
  parent: number;
  from: readonly [number, number];
  to: readonly [number, number];
  at: number;
  used: number;
  permissions: number;
  reason: number;
}

/** @returns null when the stream does not use that stage, or cannot be resolved */
export function mapTables(
  machine: Machine,
  sid: number,
  ssid: number | null,
  stage: 1 | 2,
  revision: number,
): TableMapColumns | null {
  const context = contextOf(machine, sid, ssid);
  const { config } = context;
  const walked = stage === 1 ? context.ok && config.stage1 : config.stage2 && config.s2.fmt !== null;
  const roots: Half[] = !walked ? [] : stage === 1 ? halvesOf(config) : [{ base: config.s2, upper: false }];
  if (roots.length === 0) return null;
  const nodes: Node[] = [];
  let leaves = 0;
  let tables = 0;
  let complete = true;

  for (const { base, upper } of roots) {
    const fmt = base.fmt!;
    const path: number[] = [];
    let run = -1;
    const node = (
      kind: number,
      p: ScanPlace,
      bytes: number,
      at: number,
      used: number,
      permissions: number,
      reason: number,
    ): number => {
      if (nodes.length >= MAX_NODES) return -1;
      const from = inputAddress(p.va, base, upper);
      const to = inputAddress(p.va + bytes - 1, base, upper);
      const parent = path.at(-1) ?? -1;
      return nodes.push({ kind, level: p.level, parent, from, to, at, used, permissions, reason }) - 1;
    };
    /** One more leaf or broken entry: part of the run before it where it is alike and follows on. */
    const entry = (kind: number, p: ScanPlace, entries: number, permissions: number, reason: number): void => {
      const size = 2 ** entrySizeLg2(fmt, p.level);
      const table = nodes[path.at(-1) ?? -1];
      if (table !== undefined && kind !== MapNodeKind.Unknown) table.used += entries;
      const last = nodes[run];
      const [hi, lo] = inputAddress(p.va - 1, base, upper);
      const follows = last !== undefined && p.va > 0 && last.to[0] === hi && last.to[1] === lo;
      if (follows && last.kind === kind && last.permissions === permissions && last.reason === reason) {
        last.to = inputAddress(p.va + size * entries - 1, base, upper);
        last.used += entries;
      } else run = node(kind, p, size * entries, p.out, entries, permissions, reason);
    };
    const reader = new SurveyReader(machine.smmu, machine.memory, config, stage, base);
    const whole = scan(
      scanRoot(base),
      reader,
      {
        enter: (p, entries) => {
          tables++;
          const above = nodes[path.at(-1) ?? -1];
          if (above !== undefined) above.used++;
          const index = node(MapNodeKind.Table, p, 2 ** entrySizeLg2(fmt, p.level) * entries, p.out, 0, 0, 0);
          path.push(index);
          run = -1;
        },
        leave: () => {
          path.pop();
          run = -1;
        },
        leaf: (p) => {
          leaves++;
          const verdict =
            stage === 1
              ? stage1LeafVerdict(config, base, p.lo, p.hi, p.inherited)
              : stage2LeafVerdict(machine.smmu, config, p.lo, p.hi);
          const contiguous = fmt.runLg2(p.lo, p.hi, p.level) > 0 ? CONTIGUOUS : 0;
          entry(MapNodeKind.Leaves, p, 1, verdict.permissions | contiguous, 0);
        },
        bad: (p, why, code, entries) => {
          const kind = code === UNKNOWN_CODE ? MapNodeKind.Unknown : MapNodeKind.Bad;
          entry(kind, p, entries, 0, badReason(why, code, p.lo, p.level));
        },
      },
      { tables: MAX_TABLES, leaves: MAX_LEAVES, entries: MAX_ENTRIES },
    );
    complete &&= whole && nodes.length < MAX_NODES;
  }
  const first = roots[0]!.base;
  const column = (pick: (n: Node) => number): Uint32Array => Uint32Array.from(nodes, pick);
  const bytes = (pick: (n: Node) => number): Uint8Array => Uint8Array.from(nodes, pick);
  return {
    revision,
    stage,
    inputBits: first.inputBits,
    granuleLg2: first.fmt!.granuleLg2,
    startLevel: armLevel(first.level),
    count: nodes.length,
    truncated: !complete,
    leaves,
    tables,
    kind: bytes((n) => n.kind),
    level: bytes((n) => armLevel(n.level) + 1),
    parent: Int32Array.from(nodes, (n) => n.parent),
    fromHi: column((n) => n.from[0]),
    fromLo: column((n) => n.from[1]),
    toHi: column((n) => (n.to[1] === 0xffffffff ? n.to[0] + 1 : n.to[0])),
    toLo: column((n) => n.to[1] + 1),
    atHi: column((n) => Math.floor(n.at / 0x1_0000_0000)),
    atLo: column((n) => n.at % 0x1_0000_0000),
    used: column((n) => n.used),
    permissions: bytes((n) => n.permissions),
    reason: Uint16Array.from(nodes, (n) => n.reason),
  };
}
