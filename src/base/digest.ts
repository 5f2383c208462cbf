/**
 * A 64-bit running digest of 32-bit words, for telling states apart (not for security).
 *
 * Two multiply-and-rotate lanes that see every word, with a final mix. The same words in the same order give the
 * same digest anywhere.
 */
export class Digest {
  #a = 0x2545f491;
  #b = 0x6c8e9cf5;
  #count = 0;

  /** Take in one 32-bit word. */
  word(value: number): this {
    this.#a = Math.imul(this.#a ^ value, 0x85ebca6b);
    this.#a = (this.#a << 13) | (this.#a >>> 19);
    this.#b = Math.imul(this.#b + value, 0xc2b2ae35) ^ (this.#b >>> 15);
    this.#count++;
    return this;
  }

  /** Take in `count` words of `words` from index `from`. */
  words(words: ArrayLike<number>, from = 0, count = words.length - from): this {
    for (let i = from; i < from + count; i++) this.word(words[i]!);
    return this;
  }

  /** Take in a string, with its length. */
  text(text: string): this {
    this.word(text.length);
    for (let i = 0; i < text.length; i++) this.word(text.charCodeAt(i));
    return this;
  }

  /** Take in a whole number of at most 53 bits. */
  number(value: number): this {
    return this.word(value | 0).word(Math.floor(value / 0x1_0000_0000));
  }

  /** The low half of the digest so far, unsigned. */
  get lo(): number {
    return finish(this.#a ^ this.#count);
  }

  /** The high half of the digest so far, unsigned. */
  get hi(): number {
    return finish(this.#b ^ Math.imul(this.#a, 0x9e3779b1));
  }

  /** Sixteen hexadecimal digits. */
  hex(): string {
    return this.hi.toString(16).padStart(8, "0") + this.lo.toString(16).padStart(8, "0");
  }
}

function finish(x: number): number {
  let h = x ^ (x >>> 16);
  h = Math.imul(h, 0x7feb352d);
  h ^= h >>> 15;
  h = Math.imul(h, 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}
