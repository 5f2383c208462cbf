/**
 * Bit rulers: a structure's bits in rows, most significant first, with a box for each field and its name beneath where
 * there is room. Names too wide for their field go to a lower lane with a leader; those that fit nowhere are left out
 * (every bit carries its field's name for pointer and reader anyway).
 */
import type { FieldDeclaration } from "../../base/layout.ts";
import { nameWidth, textWidth } from "./text_fit.ts";

/** One bit, clickable. */
interface RulerBit {
  readonly bit: number;
  readonly x: number;
  readonly y: number;
}

/** The part of a field that lies in one row. */
interface RulerRun {
  readonly field: FieldDeclaration;
  readonly hi: number;
  readonly lo: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly label: RulerLabel | null;
}

interface RulerLabel {
  readonly text: string;
  /** Centre and baseline. */
  readonly x: number;
  readonly y: number;
  /** From the run's foot to the label, where the label is not right beneath it. */
  readonly leader: { readonly x: number; readonly y1: number; readonly y2: number } | null;
}

export interface BitRuler {
  readonly width: number;
  readonly height: number;
  readonly bitWidth: number;
  readonly bitHeight: number;
  readonly bits: readonly RulerBit[];
  readonly runs: readonly RulerRun[];
  /** Bit numbers above the rows. */
  readonly numbers: readonly { readonly bit: number; readonly x: number; readonly y: number }[];
}

export interface RulerOptions {
  /** Lowest bit shown, and how many; both multiples of `perRow`. */
  readonly from: number;
  readonly count: number;
  readonly perRow: number;
  readonly width: number;
  /** Height of a bit: 20 for a mouse. */
  readonly bitHeight: number;
}

/** Height of the line of numbers above the bits. */
const NUMBERS = 13;
const LANE = 13;
const LANES = 4;
const FONT = 11.5;
/** How far a name may stand out over each side of its field before it needs a leader. */
const OVERHANG = 5;

/** Lay out bits `from` to `from + count - 1`. `fields` may reach beyond them. */
export function bitRuler(fields: readonly FieldDeclaration[], o: RulerOptions): BitRuler {
  const bitWidth = o.width / o.perRow;
  const bits: RulerBit[] = [];
  const runs: RulerRun[] = [];
  const numbers: { bit: number; x: number; y: number }[] = [];
  let y = 0;
  for (let top = o.from + o.count - 1; top >= o.from; top -= o.perRow) {
    const bottom = top - o.perRow + 1;
    const boxY = y + NUMBERS;
    for (let bit = top; bit >= bottom; bit--) bits.push({ bit, x: (top - bit) * bitWidth, y: boxY });
    const row = rowRuns(fields, top, bottom, bitWidth, boxY);
    const labelled = placeLabels(row, o);
    runs.push(...labelled);
    numbers.push(...rowNumbers(row, bitWidth, y + NUMBERS - 3));
    const lowest = Math.max(boxY + o.bitHeight, ...labelled.map((r) => (r.label === null ? 0 : r.label.y + 3)));
    y = lowest + 6;
  }
  return { width: o.width, height: y, bitWidth, bitHeight: o.bitHeight, bits, runs, numbers };
}

function rowRuns(
  fields: readonly FieldDeclaration[],
  top: number,
  bottom: number,
  bitWidth: number,
  y: number,
): RulerRun[] {
  return fields
    .filter((f) => f.hi >= bottom && f.lo <= top)
    .map((field): RulerRun => {
      const hi = Math.min(field.hi, top);
      const lo = Math.max(field.lo, bottom);
      return { field, hi, lo, x: (top - hi) * bitWidth, y, width: (hi - lo + 1) * bitWidth, label: null };
    })
    .reverse();
}

/** The number of each field's highest bit, and of the row's lowest, where they do not run into each other. */
function rowNumbers(row: readonly RulerRun[], bitWidth: number, y: number): { bit: number; x: number; y: number }[] {
  const out: { bit: number; x: number; y: number }[] = [];
  const last = row.at(-1);
  if (last === undefined) return out;
  const end = last.x + last.width - bitWidth / 2;
  let free = Number.NEGATIVE_INFINITY;
  for (const run of row) {
    const x = run.x + bitWidth / 2;
    const half = textWidth(String(run.hi), 10.5) / 2 + 2;
    const clearOfEnd = run.hi === last.lo || x + half < end - textWidth(String(last.lo), 10.5) / 2 - 2;
    if (x - half < free || !clearOfEnd) continue;
    out.push({ bit: run.hi, x, y });
    free = x + half;
  }
  if (last.lo !== last.hi || out.at(-1)?.bit !== last.lo) out.push({ bit: last.lo, x: end, y });
  return out;
}

interface Taken {
  readonly lane: number;
  readonly from: number;
  readonly to: number;
  readonly leader: number | null;
}

/** Names for a row: of two orders of placing them, the one that leaves fewer out. */
function placeLabels(row: readonly RulerRun[], o: RulerOptions): RulerRun[] {
  const [a, b] = [labelsFor(row, row, o), labelsFor(row, [...row].reverse(), o)];
  const labels = b.size > a.size ? b : a;
  return row.map((run) => ({ ...run, label: labels.get(run) ?? null }));
}

function labelsFor(row: readonly RulerRun[], order: readonly RulerRun[], o: RulerOptions): Map<RulerRun, RulerLabel> {
  const taken: Taken[] = [];
  const labels = new Map<RulerRun, RulerLabel>();
  // Names that fit under their own field first: they need no search, and the others go around them.
  for (const run of row) {
    const text = candidates(run).find((t) => nameWidth(t, FONT) <= run.width - 2);
    if (text === undefined) continue;
    const x = run.x + run.width / 2;
    const half = nameWidth(text, FONT) / 2;
    taken.push({ lane: 0, from: x - half, to: x + half, leader: null });
    labels.set(run, { text, x, y: run.y + o.bitHeight + 11, leader: null });
  }
  for (const run of order) {
    if (labels.has(run) || run.field.form === "reserved") continue;
    const label = search(run, o, taken);
    if (label !== null) labels.set(run, label);
  }
  return labels;
}

function search(run: RulerRun, o: RulerOptions, taken: Taken[]): RulerLabel | null {
  const text = run.field.name;
  const half = nameWidth(text, FONT) / 2 + 2;
  const centre = run.x + run.width / 2;
  for (let lane = 0; lane < LANES; lane++) {
    if (lane === 0 && half - run.width / 2 > OVERHANG) continue;
    // The text may stand anywhere over its leader; the middle looks best.
    for (const shift of lane === 0 ? [0] : [0, 0.3, -0.3, 0.6, -0.6, 0.85, -0.85, 1, -1]) {
      const x = Math.min(o.width - half, Math.max(half, centre + shift * half));
      const slot: Taken = { lane, from: x - half, to: x + half, leader: lane === 0 ? null : centre };
      if (Math.abs(x - centre) > half - 1 || taken.some((t) => collide(t, slot))) continue;
      taken.push(slot);
      const y = run.y + o.bitHeight + 11 + lane * LANE;
      const leader = lane === 0 ? null : { x: centre, y1: run.y + o.bitHeight, y2: y - 9 };
      return { text, x, y, leader };
    }
  }
  return null;
}

/** Whether two labels overlap, or the leader of one runs through the other's text or close beside its leader. */
function collide(a: Taken, b: Taken): boolean {
  if (a.lane === b.lane && a.from < b.to && b.from < a.to) return true;
  const cuts = (deep: Taken, flat: Taken): boolean =>
    deep.leader !== null && deep.lane > flat.lane && deep.leader > flat.from - 1 && deep.leader < flat.to + 1;
  return cuts(a, b) || cuts(b, a);
}

/** What to write under a run that is wide enough, longest first. */
function candidates(run: RulerRun): string[] {
  const { field } = run;
  const part = run.hi === field.hi && run.lo === field.lo ? [] : [`${field.name} [${run.hi}:${run.lo}]`];
  if (field.form === "reserved") return [field.about.split(/[;,:]/)[0] ?? ""];
  return [...part, field.name];
}
