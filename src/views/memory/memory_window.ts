/** The bytes that are at hand, as 64-bit words. */
import { type MemoryAnswer, MemoryState } from "../../protocol/inspection.ts";
import { type AddressRange, narrowest } from "../geometry/memory_view.ts";

/** What stands at a word. */
export type WordState = "known" | "unknown" | "absent" | "not fetched";

const STATES: readonly WordState[] = Object.entries(MemoryState)
  .sort(([, a], [, b]) => a - b)
  .map(([name]) => (name === "Known" ? "known" : name === "Absent" ? "absent" : "unknown"));

/** Bits [51:12] of a word: where a table entry of any architecture points to. */
const POINTER = ((1n << 52n) - 1n) & ~0xfffn;

export class MemoryWindow {
  readonly #answer: MemoryAnswer | null;
  readonly #view: DataView | null;

  constructor(answer: MemoryAnswer | null) {
    this.#answer = answer;
    const bytes = answer?.bytes;
    this.#view = bytes === undefined ? null : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #offset(at: bigint): number | null {
    const answer = this.#answer;
    if (answer === null || at < answer.at || at + 8n > answer.at + BigInt(answer.bytes.length)) return null;
    return Number(at - answer.at);
  }

  /** The state of the word at a multiple of 8. */
  state(at: bigint): WordState {
    const offset = this.#offset(at);
    return offset === null ? "not fetched" : (STATES[this.#answer?.state[offset / 8] ?? 0] ?? "unknown");
  }

  /** The word at a multiple of 8; 0 where it is not known. */
  word(at: bigint): bigint {
    const offset = this.#offset(at);
    return offset === null || this.#view === null ? 0n : this.#view.getBigUint64(offset, true);
  }

  /** Where the word points to, if the session holds something there; null otherwise. */
  pointer(at: bigint, extents: readonly AddressRange[]): bigint | null {
    if (this.state(at) !== "known") return null;
    const target = this.word(at) & POINTER;
    return target !== 0n && narrowest(extents, target) !== null ? target : null;
  }
}
