/**
 * Protected memory regions: addresses that requests must not reach while PMEN.EPM is set (VT-d §3.15, §11.4).
 * Both regions are in force together; each is empty where its limit is below its base.
 */
import type { RegisterFile } from "../common/register_file.ts";

/** Bits of a limit below its granularity count as ones. */
const LOW_ONES = 0x1fffff;

export class ProtectedMemory {
  readonly #words: Uint32Array;
  readonly #enabled: number;
  /** Index of base and limit, -1 where the region is not offered. */
  readonly #low: number;
  readonly #high: number;

  constructor(registers: RegisterFile) {
    const place = (name: string): number => (registers.has(name) ? registers.at(name) : -1);
    this.#words = registers.words;
    this.#enabled = place("PMEN");
    this.#low = place("PLMBASE");
    this.#high = place("PHMBASE");
    if (this.#enabled < 0) return;
    registers.onWrite("PMEN", 0, () => registers.set("PMEN", "PRS", registers.get("PMEN", "EPM")));
  }

  /** Whether an address lies in a region that is in force. */
  covers(hi: number, lo: number): boolean {
    const words = this.#words;
    if (this.#enabled < 0 || (words[this.#enabled]! & 1) === 0) return false;
    const high = this.#high;
    const inLow =
      this.#low >= 0 &&
      hi === 0 &&
      lo >>> 0 >= words[this.#low]! &&
      lo >>> 0 <= (words[this.#low + 1]! | LOW_ONES) >>> 0;
    return inLow || (high >= 0 && isBetween(hi >>> 0, lo >>> 0, words, high));
  }
}

function isBetween(hi: number, lo: number, words: Uint32Array, at: number): boolean {
  const [baseLo, baseHi, limitLo, limitHi] = [words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!];
  const afterBase = hi > baseHi || (hi === baseHi && lo >= baseLo);
  return afterBase && (hi < limitHi || (hi === limitHi && lo <= (limitLo | LOW_ONES) >>> 0));
}
