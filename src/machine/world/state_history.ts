/**
 * What a page shows of software besides its journal, for the time after each action: software itself only knows how it
 * stands now.
 */
import type { KernelObjectRow } from "../../protocol/software.ts";

/** Lists that only grow, until their oldest entries fall out: what was added by a certain action. */
class Lines {
  readonly #most: number;
  readonly #lines: { readonly step: number; readonly line: string }[] = [];

  /** @param most lines that are kept */
  constructor(most: number) {
    this.#most = most;
  }

  add(step: number, lines: readonly string[]): void {
    this.#lines.push(...lines.slice(-this.#most).map((line) => ({ step, line })));
    if (this.#lines.length > this.#most) this.#lines.splice(0, this.#lines.length - this.#most);
  }

  upTo(step: number): string[] {
    return this.#lines.filter((entry) => entry.step <= step).map(({ line }) => line);
  }
}

/** Most lines of each list. */
const MOST_LINES = 1000;

export class StateHistory {
  readonly guestLog = new Lines(MOST_LINES);
  readonly refused = new Lines(MOST_LINES);
  /** Objects as they are from a step on; steps rise. */
  readonly #objects: { readonly step: number; readonly rows: readonly KernelObjectRow[] }[] = [];

  /** The objects are these after `step` actions, and until something else is noted; steps never fall. */
  noteObjects(step: number, rows: readonly KernelObjectRow[]): void {
    const last = this.#objects.at(-1);
    if (last !== undefined && (last.rows === rows || sameRows(last.rows, rows))) return;
    this.#objects.push({ step, rows });
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
  a.id === b.id &&
  a.type === b.type &&
  a.users === b.users &&
  a.about === b.about &&
  a.holds.length === b.holds.length &&
  a.holds.every((id, i) => id === b.holds[i]);
