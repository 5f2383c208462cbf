/**
 * The hash of all frames as a sum of the hashes of each, so that a digest costs what changed since the last.
 * Frames whose contents changed are left out of the sum until somebody asks.
 */
import type { Digest } from "../../base/digest.ts";

export class FrameHashes {
  /** Two words for each frame; 0 for one that is left out. */
  #hashes = new Uint32Array(0);
  #isOut = new Uint8Array(0);
  #out: number[] = [];
  #sumLo = 0;
  #sumHi = 0;

  /** Make room for so many frames in all. */
  grow(frames: number): void {
    const [hashes, isOut] = [this.#hashes, this.#isOut];
    this.#hashes = new Uint32Array(2 * frames);
    this.#hashes.set(hashes);
    this.#isOut = new Uint8Array(frames);
    this.#isOut.set(isOut);
  }

  /** The contents of a frame are about to change. */
  changes(frame: number): void {
    if (this.#isOut[frame] === 1) return;
    this.#isOut[frame] = 1;
    this.#sumLo = (this.#sumLo - this.#hashes[2 * frame]!) | 0;
    this.#sumHi = (this.#sumHi - this.#hashes[2 * frame + 1]!) | 0;
    this.#hashes[2 * frame] = 0;
    this.#hashes[2 * frame + 1] = 0;
    this.#out.push(frame);
  }

  /** Take all frames into a digest. @param hashOf the hash of a frame, null for one that does not count */
  digest(into: Digest, hashOf: (frame: number) => Digest | null): void {
    for (const frame of this.#out) {
      this.#isOut[frame] = 0;
      const hash = hashOf(frame);
      if (hash !== null) this.#add(frame, hash);
    }
    this.#out = [];
    into.word(this.#sumLo).word(this.#sumHi);
  }

  #add(frame: number, { lo, hi }: Digest): void {
    this.#hashes[2 * frame] = lo;
    this.#hashes[2 * frame + 1] = hi;
    this.#sumLo = (this.#sumLo + lo) | 0;
    this.#sumHi = (this.#sumHi + hi) | 0;
  }
}
