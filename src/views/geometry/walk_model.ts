/**
 * The nested walk as a grid: a row for each stage-1 access, a column for each stage-2 access made on its behalf, then
 * the stage-1 descriptor itself; the last row is the final address. Rows of configuration fetches that go through
 * stage 2 have the same columns. Nothing here knows pixels.
 */
import { isTableStep, type StageShape, type StepKind, type TraceStep } from "./trace_step.ts";

/** One place in the grid. */
export type GridCell =
  /** Memory was read here. `ordinal` counts table accesses from 1; in rows of configuration, its accesses. */
  | { readonly type: "access"; readonly step: TraceStep; readonly ordinal: number }
  /** Refused before anything was read here. */
  | { readonly type: "check"; readonly step: TraceStep; readonly ordinal: number }
  /** The walk ended before it came here; `ordinal` is what the access would have been. */
  | { readonly type: "missed"; readonly ordinal: number }
  /** A block at an earlier level, or an entry that skips this one, made this access needless. */
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
  /** Height of the stage-1 table; of a `stage1` row only. */
  readonly height: number | null;
  /** Structure fetched; of a `config` row only. */
  readonly structure: string | null;
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
  /** Heights of the tables of stage 2, outermost first; empty where stage 2 translates nothing. */
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
  /** The structure that holds a context of stage 1. */
  readonly context: StepKind;
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
  const columns = columnHeights(steps, stage2);
  const config = configItems(steps, stages.context);
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

/** Structures that lead to stage 1 alone. */
const OF_STAGE_1: ReadonlySet<StepKind> = new Set(["L1CD", "CD", "GCR3"]);

/** A structure of stage 1 was on its way, and no table of it was reached. */
function awaitsStage1(steps: readonly TraceStep[]): boolean {
  const onTheWay = (s: TraceStep): boolean => OF_STAGE_1.has(s.kind) || s.kind === "Descriptor" || s.stage === 2;
  return steps.every((s) => s.phase === "config") && steps.some(onTheWay);
}

function columnHeights(steps: readonly TraceStep[], stage2: StageShape | null): number[] {
  const seen = steps.filter((s) => s.kind === "Descriptor" && s.stage === 2).map((s) => s.height);
  const first = Math.max(...seen, stage2?.startHeight ?? -1);
  return Array.from({ length: first + 1 }, (_, i) => first - i);
}

function configItems(steps: readonly TraceStep[], context: StepKind): ConfigItem[] {
  const items: ConfigItem[] = [];
  let beneath: TraceStep[] = [];
  for (const step of steps) {
    if (step.phase !== "config" || step.kind === "Output") continue;
    if (step.kind === "Descriptor") beneath.push(step);
    // A fetch that stage 2 stopped has no record of its own: its last stage-2 record stands for it.
    if (step.kind === "Descriptor" && !ended(step)) continue;
    items.push({ step, name: itemName(step, context), beneath });
    beneath = [];
  }
  return items;
}

/** What a fetch is of; one that stage 2 stopped is called by what it was to lead to. */
function itemName(step: TraceStep, context: StepKind): string {
  if (step.kind === "Descriptor" || (step.kind === "Check" && step.stage === 2)) return context;
  return step.kind === "Check" ? "check" : step.kind;
}

function configRows(steps: readonly TraceStep[], items: readonly ConfigItem[], columns: readonly number[]): GridRow[] {
  const first = items.find((item) => item.beneath.length > 0)?.beneath[0]?.record ?? 0;
  let ordinal = steps.filter((s) => s.phase === "config" && s.access > 0 && s.record < first).length;
  return items
    .filter((item) => item.beneath.length > 0)
    .map((item): GridRow => {
      const own = item.step.kind === "Descriptor" || item.step.kind === "Check" ? null : item.step;
      const steps = item.step.kind === "Check" ? [...item.beneath, item.step] : item.beneath;
      const stage2 = stageTwoCells(steps, columns, () => ++ordinal);
      const last: GridCell =
        own === null ? { type: "missed", ordinal: ++ordinal } : { type: "access", step: own, ordinal: ++ordinal };
      const structure = item.name;
      const target = own?.at ?? item.beneath[0]?.input ?? null;
      return { kind: "config", height: null, structure, target, entry: own?.entry ?? null, cells: [...stage2, last] };
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
    const parts = stageOneParts(inTable, columns, stages.stage1?.startHeight ?? null);
    const start = stages.stage1?.startHeight ?? parts[0]?.height ?? 0;
    const finished = parts.find((part) => part.own?.leaf === true);
    const reached = Math.min(start + 1, ...parts.map((part) => part.height));
    const last = finished?.height ?? Math.min(start - (stages.stage1?.levels ?? 0) + 1, reached);
    // An answer for the whole address leaves no stage-1 table to be read.
    const whole = inTable.length === 0 ? (inOutput.find((s) => s.hit !== "none" && s.kind === "Output") ?? null) : null;
    for (let height = start; height >= last; height--) {
      const part = parts.find((p) => p.height === height);
      const below = parts.find((p) => p.height < height)?.own ?? null;
      // An entry may lead more than one level down.
      if (part === undefined && below !== null && below.hit === "none") continue;
      const keeper = whole ?? (height > reached ? below : null);
      rows.push(stageOneRow(part ?? { height, own: undefined, beneath: [] }, columns, keeper, take));
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
  readonly height: number;
  /** The descriptor, a cache's answer in its place, or the check that refused it. */
  readonly own: TraceStep | undefined;
  /** Stage 2 walked to reach it. */
  readonly beneath: readonly TraceStep[];
}

/** Steps of stage 1 by level: each part ends with the stage-1 step that stage 2 was walked for. */
function stageOneParts(
  inTable: readonly TraceStep[],
  columns: readonly number[],
  startHeight: number | null,
): StageOnePart[] {
  const isOwn = (s: TraceStep): boolean =>
    s.kind === "Descriptor" ? s.stage === 1 : s.kind === "Check" && (s.stage === 1 || columns.length === 0);
  const parts: StageOnePart[] = [];
  let beneath: TraceStep[] = [];
  const next = (): number => Math.max(0, (parts.at(-1)?.height ?? (startHeight ?? 0) + 1) - 1);
  for (const step of inTable) {
    if (step.kind === "Output") continue;
    if (!isOwn(step)) {
      beneath.push(step);
      continue;
    }
    parts.push({ height: step.kind === "Descriptor" ? step.height : next(), own: step, beneath });
    beneath = [];
  }
  if (beneath.length > 0) parts.push({ height: next(), own: undefined, beneath });
  return parts;
}

/** `keeper` is the cached answer that made the whole row needless, or null. */
function stageOneRow(
  { height, own, beneath }: StageOnePart,
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
    height,
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
  return { kind: "output", height: null, structure: null, target: null, entry: null, cells };
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
  return { kind: "output", height: null, structure: null, target, entry: null, cells };
}

/** Stage-2 cells of a row, one for each column. */
function stageTwoCells(mine: readonly TraceStep[], columns: readonly number[], take: () => number): GridCell[] {
  const leaf = mine.find((s) => s.leaf);
  const recalled = mine.find((s) => s.hit !== "none");
  const checks = mine.filter((s) => s.kind === "Check" || (s.kind === "Output" && ended(s)));
  return columns.map((height): GridCell => {
    const step = mine.find((s) => s.kind === "Descriptor" && s.height === height);
    if (step !== undefined) return { type: "access", step, ordinal: take() };
    if (leaf !== undefined && height < leaf.height) return { type: "spared", by: leaf };
    if (recalled !== undefined && height > recalled.height) return { type: "kept", by: recalled, ordinal: take() };
    // An entry above leads more than one level down.
    const over = mine.findLast((s) => s.kind === "Descriptor" && s.height > height);
    const under = mine.some((s) => s.kind === "Descriptor" && s.height < height);
    if (over !== undefined && under) return { type: "spared", by: over };
    const check = checks.shift();
    if (check !== undefined) return { type: "check", step: check, ordinal: take() };
    return { type: "missed", ordinal: take() };
  });
}
