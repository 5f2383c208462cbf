/** Buffers in what a session has mapped already, for machines that only hardware is shown of. */
import type { Action } from "../../protocol/machine.ts";
import { type Buffer, type Ground, PAGE, READ, WRITE } from "./ground.ts";

/** Mapped addresses that follow each other with the same permissions, whole pages. */
export interface Run {
  readonly iova: bigint;
  readonly bytes: number;
  readonly permissions: number;
}

/** The mapped addresses of one PASID, or of traffic without one. */
export interface Space {
  readonly ssid: number | null;
  /** Not empty; in ascending order. */
  readonly runs: readonly Run[];
}

/** How many of the permissions asked for a run has. */
const granted = (run: Run, permissions: number): number =>
  Number((run.permissions & permissions & READ) !== 0) + Number((run.permissions & permissions & WRITE) !== 0);

/** The runs that have most of the permissions asked for. */
function bestOf(runs: readonly Run[], permissions: number): readonly Run[] {
  const best = Math.max(...runs.map((run) => granted(run, permissions)));
  return runs.filter((run) => granted(run, permissions) === best);
}

/** Takes buffers from runs in turn, page after page. */
class Cursor {
  readonly #runs: readonly Run[];
  #run = 0;
  #at = 0;

  constructor(runs: readonly Run[]) {
    this.#runs = runs;
  }

  next(ssid: number | null, pages: number): Buffer {
    const run = this.#runs[this.#run]!;
    const bytes = Math.min(pages * PAGE, run.bytes - this.#at);
    const buffer = { iova: run.iova + BigInt(this.#at), bytes, permissions: run.permissions, ssid };
    this.#at += bytes;
    if (this.#at >= run.bytes) {
      this.#at = 0;
      this.#run = (this.#run + 1) % this.#runs.length;
    }
    return buffer;
  }
}

/** Nothing has to be done for memory that is mapped. */
const NO_ACTIONS: readonly Action[] = [];

/** Cursors for every question of permissions; questions with the same answer share one, so that buffers lie apart. */
function cursorsOf(runs: readonly Run[]): readonly Cursor[] {
  const cursors = new Map<string, Cursor>();
  return [READ, WRITE, READ | WRITE].map((permissions) => {
    const best = bestOf(runs, permissions);
    const key = best.map(({ iova }) => iova).join();
    const cursor = cursors.get(key) ?? new Cursor(best);
    cursors.set(key, cursor);
    return cursor;
  });
}

/** @param spaces not empty */
export function mappedGround(spaces: readonly Space[]): Ground {
  const cursors = new Map(spaces.map(({ ssid, runs }) => [ssid, cursorsOf(runs)]));
  return {
    spaces: spaces.map(({ ssid }) => ssid),
    *take(ssid, pages, permissions): Generator<Action, Buffer> {
      yield* NO_ACTIONS;
      return cursors.get(ssid)![permissions - 1]!.next(ssid, pages);
    },
    *give() {
      yield* NO_ACTIONS;
    },
    held: () => [],
  };
}
