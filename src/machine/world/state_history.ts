/**
 * What a page shows of software besides its journal, for the time after each action: software itself only knows how it
 * stands now.
 */
import type { KernelObjectRow } from "../../protocol/software.ts";

/** A log that only grows, until its oldest entries fall out: what was logged by a certain action. */
class Log {
  readonly #entries: { readonly step: number; readonly lines: () => readonly string[] }[] = [];

  /** @param lines put together when somebody reads them */
  add(step: number, lines: () => readonly string[]): void {
    const entries = this.#entries;
    entries.push({ step, lines });
    // Not one at a time: each time moves all that stay.
    if (entries.length === 2 * MOST_LINES) entries.splice(0, MOST_LINES);
  }

  /** The newest lines there were after `step` actions. */
  upTo(step: number): string[] {
    const newestFirst: string[] = [];
    for (let i = this.#entries.length - 1; i >= 0 && newestFirst.length < MOST_LINES; i--) {
      const entry = this.#entries[i]!;
      if (entry.step <= step) newestFirst.push(...entry.lines().toReversed());
    }
    return newestFirst.slice(0, MOST_LINES).reverse();
  }
}

/** Most lines of a log that are shown. */
const MOST_LINES = 1000;

export class StateHistory {
  readonly guestLog = new Log();
  readonly refused = new Log();
  /** Objects as they are from a step on; steps rise. */
  readonly #objects: { readonly step: number; readonly rows: readonly KernelObjectRow[] }[] = [];
  /** What was noted last. */
  #newest: readonly KernelObjectRow[] | null = null;

  /** The objects are these after `step` actions, and until something else is noted; steps never fall. */
  noteObjects(step: number, rows: readonly KernelObjectRow[]): void {
    if (rows === this.#newest) return;
    this.#newest = rows;
    const last = this.#objects.at(-1);
    if (last === undefined || !sameRows(last.rows, rows)) this.#objects.push({ step, rows });
  }

  /** The objects after `step` actions. */
  objectsAt(step: number): readonly KernelObjectRow[] {
    let [low, high] = [-1, this.#objects.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#objects[middle]!.step <= step) low = middle;
      else high = middle - 1;
    }
    return this.#objects[low]?.rows ?? [];
  }
}

const sameRows = (a: readonly KernelObjectRow[], b: readonly KernelObjectRow[]): boolean =>
  a.length === b.length && a.every((row, i) => sameRow(row, b[i]!));

const sameRow = (a: KernelObjectRow, b: KernelObjectRow): boolean =>
  a === b ||
  (a.id === b.id &&
    a.type === b.type &&
    a.users === b.users &&
    a.about === b.about &&
    a.holds.length === b.holds.length &&
    a.holds.every((id, i) => id === b.holds[i]));
