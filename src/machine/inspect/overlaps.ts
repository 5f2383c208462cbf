/**
 * Which memory is reached in more than one way. Every context's runs are laid over each other by where they lead; a line
 * that sweeps over the addresses keeps who reaches the place it is at, and tells of each range over which that is the same.
 *
 * The search stops for breath every few milliseconds: whoever drives it may leave it at any of these points.
 */
import type { StreamRow } from "../../protocol/engine.ts";
import {
  MAX_INPUTS,
  MAX_OVERLAPS,
  MAX_REACHES,
  type OverlapAnswer,
  type OverlapContext,
  type OverlapQuery,
  type OverlapReach,
  type OverlapRow,
} from "../../protocol/overlaps.ts";
import { BREATH, besides, ReachRuns, runsOf, through, toThemselves } from "./reach_runs.ts";
import { type ContextTables, stageSource, tablesId } from "./table_source.ts";

/** Most contexts that are looked through, and most leaves and most runs of all of them together. */
const MAX_CONTEXTS = 1024;
const MAX_LEAVES = 1 << 22;
const MAX_RUNS = 1 << 22;
const PAGE = 4096;
const MAX_TABLES = 1 << 16;
/** Most table entries read for one stage of a context. */
const MAX_ENTRIES = 1 << 23;
/** Most input ranges that are marked. */
const MAX_MARKS = 1 << 14;

/** Tells at its stops how much of it is done, from 0 to 1. */
export type OverlapSearch = Generator<number, Omit<OverlapAnswer, "revision">>;

/** Look for overlaps. @param tablesOf of a context */
export function* findOverlaps(
  query: OverlapQuery,
  streams: readonly StreamRow[],
  tablesOf: (sid: number, ssid: number | null) => ContextTables,
): OverlapSearch {
  const chosen = { sid: query.sid, ssid: query.ssid };
  const bypassing = streams.filter(({ state }) => state === "bypass").map(({ sid }) => sid);
  // What passes untranslated reaches everything, which would say nothing of what translations share.
  const left = new Set(query.bypassing || query.at !== null ? [] : bypassing);
  const others = streams.flatMap(({ sid, ssids }) => {
    // Requests without a PASID may go by the tables of PASID 0: that is one address space.
    const one = ssids.includes(0) && spaceId(tablesOf(sid, null)) === spaceId(tablesOf(sid, 0));
    const twin = one ? (chosen.sid === sid && chosen.ssid === 0 ? null : 0) : undefined;
    const looked = [null, ...ssids].filter((ssid) => ssid !== twin && (ssid !== null || !left.has(sid)));
    return looked.map((ssid) => ({ sid, ssid }));
  });
  const contexts = [chosen, ...others.filter(({ sid, ssid }) => sid !== chosen.sid || ssid !== chosen.ssid)];
  const looked = contexts.slice(0, MAX_CONTEXTS);
  const beneath = query.space === "PA" ? null : tablesId(tablesOf(chosen.sid, chosen.ssid), 2);
  const gathering = new Gathering(query.space);
  for (const [i, context] of looked.entries()) {
    const tables = tablesOf(context.sid, context.ssid);
    if (query.space === "IPA" && (beneath === null || tablesId(tables, 2) !== beneath)) continue;
    yield* part(i / looked.length / 2, (i + 1) / looked.length / 2, gathering.add(context, tables));
  }
  const sweep = new Sweep(gathering, query.all ? null : 0);
  const found = query.at === null ? yield* part(0.5, 1, sweep.overlaps()) : sweep.waysTo(query.at);
  return {
    space: query.space,
    contexts: gathering.contexts,
    ...found,
    truncated: !gathering.whole || looked.length < contexts.length,
    bypassing,
  };
}

/** What tells of itself as part of a whole, of which it is what lies between two shares. */
function* part<T>(from: number, to: number, work: Generator<number, T>): Generator<number, T> {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    yield from + (to - from) * value;
  }
}

/** What tells an address space from others: the tables that its accesses meet first. */
const spaceId = (tables: ContextTables): string | null => tablesId(tables, 1) ?? tablesId(tables, 2);

/** The runs of all contexts. */
class Gathering {
  readonly contexts: OverlapContext[] = [];
  readonly runs: ReachRuns[] = [];
  whole = true;
  readonly #space: OverlapQuery["space"];
  #leaves = 0;
  /** Runs so far. */
  #count = 0;

  constructor(space: OverlapQuery["space"]) {
    this.#space = space;
  }

  *add(context: OverlapContext, tables: ContextTables): Generator<number> {
    const translated = tables.resolved ? yield* this.#translated(tables) : new ReachRuns();
    const runs = besides(translated, tables.untranslated(), this.#space === "PA");
    this.contexts.push(context);
    this.#count += runs.count;
    this.runs.push(runs);
    yield 1;
  }

  *#translated(tables: ContextTables): Generator<number, ReachRuns> {
    const [first, second] = tables.stages;
    if (first === null && second === null) return new ReachRuns();
    const both = this.#space === "PA" && first !== null && second !== null;
    const outer = yield* part(0, both ? 1 / 3 : 1, this.#stage(tables, first === null ? 2 : 1));
    if (this.#space === "IPA" && first === null) return toThemselves(outer);
    if (!both) return outer;
    const inner = yield* part(1 / 3, 2 / 3, this.#stage(tables, 2));
    const { runs, whole } = yield* part(2 / 3, 1, through(outer, inner, MAX_RUNS - this.#count));
    this.whole &&= whole;
    return runs;
  }

  *#stage(tables: ContextTables, stage: 1 | 2): Generator<number, ReachRuns> {
    const source = stageSource(tables, stage);
    if (source === null) return new ReachRuns();
    const limits = {
      tables: MAX_TABLES,
      leaves: Math.max(0, Math.min(MAX_LEAVES - this.#leaves, MAX_RUNS - this.#count)),
      entries: MAX_ENTRIES,
    };
    const { runs, leaves, whole } = yield* runsOf(source, limits);
    this.#leaves += leaves;
    this.whole &&= whole;
    return runs;
  }
}

/** A key stands for a context and rights, which are three bits. */
const RIGHTS = 8;
const contextOf = (key: number): number => Math.floor(key / RIGHTS);
/** Most runs that are gone over for the lowest input addresses. */
const MOST_SORTED = 4096;

type Found = Pick<OverlapAnswer, "rows" | "ranges" | "bytes" | "marks">;

class Sweep {
  readonly #rows: OverlapRow[] = [];
  #ranges = 0;
  #bytes = 0;
  readonly #marks: (readonly [from: number, to: number])[] = [];
  /** Context that has to have part in an overlap; null for any. */
  readonly #part: number | null;
  readonly #input: Float64Array;
  readonly #from: Float64Array;
  readonly #to: Float64Array;
  readonly #key: Uint32Array;
  /** Runs that reach the place of the sweep, by key, and where each stands there. */
  readonly #here: number[][];
  readonly #slot: Uint32Array;
  #reaching = 0;
  #partHere = 0;
  /** Keys of what changed at this place, and by how much each is reached more than before. */
  readonly #changed: number[] = [];
  readonly #change: Int32Array;
  /** The overlap at the place of the sweep: where it began, and its row where there is room for one. */
  #open: { readonly from: number; readonly row: Omit<OverlapRow, "from" | "to"> | null } | null = null;

  constructor({ runs }: Gathering, part: number | null) {
    this.#part = part;
    const total = runs.reduce((sum, { count }) => sum + count, 0);
    [this.#input, this.#from, this.#to] = [new Float64Array(total), new Float64Array(total), new Float64Array(total)];
    [this.#key, this.#slot] = [new Uint32Array(total), new Uint32Array(total)];
    this.#here = Array.from({ length: runs.length * RIGHTS }, () => []);
    this.#change = new Int32Array(runs.length * RIGHTS);
    let n = 0;
    for (const [context, { count, input, output, bytes, permissions }] of runs.entries()) {
      for (let i = 0; i < count; i++, n++) {
        this.#input[n] = input[i]!;
        this.#from[n] = output[i]!;
        this.#to[n] = output[i]! + bytes[i]!;
        this.#key[n] = context * RIGHTS + permissions[i]!;
      }
    }
  }

  /** Every range that is reached in more than one way. */
  *overlaps(): Generator<number, Found> {
    yield* this.#run();
    const [rows, ranges] = [this.#rows, this.#ranges];
    return { rows, ranges, bytes: BigInt(this.#bytes), marks: joinMarks(this.#marks) };
  }

  /** Every way that leads to an address. */
  waysTo(address: bigint): Found {
    const at = Number(address);
    for (let run = 0; run < this.#key.length; run++) {
      const counts = this.#part === null || contextOf(this.#key[run]!) === this.#part;
      if (counts && this.#from[run]! <= at && at < this.#to[run]!) this.#enter(run);
    }
    if (this.#reaching === 0) return { rows: [], ranges: 0, bytes: 0n, marks: [] };
    this.#mark(at, at + 1);
    const rows = [{ from: address, to: address + 1n, ...this.#rowAt(at) }];
    return { rows, ranges: 1, bytes: 1n, marks: joinMarks(this.#marks) };
  }

  *#run(): Generator<number> {
    const [from, to] = [this.#from, this.#to];
    const total = 2 * from.length;
    const begins = sortedByPage(from);
    yield 0;
    const ends = sortedByPage(to);
    let [begun, ended] = [0, 0];
    for (let stop = BREATH, place = 0; ended < ends.length; ) {
      const next = Math.min(
        begun < begins.length ? from[begins[begun]!]! : Number.POSITIVE_INFINITY,
        to[ends[ended]!]!,
      );
      if (this.#overlaps) this.#mark(place, next);
      place = next;
      while (ended < ends.length && to[ends[ended]!] === place) this.#leave(ends[ended++]!);
      while (begun < begins.length && from[begins[begun]!] === place) this.#enter(begins[begun++]!);
      if (this.#isAnother()) this.#turn(place);
      if (begun + ended >= stop) {
        stop += BREATH;
        yield (begun + ended) / total;
      }
    }
  }

  #enter(run: number): void {
    const key = this.#key[run]!;
    this.#slot[run] = this.#here[key]!.push(run) - 1;
    this.#count(key, 1);
  }

  /** The last of its list takes the place of a run that ends. */
  #leave(run: number): void {
    const key = this.#key[run]!;
    const last = this.#here[key]!.pop()!;
    if (last !== run) {
      this.#here[key]![this.#slot[run]!] = last;
      this.#slot[last] = this.#slot[run]!;
    }
    this.#count(key, -1);
  }

  #count(key: number, by: 1 | -1): void {
    this.#changed.push(key);
    this.#change[key]! += by;
    this.#reaching += by;
    if (contextOf(key) === this.#part) this.#partHere += by;
  }

  /** Whether who reaches memory, with what rights and how often, is another from this place on. */
  #isAnother(): boolean {
    let another = false;
    for (const key of this.#changed) {
      another ||= this.#change[key] !== 0;
      this.#change[key] = 0;
    }
    this.#changed.length = 0;
    return another;
  }

  get #overlaps(): boolean {
    return this.#reaching > 1 && (this.#part === null || this.#partHere > 0);
  }

  /** What was open ends at a place, and the next may begin. */
  #turn(place: number): void {
    if (this.#open !== null) {
      const { from, row } = this.#open;
      this.#ranges++;
      this.#bytes += place - from;
      if (row !== null) this.#rows.push({ from: BigInt(from), to: BigInt(place), ...row });
    }
    const room = this.#rows.length < MAX_OVERLAPS;
    this.#open = this.#overlaps ? { from: place, row: room ? this.#rowAt(place) : null } : null;
  }

  #rowAt(place: number): Omit<OverlapRow, "from" | "to"> {
    const keys = [...this.#here.keys()].filter((key) => this.#here[key]!.length > 0);
    const reaches = keys.slice(0, MAX_REACHES).map((key): OverlapReach => {
      const runs = this.#here[key]!;
      const inputs = runs.slice(0, MOST_SORTED).map((run) => this.#input[run]! + (place - this.#from[run]!));
      const lowest = inputs.sort((a, b) => a - b).slice(0, MAX_INPUTS);
      return { context: contextOf(key), permissions: key % RIGHTS, count: runs.length, inputs: lowest.map(BigInt) };
    });
    return { reaches, reached: new Set(keys.map(contextOf)).size };
  }

  /** Where the chosen context's input leads to an overlap between two places of the sweep. */
  #mark(from: number, to: number): void {
    const room = MAX_MARKS - this.#marks.length;
    if (room <= 0) return;
    for (const run of this.#here.slice(0, RIGHTS).flat().slice(0, room)) {
      const input = this.#input[run]! - this.#from[run]!;
      this.#marks.push([input + from, input + to]);
    }
  }
}

/** Bits of a key for the number of a run, which is below 2 to that. */
const RUN_BITS = 22;

/**
 * Numbers of addresses in ascending order of address; addresses are multiples of 4 KiB up to 2^52. Pages and numbers stand
 * in 64-bit words, which sort many times faster than by a comparison of ours.
 */
function sortedByPage(addresses: Float64Array): Uint32Array {
  const words = new Uint32Array(2 * addresses.length);
  for (let i = 0; i < addresses.length; i++) {
    const page = addresses[i]! / PAGE;
    words[2 * i] = ((page % 2 ** (32 - RUN_BITS)) << RUN_BITS) | i;
    words[2 * i + 1] = Math.floor(page / 2 ** (32 - RUN_BITS));
  }
  new BigUint64Array(words.buffer).sort();
  const sorted = new Uint32Array(addresses.length);
  for (let i = 0; i < sorted.length; i++) sorted[i] = words[2 * i]! % 2 ** RUN_BITS;
  return sorted;
}

/** Ranges in ascending order; those that touch or lie in each other are one. */
function joinMarks(marks: readonly (readonly [number, number])[]): OverlapAnswer["marks"] {
  const joined: [number, number][] = [];
  for (const [from, to] of marks.toSorted((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined.map(([from, to]) => [BigInt(from), BigInt(to)]);
}
