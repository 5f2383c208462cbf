/**
 * Compares two states of machines part by part: what one has and the other lacks, and what both have and does not say the
 * same. A state is taken apart into plain things first, so that the two may be of one machine at different steps.
 */
import { ARCHITECTURES } from "../../arch/architectures.ts";
import {
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
  structureItems,
} from "./items.ts";
import { leafDifferences } from "./leaf_differences.ts";

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

function takeSide({ inspect, arch, digest }: LookedAt, contexts: readonly Context[], access: Access | null): SideState {
  return {
    arch,
    digest,
    items: {
      registers: registerItems(inspect),
      structures: structureItems(inspect, arch, contexts),
      caches: cacheItems(inspect),
      queues: queueItems(inspect),
    },
    leaves: contexts.map(({ sid, ssid }) => inspect.leaves(sid, ssid, 0)),
    walk: access === null ? null : inspect.walk(access, 0),
  };
}

function compareSides(left: SideState, right: SideState, contexts: readonly Context[]): ComparisonAnswer {
  const walks = left.walk === null || right.walk === null ? null : ([left.walk, right.walk] as const);
  const digests = [left.digest, right.digest] as const;
  if (left.arch !== right.arch) return { digests, parts: [], walks };
  const part = (id: keyof SideState["items"]): ComparedPart => comparePart(id, left.items[id], right.items[id]);
  const leaves = compareLeaves(left, right, contexts);
  return { digests, parts: [part("registers"), part("structures"), leaves, part("caches"), part("queues")], walks };
}

/** A thing as either side has it. */
type Pair = readonly [Item | null, Item | null];

function pairsOf(left: readonly Item[], right: readonly Item[]): Pair[] {
  const others = new Map(right.map((item) => [item.key, item]));
  const known = new Set(left.map(({ key }) => key));
  const pairs = left.map((item): Pair => [item, others.get(item.key) ?? null]);
  return [...pairs, ...right.filter(({ key }) => !known.has(key)).map((item): Pair => [null, item])];
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
  const whole = pairs.filter(([a, b]) => a !== null && b !== null);
  return [...whole, ...pairs.filter(([a, b]) => a === null || b === null)].filter(
    (pair) => (pair[0] ?? pair[1])!.place === undefined || isNew(pair),
  );
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
  const { arch } = left;
  const reasonText = (reason: number): string => ARCHITECTURES[arch].reasons[reason]?.text ?? "faults";
  const found = contexts.map((context, i) =>
    leafDifferences(left.leaves[i]!, right.leaves[i]!, context, contextText(arch, context), reasonText),
  );
  return {
    id: "leaves",
    alike: found.reduce((sum, { alike }) => sum + alike, 0),
    differing: found.reduce((sum, { differing }) => sum + differing, 0),
    rows: found.flatMap(({ rows }) => rows).slice(0, MAX_DIFFERENCES),
  };
}
