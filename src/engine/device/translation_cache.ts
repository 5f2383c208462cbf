/**
 * A device's Address Translation Cache: what Translation Completions granted, until an Invalidate Request takes it back
 * (PCI Express Base Specification, chapter 10, ATC).
 *
 * A cache knows nothing of the tables behind its entries: an entry that nobody invalidates stays as it was.
 */
import type { TranslationCompletion, TranslationRequest } from "./ats_port.ts";

/** Bits of an address of 2^sizeLg2 aligned bytes that are the same all over it. */
const maskHi = (sizeLg2: number): number => (sizeLg2 >= 64 ? 0 : sizeLg2 > 32 ? -1 << (sizeLg2 - 32) : -1);
const maskLo = (sizeLg2: number): number => (sizeLg2 >= 32 ? 0 : -1 << sizeLg2);

/** PASID of an entry that came without one. */
const NO_PASID = -1;

/** One entry, for people to look at. */
export interface CachedTranslation {
  /** null: without PASID. */
  readonly ssid: number | null;
  readonly privileged: boolean;
  /** Start of the range, and where it leads. */
  readonly hi: number;
  readonly lo: number;
  readonly outHi: number;
  readonly outLo: number;
  readonly sizeLg2: number;
  /** Set of Grant. */
  readonly granted: number;
  /** Accesses to the range go out untranslated (U). */
  readonly untranslatedOnly: boolean;
}

export class AddressTranslationCache {
  /** Translated address of the last address found. */
  outHi = 0;
  outLo = 0;
  /** The last entry found says that its range must be accessed untranslated. */
  untranslatedOnly = false;
  readonly capacity: number;
  readonly #pasid: Int32Array;
  readonly #startHi: Int32Array;
  readonly #startLo: Int32Array;
  readonly #toHi: Int32Array;
  readonly #toLo: Int32Array;
  readonly #sizeLg2: Uint8Array;
  /** Grant in bits [2:0]; privileged 8, untranslated only 16; 0 in {@link #used} for a free slot. */
  readonly #flags: Uint8Array;
  readonly #used: Uint8Array;
  #next = 0;

  /** @param capacity entries, at least 1 */
  constructor(capacity: number) {
    this.capacity = capacity;
    this.#pasid = new Int32Array(capacity);
    this.#startHi = new Int32Array(capacity);
    this.#startLo = new Int32Array(capacity);
    this.#toHi = new Int32Array(capacity);
    this.#toLo = new Int32Array(capacity);
    this.#sizeLg2 = new Uint8Array(capacity);
    this.#flags = new Uint8Array(capacity);
    this.#used = new Uint8Array(capacity);
  }

  /**
   * Look for the translation of an address, for an entity of a PASID and privilege.
   * @returns the set of Grant that the cached entry gives, -1 where there is none; see {@link outHi}
   */
  find(ssv: boolean, ssid: number, privileged: boolean, hi: number, lo: number): number {
    const pasid = ssv ? ssid : NO_PASID;
    const level = privileged ? PRIVILEGED : 0;
    for (let i = 0; i < this.capacity; i++) {
      if (this.#used[i] === 0 || this.#pasid[i] !== pasid || (this.#flags[i]! & PRIVILEGED) !== level) continue;
      const size = this.#sizeLg2[i]!;
      if ((((hi ^ this.#startHi[i]!) & maskHi(size)) | ((lo ^ this.#startLo[i]!) & maskLo(size))) !== 0) continue;
      this.outHi = (this.#toHi[i]! | (hi & ~maskHi(size))) >>> 0;
      this.outLo = (this.#toLo[i]! | (lo & ~maskLo(size))) >>> 0;
      this.untranslatedOnly = (this.#flags[i]! & UNTRANSLATED) !== 0;
      return this.#flags[i]! & GRANT;
    }
    return -1;
  }

  /** Keep what a completion grants. Entries of the same PASID and privilege that it overlaps go. */
  insert(request: TranslationRequest, completion: TranslationCompletion): void {
    const size = completion.sizeLg2;
    const pasid = request.ssv ? request.ssid : NO_PASID;
    const privileged = completion.privileged ? PRIVILEGED : 0;
    for (let i = 0; i < this.capacity; i++) {
      if (this.#pasid[i] !== pasid || (this.#flags[i]! & PRIVILEGED) !== privileged) continue;
      if (this.#meets(i, request.hi, request.lo, size)) this.#used[i] = 0;
    }
    const i = this.#freeSlot();
    this.#used[i] = 1;
    this.#pasid[i] = pasid;
    this.#startHi[i] = request.hi & maskHi(size);
    this.#startLo[i] = request.lo & maskLo(size);
    this.#toHi[i] = completion.hi & maskHi(size);
    this.#toLo[i] = completion.lo & maskLo(size);
    this.#sizeLg2[i] = size;
    this.#flags[i] = completion.granted | privileged | (completion.untranslatedOnly ? UNTRANSLATED : 0);
  }

  /**
   * Drop what an Invalidate Request names. Without a PASID it names the range in every address space of the device,
   * with one that PASID's, with Global Invalidate every PASID's.
   * @returns how many entries went
   */
  invalidate(ssv: boolean, ssid: number, global: boolean, hi: number, lo: number, sizeLg2: number): number {
    let dropped = 0;
    for (let i = 0; i < this.capacity; i++) {
      const pasid = this.#pasid[i]!;
      const named = !ssv || (global ? pasid !== NO_PASID : pasid === ssid);
      if (!named || !this.#meets(i, hi, lo, sizeLg2)) continue;
      this.#used[i] = 0;
      dropped++;
    }
    return dropped;
  }

  /** Drop everything: what switching ATS off does. */
  clear(): void {
    this.#used.fill(0);
    this.#next = 0;
  }

  /** What is cached, in no order that means anything. */
  entries(): CachedTranslation[] {
    const all: CachedTranslation[] = [];
    for (let i = 0; i < this.capacity; i++) {
      if (this.#used[i] === 0) continue;
      const flags = this.#flags[i]!;
      all.push({
        ssid: this.#pasid[i] === NO_PASID ? null : this.#pasid[i]!,
        privileged: (flags & PRIVILEGED) !== 0,
        hi: this.#startHi[i]! >>> 0,
        lo: this.#startLo[i]! >>> 0,
        outHi: this.#toHi[i]! >>> 0,
        outLo: this.#toLo[i]! >>> 0,
        sizeLg2: this.#sizeLg2[i]!,
        granted: flags & GRANT,
        untranslatedOnly: (flags & UNTRANSLATED) !== 0,
      });
    }
    return all;
  }

  /** The whole state as numbers, for images and digests; {@link restore} takes it back. */
  save(): Int32Array {
    const words = new Int32Array(1 + this.capacity * SAVED_WORDS);
    words[0] = this.#next;
    for (let i = 0, at = 1; i < this.capacity; i++, at += SAVED_WORDS) {
      if (this.#used[i] === 0) continue;
      words[at] = 1 | (this.#flags[i]! << 8) | (this.#sizeLg2[i]! << 16);
      words[at + 1] = this.#pasid[i]!;
      words[at + 2] = this.#startHi[i]!;
      words[at + 3] = this.#startLo[i]!;
      words[at + 4] = this.#toHi[i]!;
      words[at + 5] = this.#toLo[i]!;
    }
    return words;
  }

  /** Take back what {@link save} gave, of a cache of the same capacity. */
  restore(words: Int32Array): void {
    this.#next = words[0]!;
    for (let i = 0, at = 1; i < this.capacity; i++, at += SAVED_WORDS) {
      const head = words[at]!;
      this.#used[i] = head & 1;
      this.#flags[i] = head >>> 8;
      this.#sizeLg2[i] = head >>> 16;
      this.#pasid[i] = words[at + 1]!;
      this.#startHi[i] = words[at + 2]!;
      this.#startLo[i] = words[at + 3]!;
      this.#toHi[i] = words[at + 4]!;
      this.#toLo[i] = words[at + 5]!;
    }
  }

  /** A used entry and an aligned range have an address in common: the larger one holds the smaller. */
  #meets(i: number, hi: number, lo: number, sizeLg2: number): boolean {
    if (this.#used[i] === 0) return false;
    const size = Math.max(sizeLg2, this.#sizeLg2[i]!);
    return (((hi ^ this.#startHi[i]!) & maskHi(size)) | ((lo ^ this.#startLo[i]!) & maskLo(size))) === 0;
  }

  /** A free slot, or the one that has had its turn longest. */
  #freeSlot(): number {
    const free = this.#used.indexOf(0);
    if (free >= 0) return free;
    const slot = this.#next;
    this.#next = (slot + 1) % this.capacity;
    return slot;
  }
}

const GRANT = 7;
const PRIVILEGED = 8;
const UNTRANSLATED = 16;
const SAVED_WORDS = 6;
