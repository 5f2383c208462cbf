/**
 * What two walks of one request have in common and what not: what became of it, whatever the architectures, and their
 * steps beside each other.
 */
import { structureOf } from "../../app/records.ts";
import type { DifferenceRow } from "../../protocol/comparison.ts";
import type { StageSummary, WalkAnswer } from "../../protocol/engine.ts";
import { traceSteps } from "../common/walk_reading.ts";
import type { TraceStep } from "../geometry/trace_step.ts";
import { permissionText, sizeText } from "../translations/leaf_rows.ts";
import { alignWalks, isSamePair } from "../walk_grid/compare_walks.ts";
import { outcomeText } from "../walk_grid/outcome_text.ts";
import { ordinalText, stepMeaning } from "../walk_grid/walk_text.ts";

/** A row of a list of differences; those that are alike may be listed as well. */
export interface ListedRow extends DifferenceRow {
  readonly isAlike?: boolean;
}

/** Something that is listed by what differs. */
export interface ListedPart {
  readonly id: string;
  readonly alike: number;
  readonly differing: number;
  readonly rows: readonly ListedRow[];
  readonly why?: string;
}

export type WalkPair = readonly [WalkAnswer, WalkAnswer];

function partOf(id: string, rows: readonly ListedRow[]): ListedPart {
  const alike = rows.filter(({ isAlike }) => isAlike === true).length;
  return { id, alike, differing: rows.length - alike, rows };
}

/** What became of the request on both sides, fact by fact, those that are alike too. */
export function outcomePart(walks: WalkPair): ListedPart {
  const [left, right] = [new Map(factsOf(walks[0])), new Map(factsOf(walks[1]))];
  const names = new Set([...left.keys(), ...right.keys()]);
  const rows = [...names].flatMap((what): ListedRow[] => {
    const [one, other] = [left.get(what) ?? null, right.get(what) ?? null];
    return one === null && other === null
      ? []
      : [{ what, left: one, right: other, fields: [], isAlike: one === other }];
  });
  return partOf("outcome", rows);
}

/** Name and text; null for what a walk has none of. */
function factsOf(walk: WalkAnswer): (readonly [string, string | null])[] {
  const { outcome, counts, stage1, stage2, tags, combined } = walk;
  const { title, cause, section } = outcomeText(walk);
  return [
    ["Outcome", title],
    ["Because", cause === "" ? null : [cause, section].filter((part) => part !== "").join(" ")],
    ["Event", "event" in outcome ? outcome.event.name : null],
    ["Physical address", outcome.type === "ok" ? hex(outcome.pa) : null],
    ["Rights", outcome.type === "ok" ? permissionText(outcome.permissions) : null],
    ["Bytes mapped as one", outcome.type === "ok" && !outcome.bypass ? sizeText(outcome.sizeLg2) : null],
    ["Accesses in all", `${counts.config + counts.stage1 + counts.stage2}`],
    ["Accesses to configuration", `${counts.config}`],
    ["Accesses to tables of stage 1", `${counts.stage1}`],
    ["Accesses to tables of stage 2", `${counts.stage2}`],
    ["Stage 1", stage1 === null ? null : stageText(stage1)],
    ["Stage 2", stage2 === null ? null : stageText(stage2)],
    ["Tagged with", tags.length === 0 ? null : tags.map(({ name, value }) => `${name} ${hex(value)}`).join(", ")],
    ...combined.map(({ name, together }) => [name, together] as const),
  ];
}

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

const stageText = ({ name, levels, granuleLg2, inputBits }: StageSummary): string =>
  `${name}: ${levels} levels, ${sizeText(granuleLg2)}, ${inputBits} bits`;

/** The steps of both walks that differ, each beside the one with the same part in the other. */
export function tracePart(walks: WalkPair): ListedPart {
  const [left, right] = [traceSteps(walks[0]), traceSteps(walks[1])];
  const pairs = alignWalks(left, right);
  const rows = pairs
    .filter((pair) => !isSamePair(pair))
    .map(([a, b]): ListedRow => {
      const places = [
        a === null ? null : structureOf(walks[0], a.record),
        b === null ? null : structureOf(walks[1], b.record),
      ] as const;
      const names = new Set([a, b].flatMap((step) => (step === null ? [] : [step.name])));
      const what = [...names].join(" / ");
      return { what, left: stepText(left, a), right: stepText(right, b), fields: [], places };
    });
  return { id: "trace", alike: pairs.length - rows.length, differing: rows.length, rows };
}

function stepText(steps: readonly TraceStep[], step: TraceStep | null): string | null {
  if (step === null) return null;
  const read = step.access === 0 ? "" : `${hex(step.value)} at PA ${hex(step.pa)}, `;
  return `${ordinalText(steps, step.record)}: ${read}${stepMeaning(step)}`;
}
