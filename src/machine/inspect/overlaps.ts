/**
 * Which memory is reached in more than one way. Every context's runs are laid over each other by where they lead; a line
 * that sweeps over the addresses keeps who reaches the place it is at, and tells of each range over which that is the same.
 *
 * The search stops for breath between contexts and along the sweep: whoever drives it may leave it at any of these points.
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
import { ReachRuns, runsOf, through, toThemselves } from "./reach_runs.ts";
import { type ContextTables, stageSource, tablesId } from "./table_source.ts";

/** Most contexts that are looked through, and most leaves of all of them together. */
const MAX_CONTEXTS = 1024;
const MAX_LEAVES = 1 << 22;
const MAX_TABLES = 1 << 16;
/** Most table entries read for one stage of a context. */
const MAX_ENTRIES = 1 << 23;
/** Most input ranges that are marked. */
const MAX_MARKS = 1 << 14;
/** Ends of runs between two stops. */
const BREATH = 1 << 15;

/** How far a search has come: `done` of `total` parts. */
export interface OverlapProgress {
  readonly done: number;
  readonly total: number;
}

export type OverlapSearch = Generator<OverlapProgress, Omit<OverlapAnswer, "revision">>;

/** Look for overlaps. @param tablesOf of a context */
export function* findOverlaps(
  query: OverlapQuery,
  streams: readonly StreamRow[],
  tablesOf: (sid: number, ssid: number | null) => ContextTables,
): OverlapSearch {
  const chosen = { sid: query.sid, ssid: query.ssid };
  const others = streams.flatMap(({ sid, ssids }) => {
    // Requests without a PASID may go by the tables of PASID 0: that is one address space.
    const one = ssids.includes(0) && spaceId(tablesOf(sid, null)) === spaceId(tablesOf(sid, 0));
    const twin = one ? (chosen.sid === sid && chosen.ssid === 0 ? null : 0) : undefined;
    return [null, ...ssids].filter((ssid) => ssid !== twin).map((ssid) => ({ sid, ssid }));
  });
  const contexts = [chosen, ...others.filter(({ sid, ssid }) => sid !== chosen.sid || ssid !== chosen.ssid)];
  const looked = contexts.slice(0, MAX_CONTEXTS);
  const beneath = query.space === "PA" ? null : tablesId(tablesOf(chosen.sid, chosen.ssid), 2);
  const gathering = new Gathering(query.space);
  for (const [i, context] of looked.entries()) {
    const tables = tablesOf(context.sid, context.ssid);
    if (query.space === "PA" || (beneath !== null && tablesId(tables, 2) === beneath)) gathering.add(context, tables);
    yield { done: i, total: looked.length };
  }
  const sweep = new Sweep(gathering, query.all ? null : 0);
  yield* sweep.run();
  return {
    space: query.space,
    contexts: gathering.contexts,
    rows: sweep.rows,
    ranges: sweep.ranges,
    bytes: BigInt(sweep.bytes),
    truncated: !gathering.whole || looked.length < contexts.length,
    bypassing: streams.filter(({ state }) => state === "bypass").map(({ sid }) => sid),
    marks: joinMarks(sweep.marks),
  };
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

  constructor(space: OverlapQuery["space"]) {
    this.#space = space;
  }

  add(context: OverlapContext, tables: ContextTables): void {
    this.contexts.push(context);
    this.runs.push(tables.resolved ? this.#runsIn(tables) : new ReachRuns());
  }

  #runsIn(tables: ContextTables): ReachRuns {
    const [first, second] = tables.stages;
    if (first === null && second === null) return new ReachRuns();
    const outer = this.#stage(tables, first === null ? 2 : 1);
    if (this.#space === "IPA") return first === null ? toThemselves(outer) : outer;
    return first === null || second === null ? outer : through(outer, this.#stage(tables, 2));
  }

  #stage(tables: ContextTables, stage: 1 | 2): ReachRuns {
    const source = stageSource(tables, stage);
    if (source === null) return new ReachRuns();
    const limits = { tables: MAX_TABLES, leaves: Math.max(0, MAX_LEAVES - this.#leaves), entries: MAX_ENTRIES };
    const { runs, leaves, whole } = runsOf(source, limits);
    this.#leaves += leaves;
    this.whole &&= whole;
    return runs;
  }
}

/** Runs that reach the place of the sweep and belong together: of one context, with the same rights. */
type Reaching = Set<number>;

/** Rights are three bits. */
const RIGHTS_LG2 = 3;

class Sweep {
  readonly rows: OverlapRow[] = [];
  ranges = 0;
  bytes = 0;
  readonly marks: (readonly [from: number, to: number])[] = [];
  /** Context that has to have part in an overlap; null for any. */
  readonly #part: number | null;
  readonly #input: Float64Array;
  readonly #from: Float64Array;
  readonly #to: Float64Array;
  /** Context and rights of a run. */
  readonly #key: Uint32Array;
  readonly #here = new Map<number, Reaching>();
  #reaching = 0;
  #partHere = 0;
  /** The overlap at the place of the sweep: where it began, and its row where there is room for one. */
  #open: { readonly from: number; readonly reaches: readonly OverlapReach[] | null; readonly reached: number } | null =
    null;

  constructor({ runs }: Gathering, part: number | null) {
    this.#part = part;
    const total = runs.reduce((sum, { count }) => sum + count, 0);
    [this.#input, this.#from, this.#to] = [new Float64Array(total), new Float64Array(total), new Float64Array(total)];
    this.#key = new Uint32Array(total);
    let n = 0;
    for (const [context, { count, input, output, bytes, permissions }] of runs.entries()) {
      for (let i = 0; i < count; i++, n++) {
        this.#input[n] = input[i]!;
        this.#from[n] = output[i]!;
        this.#to[n] = output[i]! + bytes[i]!;
        this.#key[n] = context * 2 ** RIGHTS_LG2 + permissions[i]!;
      }
    }
  }

  *run(): Generator<OverlapProgress> {
    const [from, to] = [this.#from, this.#to];
    const begins = Uint32Array.from(from, (_, i) => i).sort((a, b) => from[a]! - from[b]! || a - b);
    yield { done: 0, total: 2 * from.length };
    const ends = Uint32Array.from(to, (_, i) => i).sort((a, b) => to[a]! - to[b]! || a - b);
    let [begun, ended] = [0, 0];
    for (let stop = BREATH, place = 0; ended < ends.length; ) {
      const next = Math.min(
        begun < begins.length ? from[begins[begun]!]! : Number.POSITIVE_INFINITY,
        to[ends[ended]!]!,
      );
      this.#mark(place, next);
      place = next;
      const changes = new Map<number, number>();
      const change = (run: number, by: 1 | -1): void => {
        const key = this.#key[run]!;
        changes.set(key, (changes.get(key) ?? 0) + by);
        this.#change(run, key, by);
      };
      while (ended < ends.length && to[ends[ended]!] === place) change(ends[ended++]!, -1);
      while (begun < begins.length && from[begins[begun]!] === place) change(begins[begun++]!, 1);
      if ([...changes.values()].some((by) => by !== 0)) this.#turn(place);
      if (begun + ended >= stop) {
        stop += BREATH;
        yield { done: begun + ended, total: 2 * from.length };
      }
    }
  }

  /** A run begins or ends at the place of the sweep. */
  #change(run: number, key: number, by: 1 | -1): void {
    const reaching = this.#here.get(key) ?? new Set();
    if (by === 1) reaching.add(run);
    else reaching.delete(run);
    if (reaching.size === 0) this.#here.delete(key);
    else this.#here.set(key, reaching);
    this.#reaching += by;
    if (key >>> RIGHTS_LG2 === this.#part) this.#partHere += by;
  }

  get #overlaps(): boolean {
    return this.#reaching > 1 && (this.#part === null || this.#partHere > 0);
  }

  /** Who reaches memory is another from a place on: what was open ends there, and the next may begin. */
  #turn(place: number): void {
    if (this.#open !== null) {
      const { from, reaches, reached } = this.#open;
      this.ranges++;
      this.bytes += place - from;
      if (reaches !== null) this.rows.push({ from: BigInt(from), to: BigInt(place), reaches, reached });
    }
    const room = this.rows.length < MAX_OVERLAPS;
    if (!this.#overlaps) this.#open = null;
    else if (!room) this.#open = { from: place, reaches: null, reached: 0 };
    else {
      const contexts = new Set([...this.#here.keys()].map((key) => key >>> RIGHTS_LG2));
      this.#open = { from: place, reaches: this.#reaches(place), reached: contexts.size };
    }
  }

  #reaches(place: number): OverlapReach[] {
    const keys = [...this.#here.keys()].sort((a, b) => a - b).slice(0, MAX_REACHES);
    return keys.map((key) => {
      const runs = this.#here.get(key)!;
      const inputs: bigint[] = [];
      for (const run of runs) {
        if (inputs.length === MAX_INPUTS) break;
        inputs.push(BigInt(this.#input[run]! + (place - this.#from[run]!)));
      }
      return { context: key >>> RIGHTS_LG2, permissions: key % 2 ** RIGHTS_LG2, count: runs.size, inputs };
    });
  }

  /** Where the chosen context's input leads to an overlap between two places of the sweep. */
  #mark(from: number, to: number): void {
    if (!this.#overlaps) return;
    for (const [key, runs] of this.#here) {
      if (key >>> RIGHTS_LG2 !== 0) continue;
      for (const run of runs) {
        if (this.marks.length >= MAX_MARKS) return;
        const input = this.#input[run]! - this.#from[run]!;
        this.marks.push([input + from, input + to]);
      }
    }
  }
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
