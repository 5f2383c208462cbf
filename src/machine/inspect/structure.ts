/**
 * A structure in memory for the inspector: its bits, the rules it breaks, what was edited and by which action.
 */
import { CD, L1CD } from "../../arch/smmuv3/cd.ts";
import { descriptorKind, descriptorLayout, type GranuleLg2 } from "../../arch/smmuv3/descriptors.ts";
import { R, REASONS } from "../../arch/smmuv3/reasons.ts";
import { L1STD, STE } from "../../arch/smmuv3/ste.ts";
import type { FieldAccess, Layout } from "../../base/layout.ts";
import { MemoryStatus } from "../../engine/memory/physical_memory.ts";
import { cdBrokenRules } from "../../engine/smmuv3/cd_rules.ts";
import { steBrokenRules } from "../../engine/smmuv3/ste_rules.ts";
import { readStreamTable, spanReason } from "../../engine/smmuv3/stream_table.ts";
import type { LintFinding, StructureAnswer, StructureQuery } from "../../protocol/engine.ts";
import type { Machine } from "../machine.ts";
import type { Timeline } from "../timeline.ts";
import { contextOf } from "./context.ts";

const high = (at: bigint): number => Number((at >> 32n) & 0xffffffffn);
const low = (at: bigint): number => Number(at & 0xffffffffn);

/** The layout a query's bits are read by; descriptors depend on their own bits. */
function layoutOf(query: StructureQuery, lo: number, wide: boolean): Layout {
  switch (query.kind) {
    case "L1STD":
      return L1STD;
    case "STE":
      return STE;
    case "L1CD":
      return L1CD;
    case "CD":
      return CD;
    default: {
      const granule = ([12, 14, 16] as const).find((g) => g === query.granuleLg2) ?? (12 satisfies GranuleLg2);
      return descriptorLayout(query.kind === "S1 descriptor" ? 1 : 2, descriptorKind(lo, query.level), granule, wide);
    }
  }
}

/** Answer a query about the structure at `query.pa`. */
export function inspectStructure(
  machine: Machine,
  timeline: Timeline,
  query: StructureQuery,
  revision: number,
): StructureAnswer {
  const size64 = query.kind === "STE" || query.kind === "CD" ? 8 : 1;
  const words = new Uint32Array(2 * size64);
  const editedBits: number[] = [];
  const wide = isWide(machine, query);
  for (let i = 0; i < size64; i++) {
    const at = query.pa + BigInt(8 * i);
    if (machine.memory.read64(high(at), low(at)) !== MemoryStatus.Ok) {
      const writtenBy = writerOf(timeline, query.pa, size64);
      return { revision, query, words: null, lint: [], editedBits: [], writtenBy, wide };
    }
    const [lo, hi] = [machine.memory.lo, machine.memory.hi];
    words[2 * i] = lo;
    words[2 * i + 1] = hi;
    if (machine.memory.readImage64(timeline.start.memory, high(at), low(at)) !== MemoryStatus.Ok) continue;
    const [changedLo, changedHi] = [lo ^ machine.memory.lo, hi ^ machine.memory.hi];
    for (let bit = 0; bit < 32; bit++) if ((changedLo >>> bit) & 1) editedBits.push(64 * i + bit);
    for (let bit = 0; bit < 32; bit++) if ((changedHi >>> bit) & 1) editedBits.push(64 * i + 32 + bit);
  }
  const layout = layoutOf(query, words[0]!, wide);
  const lint = [...brokenRules(machine, query, words), ...reservedBits(layout, words)];
  return { revision, query, words, lint, editedBits, writtenBy: writerOf(timeline, query.pa, size64), wide };
}

/** The descriptor belongs to tables with 52-bit addresses. */
function isWide(machine: Machine, query: StructureQuery): boolean {
  if (query.kind !== "S1 descriptor" && query.kind !== "S2 descriptor") return false;
  const { config } = contextOf(machine, query.sid, null);
  const base = query.kind === "S2 descriptor" ? config.s2 : config.ttb0.disabled ? config.ttb1 : config.ttb0;
  return base.fmt?.oaMoreHi != null;
}

function brokenRules(machine: Machine, query: StructureQuery, words: Uint32Array): LintFinding[] {
  const { caps, registers } = machine.smmu;
  switch (query.kind) {
    case "STE":
      return steBrokenRules(words, caps).map(illegal);
    case "CD": {
      const { config } = contextOf(machine, query.sid, null);
      return cdBrokenRules(words, { caps, ste: config.ste, world: config.world }).map(illegal);
    }
    case "L1STD": {
      const split = readStreamTable(registers, caps).split ?? 6;
      const reason = spanReason(L1STD.f.Span.get(words, 0), 0, split);
      return reason === R.NONE ? [] : [illegal(reason)];
    }
    case "L1CD":
      return L1CD.f.V.get(words, 0) === 0 ? [illegal(R.L1CD_V)] : [];
    default:
      return [];
  }
}

function illegal(reason: number): LintFinding {
  const { field, text, section } = REASONS[reason]!;
  return { severity: "illegal", field, text, section };
}

/** Reserved bits that are set although the specification wants zero. */
function reservedBits(layout: Layout, words: Uint32Array): LintFinding[] {
  const access = layout.f as Readonly<Record<string, FieldAccess>>;
  return layout.fields
    .filter((d) => d.form === "reserved" && d.about === "RES0")
    .filter(({ name }) => access[name]!.get(words, 0) !== 0 || access[name]!.getHi(words, 0) !== 0)
    .map(({ name, hi, lo }) => ({
      severity: "warning",
      field: name,
      text: `Bits [${hi}:${lo}] are reserved and should be zero.`,
      section: layout.section,
    }));
}

/** Index of the last applied action that wrote here. */
function writerOf(timeline: Timeline, pa: bigint, size64: number): number | null {
  const end = pa + BigInt(8 * size64);
  for (let i = timeline.now - 1; i >= 0; i--) {
    const action = timeline.log[i]!;
    if (action.do === "toggle" && action.at >= pa && action.at < end) return i;
    if (action.do === "write" && action.at < end && action.at + BigInt(action.bytes.length) > pa) return i;
  }
  return null;
}
