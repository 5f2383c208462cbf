/**
 * A set-associative cache in typed arrays: what hardware keeps of its look-ups, whatever it looks up.
 *
 * An entry has a key of three 32-bit words, a few words that a hit needs (hot) and some that only a person asks for
 * (cold). The cache knows nothing of their meaning but one bit: bit 31 of the second key word says that the entry is
 * valid. A hit allocates nothing and, unless the cache is told to replace the least recently used, writes nothing.
 *
 * A hash of the key names one entry, by its low bits; that entry and those whose numbers differ from its number in the
 * highest bits only are the set, as many as there are ways. What is filled goes to the named entry if that is free.
 *
 * Images are copies of small chunks of entries; chunks that did not change are shared between images.
 *
 * In what runs for every look-up, numbers stand where the rest has names: an engine fetches a module's constants from
 * memory each time. `<< 3` is a multiplication by HOT_WORDS, `| 1` the second key word, `1 << 31` is VALID.
 */
import type { Digest } from "../../base/digest.ts";

/** Sizes are powers of two, `ways` at most `entries`. */
export interface CacheGeometry {
  readonly entries: number;
  /** Entries that one look-up can find an address in; `entries` for a fully associative cache. */
  readonly ways: number;
  /** Replace the least recently used entry of a set, not the oldest: then a hit writes its time. */
  readonly lru?: boolean;
}

/** A saved state of a cache; only meaningful to the cache that made it. */
export interface CacheImage {
  readonly chunks: readonly Int32Array[];
  readonly clock: number;
}

/** Words of an entry that a hit reads: three of the key, five of the owner's. */
export const HOT_WORDS = 8;
/** Key word 1, bit 31. */
export const VALID = 1 << 31;

/** What a cache counts; indices of {@link TaggedCache.counts}. */
export const CacheCount = { Hits: 0, Misses: 1, Fills: 2, Evictions: 3, Drops: 4 } as const;
export type CacheCount = (typeof CacheCount)[keyof typeof CacheCount];

const CHUNK = 8;
/** Engines keep smaller arrays among their objects, which move: code that knows where an array stands is shorter. */
const STATE_WORDS = 32;

export class TaggedCache {
  readonly entries: number;
  readonly ways: number;
  /** Words of an entry beyond the hot ones. */
  readonly coldWords: number;
  /** HOT_WORDS words for each entry: key 0, key 1, key 2, then the owner's. Owners write through {@link touch}. */
  readonly hot: Int32Array;
  readonly cold: Int32Array;
  /**
   * Drop the entries of a set that have a key, as far as `mask1` says for key word 1.
   * `hash` is as for {@link find}; `key1` has no bit outside `mask1`, and neither says anything of bit 31.
   */
  readonly dropKey: (hash: number, key0: number, key1: number, mask1: number, key2: number) => void;
  readonly #counts = new Float64Array(5);
  /** Word 0: entries dropped since they were last counted. */
  readonly #state = new Int32Array(STATE_WORDS);
  readonly lru: boolean;
  /** When an entry was filled (or, with `lru`, last used): a value of the cache's own clock. */
  readonly #times: Int32Array;
  /** Entries from one way of a set to the next: the number of sets. */
  readonly stride: number;
  readonly #mask: number;
  readonly #changed: Uint8Array;
  #saved: readonly Int32Array[] = [];
  #clock = 0;
  /** Nothing was filled since everything was dropped. */
  #empty = true;

  /** @throws when a size is not a power of two, or there are more ways than entries: a mistake of the caller */
  constructor({ entries, ways, lru = false }: CacheGeometry, coldWords: number) {
    if (!isPowerOfTwo(entries) || !isPowerOfTwo(ways) || ways > entries) {
      throw new Error(`a cache of ${entries} entries in ${ways} ways: want powers of two, ways <= entries`);
    }
    this.entries = entries;
    this.ways = ways;
    this.lru = lru;
    this.coldWords = coldWords;
    this.hot = new Int32Array(entries * HOT_WORDS);
    this.cold = new Int32Array(entries * coldWords);
    this.#times = new Int32Array(entries);
    this.stride = entries / ways;
    this.#mask = entries - 1;
    this.#changed = new Uint8Array(Math.ceil(entries / CHUNK)).fill(1);
    this.dropKey = keyDropper(this.hot, entries, ways, this.#changed, this.#state);
  }

  /**
   * Find the valid entry with a key. Key words are signed; `key1` without its bit 31.
   * @returns the number of the entry, or -1
   */
  find(hash: number, key0: number, key1: number, key2: number): number {
    const { hot, entries, stride } = this;
    const first = hash & this.#mask;
    const valid = key1 | (1 << 31);
    for (let way = 0; way < entries; way = (way + stride) | 0) {
      const entry = first ^ way;
      const at = entry << 3;
      if (hot[at] === key0 && hot[at | 1] === valid && hot[at | 2] === key2) return entry;
    }
    return -1;
  }

  /**
   * Entry of a set by its way, from 0 up to {@link ways}, in the order of {@link find}.
   * @param hash as for {@link find}
   */
  entryOf(hash: number, way: number): number {
    return (hash & this.#mask) ^ (way * this.stride);
  }

  /** Note a hit, for a cache that replaces the least recently used. */
  used(entry: number): void {
    if (!this.lru) return;
    this.#times[entry] = ++this.#clock;
    this.#changed[entry >>> 3] = 1;
  }

  /**
   * Take the place for a key: the entry that holds it, else one that is not valid, else the oldest of the set. The
   * key is written; the other words are those of the entry's last owner, and for the caller to write.
   * @returns the number of the entry
   */
  fill(hash: number, key0: number, key1: number, key2: number): number {
    let entry = this.find(hash, key0, key1, key2);
    if (entry < 0) {
      entry = this.#place(hash);
      if (this.isValid(entry)) this.counts[CacheCount.Evictions]!++;
    }
    const at = entry << 3;
    this.hot[at] = key0;
    this.hot[at + 1] = key1 | VALID;
    this.hot[at + 2] = key2;
    this.#times[entry] = ++this.#clock;
    this.#changed[entry >>> 3] = 1;
    this.#empty = false;
    this.counts[CacheCount.Fills]!++;
    return entry;
  }

  /** What happened since the cache was made; no part of its state. */
  get counts(): Float64Array {
    this.#counts[CacheCount.Drops]! += this.#state[0]! >>> 0;
    this.#state[0] = 0;
    return this.#counts;
  }

  /** It is known that no entry is valid. */
  get isEmpty(): boolean {
    return this.#empty;
  }

  isValid(entry: number): boolean {
    return this.hot[(entry << 3) | 1]! < 0;
  }

  /** Fills (and with `lru`, hits) since an entry was filled (or used). */
  age(entry: number): number {
    return (this.#clock - this.#times[entry]!) >>> 0;
  }

  /** An entry's words are about to be changed by its owner. */
  touch(entry: number): void {
    this.#changed[entry >>> 3] = 1;
  }

  /** Make an entry invalid; its words stay until it is filled anew. */
  drop(entry: number): void {
    this.hot[(entry << 3) | 1]! &= ~(1 << 31);
    this.#changed[entry >>> 3] = 1;
    this.#state[0]!++;
  }

  /** Drop every valid entry that `named` names. @returns how many */
  dropWhere(named: (entry: number) => boolean): number {
    let dropped = 0;
    for (let entry = 0; entry < this.entries; entry++) {
      if (!this.isValid(entry) || !named(entry)) continue;
      this.drop(entry);
      dropped++;
    }
    return dropped;
  }

  /** Drop everything. @returns how many entries were valid */
  dropAll(): number {
    const dropped = this.dropWhere(() => true);
    this.#empty = true;
    return dropped;
  }

  /** Valid entries. */
  get occupied(): number {
    let n = 0;
    for (let entry = 0; entry < this.entries; entry++) if (this.isValid(entry)) n++;
    return n;
  }

  /** Save the state; the cost is that of the entries that changed since the last image. */
  snapshot(): CacheImage {
    if (this.#changed.includes(1)) {
      const saved = this.#saved.slice();
      for (let c = 0; c < this.#changed.length; c++) if (this.#changed[c] === 1) saved[c] = this.#copyChunk(c);
      this.#changed.fill(0);
      this.#saved = saved;
    }
    return { chunks: this.#saved, clock: this.#clock };
  }

  /** Go back (or forward) to a saved state. */
  restore(image: CacheImage): void {
    for (let c = 0; c < this.#changed.length; c++) {
      if (this.#changed[c] === 1 || image.chunks[c] !== this.#saved[c]) this.#setChunk(c, image.chunks[c]!);
    }
    this.#changed.fill(0);
    this.#saved = image.chunks;
    this.#clock = image.clock;
    this.#empty = this.occupied === 0;
  }

  /** Take the state into a digest: valid entries, and the order in which they will be replaced. */
  digest(into: Digest): void {
    into.word(this.#clock);
    for (let entry = 0; entry < this.entries; entry++) {
      if (!this.isValid(entry)) continue;
      into
        .word(entry)
        .word(this.#times[entry]!)
        .words(this.hot, entry << 3, HOT_WORDS);
      into.words(this.cold, entry * this.coldWords, this.coldWords);
    }
  }

  #place(hash: number): number {
    let oldest = this.entryOf(hash, 0);
    for (let way = 0; way < this.ways; way++) {
      const entry = this.entryOf(hash, way);
      if (!this.isValid(entry)) return entry;
      if (this.age(entry) > this.age(oldest)) oldest = entry;
    }
    return oldest;
  }

  #copyChunk(c: number): Int32Array {
    const [from, to] = [c * CHUNK, Math.min((c + 1) * CHUNK, this.entries)];
    const copy = new Int32Array((to - from) * (HOT_WORDS + this.coldWords + 1));
    copy.set(this.hot.subarray(from * HOT_WORDS, to * HOT_WORDS));
    copy.set(this.cold.subarray(from * this.coldWords, to * this.coldWords), (to - from) * HOT_WORDS);
    copy.set(this.#times.subarray(from, to), (to - from) * (HOT_WORDS + this.coldWords));
    return copy;
  }

  #setChunk(c: number, copy: Int32Array): void {
    const from = c * CHUNK;
    const n = Math.min(CHUNK, this.entries - from);
    const coldAt = n * HOT_WORDS;
    const timesAt = coldAt + n * this.coldWords;
    this.hot.set(copy.subarray(0, coldAt), from * HOT_WORDS);
    this.cold.set(copy.subarray(coldAt, timesAt), from * this.coldWords);
    this.#times.set(copy.subarray(timesAt), from);
  }
}

/**
 * The function behind {@link TaggedCache.dropKey}: a closure over arrays that never change place. Four ways are written
 * out; of two ways each comes twice, of one way four times, which does no harm.
 */
function keyDropper(
  hot: Int32Array,
  entries: number,
  ways: number,
  changed: Uint8Array,
  state: Int32Array,
): TaggedCache["dropKey"] {
  const mask = entries - 1;
  const step = ways > 1 ? (entries / ways) * HOT_WORDS : 0;
  const twoSteps = ways > 2 ? 2 * step : 0;
  const more = ways > 4;
  const drop = (at: number, key0: number, key2: number): void => {
    if (hot[at] !== key0 || hot[at + 2] !== key2) return;
    hot[at + 1]! &= 0x7fffffff;
    changed[at >>> 6] = 1;
    state[0] = state[0]! + 1;
  };
  return (hash, key0, key1, mask1, key2) => {
    const first = (hash & mask) << 3;
    const valid = key1 | (1 << 31);
    const says = mask1 | (1 << 31);
    const second = first ^ step;
    const third = first ^ twoSteps;
    const fourth = third ^ step;
    if ((hot[first + 1]! & says) === valid) drop(first, key0, key2);
    if ((hot[second + 1]! & says) === valid) drop(second, key0, key2);
    if ((hot[third + 1]! & says) === valid) drop(third, key0, key2);
    if ((hot[fourth + 1]! & says) === valid) drop(fourth, key0, key2);
    if (!more) return;
    for (let way = 4; way < ways; way++) {
      const at = first ^ (way * step);
      if ((hot[at + 1]! & says) === valid) drop(at, key0, key2);
    }
  };
}

const isPowerOfTwo = (n: number): boolean => n >= 1 && Number.isInteger(Math.log2(n));
