/**
 * Compares two states of machines part by part: what one has and the other lacks, and what both have and does not say the
 * same. A state is taken apart into plain things first, so that the two may be of one machine at different steps.
 */
import { ARCHITECTURES } from "../../arch/architectures.ts";
import {
  COMPARED_PARTS,
  type ComparedPart,
  type ComparedPartId,
  type ComparisonAnswer,
  type DifferenceRow,
  type FieldDifference,
  MAX_DIFFERENCES,
} from "../../protocol/comparison.ts";
import type { LeafColumns, Result, WalkAnswer } from "../../protocol/engine.ts";
import type { DecodedField } from "../../protocol/inspection.ts";
import type { Access, Arch } from "../../protocol/machine.ts";
import type { LookedAt } from "../session.ts";
import {
  type Context,
  cacheItems,
  contextText,
  type Item,
  queueItems,
  registerItems,
  softwareItems,
  structureItems,
} from "./items.ts";
import { leafDifferences, type ReasonText } from "./leaf_differences.ts";

const PARTS = Object.keys(COMPARED_PARTS) as ComparedPartId[];

/** Most contexts whose structures and translations are compared. */
const MAX_CONTEXTS = 256;

/** Looks at a state, wherever it is; a problem where there is no such state. */
export type Look = <T>(look: (there: LookedAt) => T) => Result<T>;

/** A state, taken apart. */
interface SideState {
  readonly arch: Arch;
  readonly digest: string;
  readonly items: Readonly<Record<Exclude<ComparedPartId, "leaves">, readonly Item[]>>;
  /** In the order of the contexts. */
  readonly leaves: readonly LeafColumns[];
  readonly walk: WalkAnswer | null;
}

/** What differs between two states. @param access to walk on both, null for none */
export function compareStates([left, right]: readonly [Look, Look], access: Access | null): Result<ComparisonAnswer> {
  const ours = left(contextsOf);
  const theirs = right(contextsOf);
  if (!ours.ok) return ours;
  if (!theirs.ok) return theirs;
  // What only one side shows is looked for on the other, where it may be present and not valid.
  const all = new Map(
    [...ours.value, ...theirs.value].map((context) => [`${context.sid} ${context.ssid ?? ""}`, context]),
  );
  const contexts = [...all.values()].slice(0, MAX_CONTEXTS);
  const one = left((there) => takeSide(there, contexts, access));
  const other = right((there) => takeSide(there, contexts, access));
  if (!one.ok) return one;
  if (!other.ok) return other;
  return { ok: true, value: compareSides(one.value, other.value, contexts) };
}

const contextsOf = ({ inspect, devices }: LookedAt): Context[] =>
  inspect.streams(devices, new Map()).flatMap(({ sid, ssids }) => [null, ...ssids].map((ssid) => ({ sid, ssid })));

function takeSide(there: LookedAt, contexts: readonly Context[], access: Access | null): SideState {
  const { inspect, arch, software, digest } = there;
  return {
    arch,
    digest,
    items: {
      registers: registerItems(inspect),
      structures: structureItems(inspect, arch, contexts),
      caches: cacheItems(inspect),
      queues: queueItems(inspect),
      software: softwareItems(software),
    },
    leaves: contexts.map(({ sid, ssid }) => inspect.leaves(sid, ssid, 0)),
    walk: access === null ? null : inspect.walk(access, 0),
  };
}

/** Why a part of two architectures is not compared; what is not named here is. */
const APART: Readonly<Partial<Record<ComparedPartId, string>>> = {
  registers: "Each architecture has registers of its own.",
  structures: "Each architecture is configured by structures of its own. What they map is compared: see Translations.",
  caches: "Each architecture tags its cached entries in its own way.",
  queues: "Commands and records are each architecture's own. The event that a walk ends in is compared: see Outcome.",
};

function compareSides(left: SideState, right: SideState, contexts: readonly Context[]): ComparisonAnswer {
  const walks = left.walk === null || right.walk === null ? null : ([left.walk, right.walk] as const);
  const parts = PARTS.map((id): ComparedPart => {
    const why = left.arch === right.arch ? undefined : APART[id];
    if (why !== undefined) return { id, why, alike: 0, differing: 0, rows: [] };
    return id === "leaves" ? compareLeaves(left, right, contexts) : comparePart(id, left.items[id], right.items[id]);
  });
  return { digests: [left.digest, right.digest], parts, walks };
}

/** A thing as either side has it. */
type Pair = readonly [Item | null, Item | null];

/** By the order of the left; what only the right has comes behind what it comes behind there. */
function pairsOf(left: readonly Item[], right: readonly Item[]): Pair[] {
  const others = new Map(right.map((item) => [item.key, item]));
  const known = new Set(left.map(({ key }) => key));
  const added = new Map<string, Pair[]>();
  let before = "";
  for (const item of right) {
    if (known.has(item.key)) before = item.key;
    else added.set(before, [...(added.get(before) ?? []), [null, item]]);
  }
  const behind = (key: string): readonly Pair[] => added.get(key) ?? [];
  return [
    ...behind(""),
    ...left.flatMap((item): Pair[] => [[item, others.get(item.key) ?? null], ...behind(item.key)]),
  ];
}

/** Without the structures that other contexts are reached through as well: those are told once, and as a pair if they are one. */
function withoutRepeats(pairs: readonly Pair[]): Pair[] {
  const seen = [new Set<bigint>(), new Set<bigint>()] as const;
  const isNew = (pair: Pair): boolean => {
    const places = pair.map((item) => item?.place?.pa);
    const repeated = places.every((pa, side) => pa === undefined || seen[side as 0 | 1].has(pa));
    for (const [side, pa] of places.entries()) if (pa !== undefined) seen[side as 0 | 1].add(pa);
    return !repeated;
  };
  const isWhole = ([a, b]: Pair): boolean => a !== null && b !== null;
  const placed = pairs.filter(([a, b]) => (a ?? b)!.place !== undefined);
  const kept = new Set([...placed.filter(isWhole), ...placed.filter((pair) => !isWhole(pair))].filter(isNew));
  return pairs.filter((pair) => (pair[0] ?? pair[1])!.place === undefined || kept.has(pair));
}

function comparePart(id: ComparedPartId, left: readonly Item[], right: readonly Item[]): ComparedPart {
  const pairs = withoutRepeats(pairsOf(left, right));
  const rows = pairs.flatMap(([a, b]) => rowOf(a, b) ?? []);
  return {
    id,
    alike: pairs.length - rows.length,
    differing: rows.length,
    rows: rows.slice(0, MAX_DIFFERENCES),
  };
}

/** How a thing differs, null where it is alike. */
function rowOf(a: Item | null, b: Item | null): DifferenceRow | null {
  const fields = a === null || b === null ? [] : fieldDifferences(a.fields, b.fields);
  const told = a?.text !== b?.text || fields.length > 0;
  if (!told && a?.bits === b?.bits) return null;
  const text = (item: Item | null): string | null =>
    item === null ? null : told ? item.text : `${item.text}, other bits in no field`;
  const row = { what: (a ?? b)!.what, left: text(a), right: text(b), fields };
  const places = [a?.place ?? null, b?.place ?? null] as const;
  return places[0] === null && places[1] === null ? row : { ...row, places };
}

const fieldSide = (field: DecodedField | undefined): FieldDifference["left"] =>
  field === undefined ? null : { value: field.value, meaning: field.meaning };

function fieldDifferences(left: readonly DecodedField[], right: readonly DecodedField[]): FieldDifference[] {
  const names = new Set([...left, ...right].map(({ name }) => name));
  return [...names].flatMap((name): FieldDifference[] => {
    const [a, b] = [left, right].map((fields) => fields.find((field) => field.name === name));
    if (a?.value === b?.value) return [];
    return [{ name, about: (a ?? b)!.about, left: fieldSide(a), right: fieldSide(b) }];
  });
}

function compareLeaves(left: SideState, right: SideState, contexts: readonly Context[]): ComparedPart {
  const reasonText =
    ({ arch }: SideState): ReasonText =>
    (reason) =>
      ARCHITECTURES[arch].reasons[reason]?.text ?? "faults";
  const texts = [reasonText(left), reasonText(right)] as const;
  const found = contexts.map((context, i) =>
    leafDifferences(left.leaves[i]!, right.leaves[i]!, context, contextText(left.arch, context), texts),
  );
  return {
    id: "leaves",
    alike: found.reduce((sum, { alike }) => sum + alike, 0),
    differing: found.reduce((sum, { differing }) => sum + differing, 0),
    rows: found.flatMap(({ rows }) => rows).slice(0, MAX_DIFFERENCES),
  };
}
