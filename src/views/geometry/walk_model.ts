/**
 * The nested walk as a grid: a row for each stage-1 access, a column for each stage-2 access made on its behalf, then
 * the stage-1 descriptor itself; the last row is the final address. Rows of configuration fetches that go through
 * stage 2 have the same columns. Nothing here knows pixels.
 */
import { isTableStep, LAST_LEVEL, type StageShape, type TraceStep } from "./trace_step.ts";

/** One place in the grid. */
export type GridCell =
  /** Memory was read here. `ordinal` counts table accesses from 1; in rows of configuration, its accesses. */
  | { readonly type: "access"; readonly step: TraceStep; readonly ordinal: number }
  /** Refused before anything was read here. */
  | { readonly type: "check"; readonly step: TraceStep; readonly ordinal: number }
  /** The walk ended before it came here; `ordinal` is what the access would have been. */
  | { readonly type: "missed"; readonly ordinal: number }
  /** A block at an earlier level made this access needless. */
  | { readonly type: "spared"; readonly by: TraceStep }
  /** A cache's answer made this access needless: it holds what this would have led to. */
  | { readonly type: "kept"; readonly by: TraceStep; readonly ordinal: number }
  /** The final address, or null where the walk ended before it. */
  | { readonly type: "output"; readonly step: TraceStep | null }
  /** Nothing belongs here. */
  | { readonly type: "empty" };

/** A row of the grid. */
export interface GridRow {
  readonly kind: "config" | "stage1" | "output";
  /** Stage-1 level; of a `stage1` row only. */
  readonly level: number | null;
  /** Structure fetched; of a `config` row only. */
  readonly structure: "L1CD" | "CD" | null;
  /** Address this row has to reach: IPA where stage 2 translates, else PA; null while unknown. */
  readonly target: bigint | null;
  /** Index of the entry that the row reads; null where unknown or of no meaning. */
  readonly entry: number | null;
  /** One for each stage-2 column, then the row's own. */
  readonly cells: readonly GridCell[];
}

/** An entry of the configuration strip: a structure read on the way, or a check that failed there. */
export interface ConfigItem {
  readonly step: TraceStep;
  readonly name: string;
  /** Stage-2 accesses made to fetch it. */
  readonly beneath: readonly TraceStep[];
}

/** The grid and what stands above it. */
export interface WalkModel {
  /** Levels of stage 2, outermost first; empty where stage 2 translates nothing. */
  readonly columns: readonly number[];
  readonly stage1: StageShape | null;
  readonly stage2: StageShape | null;
  /** The stream has a stage 1 that the walk never came to know, because its configuration could not be read. */
  readonly stage1Unread: boolean;
  readonly config: readonly ConfigItem[];
  /** Rows for configuration fetched through stage 2; drawn on demand. */
  readonly configRows: readonly GridRow[];
  readonly rows: readonly GridRow[];
  readonly counts: WalkCounts;
}

/** Memory accesses of the walk. */
interface WalkCounts {
  /** To configuration, with stage 2 beneath it. */
  readonly config: number;
  /** To tables of both stages for the address itself. */
  readonly made: number;
  /** Would-be total without caches and without an early end, equal to `made` for a walk that had neither. */
  readonly total: number;
  /** Accesses that caches made needless. */
  readonly kept: number;
  /** Levels of a full walk of each stage, 0 where the stage is off, and `(s1 + 1) × (s2 + 1) − 1`. */
  readonly levels: { readonly stage1: number; readonly stage2: number };
  readonly full: number;
}

/** Stages of the context, as far as the walk came to know them. */
export interface WalkStages {
  readonly stage1: StageShape | null;
  readonly stage2: StageShape | null;
}

/** Whether a cache answered in place of this cell's access. */
export function isHit(cell: GridCell): boolean {
  return cell.type === "access" && cell.step.hit !== "none";
}

const ended = (s: TraceStep): boolean => s.verdict === "fault" || s.verdict === "unknown";

/** Build the grid of a walk from its trace. */
export function walkModel(steps: readonly TraceStep[], stages: WalkStages): WalkModel {
  const stage1 = stages.stage1;
  const stage2 = stages.stage2;
  const columns = columnLevels(steps, stage2);
  const config = configItems(steps);
  const counter = { next: 1 };
  const rows = tableRows(steps, stages, columns, counter);
  const made = steps.filter((s) => isTableStep(s) && s.access > 0).length;
  const levels = { stage1: stage1?.levels ?? 0, stage2: stage2?.levels ?? columns.length };
  return {
    columns,
    stage1,
    stage2,
    stage1Unread: stage1 === null && awaitsStage1(steps),
    config,
    configRows: configRows(steps, config, columns),
    rows,
    counts: {
      config: steps.filter((s) => s.phase === "config" && s.access > 0).length,
      made,
      total: Math.max(made, counter.next - 1),
      kept: rows.flatMap((r) => r.cells).filter((c) => c.type === "kept" || isHit(c)).length,
      levels,
      full: (levels.stage1 + 1) * (levels.stage2 + 1) - 1,
    },
  };
}

/** STE.Config [3:1] with bit 0 set asks for stage 1 (IHI 0070 §5.2); no table of it was reached. */
function awaitsStage1(steps: readonly TraceStep[]): boolean {
  const ste = steps.find((s) => s.kind === "STE" && !ended(s));
  const config = ste === undefined ? 0n : (ste.value >> 1n) & 7n;
  return (config === 5n || config === 7n) && steps.every((s) => s.phase === "config");
}

function columnLevels(steps: readonly TraceStep[], stage2: StageShape | null): number[] {
  const seen = steps.filter((s) => s.kind === "Descriptor" && s.stage === 2).map((s) => s.level);
  const first = Math.min(...seen, stage2?.startLevel ?? LAST_LEVEL + 1);
  return Array.from({ length: LAST_LEVEL + 1 - first }, (_, i) => first + i);
}

function configItems(steps: readonly TraceStep[]): ConfigItem[] {
  const items: ConfigItem[] = [];
  let beneath: TraceStep[] = [];
  let ste: TraceStep | null = null;
  for (const step of steps) {
    if (step.phase !== "config" || step.kind === "Output") continue;
    if (step.kind === "STE") ste = step;
    if (step.kind === "Descriptor") beneath.push(step);
    // A fetch that stage 2 stopped has no record of its own: its last stage-2 record stands for it.
    if (step.kind === "Descriptor" && !ended(step)) continue;
    items.push({ step, name: itemName(step, items, ste), beneath });
    beneath = [];
  }
  return items;
}

function itemName(step: TraceStep, items: readonly ConfigItem[], ste: TraceStep | null): string {
  if (step.kind === "Descriptor" || (step.kind === "Check" && step.stage === 2)) return awaited(items, ste);
  return step.kind === "Check" ? "check" : step.kind;
}

/** Which structure is being fetched when stage 2 stops the fetch. STE.S1Fmt [5:4] and S1CDMax [63:59], IHI 0070 §5.2. */
function awaited(items: readonly ConfigItem[], ste: TraceStep | null): "L1CD" | "CD" {
  if (ste === null || items.some((i) => i.name === "L1CD")) return "CD";
  const format = Number((ste.value >> 4n) & 3n);
  return ste.value >> 59n !== 0n && (format === 1 || format === 2) ? "L1CD" : "CD";
}

function configRows(steps: readonly TraceStep[], items: readonly ConfigItem[], columns: readonly number[]): GridRow[] {
  const first = items.find((item) => item.beneath.length > 0)?.beneath[0]?.record ?? 0;
  let ordinal = steps.filter((s) => s.phase === "config" && s.access > 0 && s.record < first).length;
  return items
    .filter((item) => item.beneath.length > 0)
    .map((item): GridRow => {
      const own = item.step.kind === "L1CD" || item.step.kind === "CD" ? item.step : null;
      const steps = item.step.kind === "Check" ? [...item.beneath, item.step] : item.beneath;
      const stage2 = stageTwoCells(steps, columns, () => ++ordinal);
      const last: GridCell =
        own === null ? { type: "missed", ordinal: ++ordinal } : { type: "access", step: own, ordinal: ++ordinal };
      const structure = item.name === "L1CD" ? "L1CD" : "CD";
      const target = own?.at ?? item.beneath[0]?.input ?? null;
      return { kind: "config", level: null, structure, target, entry: own?.entry ?? null, cells: [...stage2, last] };
    });
}

function tableRows(
  steps: readonly TraceStep[],
  stages: WalkStages,
  columns: readonly number[],
  counter: { next: number },
): GridRow[] {
  const take = (): number => counter.next++;
  const inTable = steps.filter((s) => s.phase === "table");
  const inOutput = steps.filter((s) => s.phase === "output");
  const rows: GridRow[] = [];
  if (stages.stage1 !== null || inTable.length > 0) {
    const parts = stageOneParts(inTable, columns, stages.stage1?.startLevel ?? null);
    const startLevel = stages.stage1?.startLevel ?? parts[0]?.level ?? 0;
    const finished = parts.find((part) => part.own?.leaf === true);
    const reached = Math.max(startLevel - 1, ...parts.map((part) => part.level));
    const last = finished?.level ?? Math.max(startLevel + (stages.stage1?.levels ?? 0) - 1, reached);
    // An answer for the whole address leaves no stage-1 table to be read.
    const whole = inTable.length === 0 ? (inOutput.find((s) => s.hit !== "none" && s.kind === "Output") ?? null) : null;
    for (let level = startLevel; level <= last; level++) {
      const part = parts.find((p) => p.level === level) ?? { level, own: undefined, beneath: [] };
      const keeper = whole ?? (level < reached ? (parts.find((p) => p.level > level)?.own ?? null) : null);
      rows.push(stageOneRow(part, columns, keeper, take));
    }
    if (whole !== null) {
      rows.push(keptOutputRow(whole, columns, take));
      return rows;
    }
  }
  rows.push(outputRow(inOutput, columns, take));
  return rows;
}

/** Steps that belong to one level of stage 1. */
interface StageOnePart {
  readonly level: number;
  /** The descriptor, a cache's answer in its place, or the check that refused it. */
  readonly own: TraceStep | undefined;
  /** Stage 2 walked to reach it. */
  readonly beneath: readonly TraceStep[];
}

/** Steps of stage 1 by level: each part ends with the stage-1 step that stage 2 was walked for. */
function stageOneParts(
  inTable: readonly TraceStep[],
  columns: readonly number[],
  startLevel: number | null,
): StageOnePart[] {
  const isOwn = (s: TraceStep): boolean =>
    s.kind === "Descriptor" ? s.stage === 1 : s.kind === "Check" && (s.stage === 1 || columns.length === 0);
  const parts: StageOnePart[] = [];
  let beneath: TraceStep[] = [];
  const next = (): number => (parts.at(-1)?.level ?? (startLevel ?? 0) - 1) + 1;
  for (const step of inTable) {
    if (step.kind === "Output") continue;
    if (!isOwn(step)) {
      beneath.push(step);
      continue;
    }
    parts.push({ level: step.kind === "Descriptor" ? step.level : next(), own: step, beneath });
    beneath = [];
  }
  if (beneath.length > 0) parts.push({ level: next(), own: undefined, beneath });
  return parts;
}

/** `keeper` is the cached answer that made the whole row needless, or null. */
function stageOneRow(
  { level, own, beneath }: StageOnePart,
  columns: readonly number[],
  keeper: TraceStep | null,
  take: () => number,
): GridRow {
  const recalled = own !== undefined && own.hit !== "none" ? own : null;
  const spare = keeper !== null && own === undefined && beneath.length === 0 ? keeper : recalled;
  const cells =
    spare === null || beneath.length > 0 ? stageTwoCells(beneath, columns, take) : keptCells(spare, columns, take);
  if (own !== undefined) cells.push({ type: own.kind === "Check" ? "check" : "access", step: own, ordinal: take() });
  else cells.push(spare === null ? { type: "missed", ordinal: take() } : { type: "kept", by: spare, ordinal: take() });
  const target = own?.kind === "Descriptor" && recalled === null ? own.at : (beneath[0]?.input ?? null);
  return {
    kind: "stage1",
    level,
    structure: null,
    target,
    entry: own?.kind === "Descriptor" && recalled === null ? own.entry : null,
    cells,
  };
}

function keptCells(by: TraceStep, columns: readonly number[], take: () => number): GridCell[] {
  return columns.map((): GridCell => ({ type: "kept", by, ordinal: take() }));
}

function keptOutputRow(output: TraceStep, columns: readonly number[], take: () => number): GridRow {
  const cells: GridCell[] = [...keptCells(output, columns, take), { type: "output", step: output }];
  return { kind: "output", level: null, structure: null, target: null, entry: null, cells };
}

function outputRow(mine: readonly TraceStep[], columns: readonly number[], take: () => number): GridRow {
  const output = mine.findLast((s) => s.kind === "Output") ?? null;
  const walked = mine.filter((s) => s.kind !== "Output");
  const cells = stageTwoCells(walked, columns, take);
  const placed = cells.flatMap((c) => (c.type === "access" || c.type === "check" ? [c.step] : []));
  const refused = walked.find((s) => ended(s) && !placed.includes(s));
  if (refused !== undefined) cells.push({ type: "check", step: refused, ordinal: 0 });
  else cells.push({ type: "output", step: output });
  const target = columns.length > 0 ? (walked[0]?.input ?? null) : null;
  return { kind: "output", level: null, structure: null, target, entry: null, cells };
}

/** Stage-2 cells of a row, one for each column. */
function stageTwoCells(mine: readonly TraceStep[], columns: readonly number[], take: () => number): GridCell[] {
  const leaf = mine.find((s) => s.leaf);
  const recalled = mine.find((s) => s.hit !== "none");
  const checks = mine.filter((s) => s.kind === "Check" || (s.kind === "Output" && ended(s)));
  return columns.map((level): GridCell => {
    const step = mine.find((s) => s.kind === "Descriptor" && s.level === level);
    if (step !== undefined) return { type: "access", step, ordinal: take() };
    if (leaf !== undefined && level > leaf.level) return { type: "spared", by: leaf };
    if (recalled !== undefined && level < recalled.level) return { type: "kept", by: recalled, ordinal: take() };
    const check = checks.shift();
    if (check !== undefined) return { type: "check", step: check, ordinal: take() };
    return { type: "missed", ordinal: take() };
  });
}
