/**
 * A log as one text, for messages that pastes wrap, glue together or tear apart: patterns run over line ends, and every
 * place in the text knows its source line.
 */
import type { LogLine } from "./lines.ts";

export class LogText {
  /** All messages, a line feed after each. */
  readonly text: string;
  /** Where each message begins in {@link text}, ascending, and its source line. */
  readonly #starts: Uint32Array;
  readonly #lines: Uint32Array;

  constructor(lines: readonly LogLine[]) {
    this.#starts = new Uint32Array(lines.length);
    this.#lines = new Uint32Array(lines.length);
    let at = 0;
    lines.forEach(({ text, line }, i) => {
      this.#starts[i] = at;
      this.#lines[i] = line;
      at += text.length + 1;
    });
    this.text = lines.map(({ text }) => `${text}\n`).join("");
  }

  /** Source line, from 1, of a place in the text. */
  lineAt(at: number): number {
    let [low, high] = [0, this.#starts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return this.#lines[low] ?? 1;
  }

  /** Source lines of the places `from` up to but not including `to`. */
  span(from: number, to: number): readonly [first: number, last: number] {
    return [this.lineAt(from), this.lineAt(Math.max(from, to - 1))];
  }

  /** Where the message that holds place `at` begins. */
  startOfMessage(at: number): number {
    return this.text.lastIndexOf("\n", at - 1) + 1;
  }
}
