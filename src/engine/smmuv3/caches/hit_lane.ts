/**
 * The shortest way through the caches: the stream of the last transaction, and the TLB entry that its hash names first.
 *
 * It answers what the full look-up would answer, or nothing. All that the full look-up derives anew for each transaction
 * stands here as numbers; whoever changes what they are derived from calls {@link HitLane.leave}.
 */
import { CacheCount, HOT_WORDS, type TaggedCache, VALID } from "../../common/tagged_cache.ts";
import type { Translation } from "../translation.ts";
import type { CachedStream } from "./tags.ts";

/** No StreamID, or no SubstreamID. */
const NONE = -1;
const WAYS = 4;

export class HitLane {
  /** The stream that {@link sid} and {@link ssid} name. */
  stream: CachedStream | null = null;
  sid = NONE;
  /** SubstreamID, or -1 for transactions without one. */
  ssid = NONE;
  /** Hits since they were last counted. */
  #hits = 0;
  readonly #tlb: TaggedCache | null;
  #hot: Int32Array = new Int32Array(HOT_WORDS);
  #mask = 0;
  /** What changes an entry's first hot word into that of the next way: from the first, second and third. */
  #to1 = 0;
  #to2 = 0;
  #key1 = 0;
  #ids = 0;
  #hash = 0;

  /** @param tlb the TLB's table, where there is one */
  constructor(tlb: TaggedCache | null) {
    this.#tlb = tlb !== null && tlb.ways <= WAYS && !tlb.lru ? tlb : null;
    if (this.#tlb === null) return;
    const { entries, ways, stride } = this.#tlb;
    this.#hot = this.#tlb.hot;
    this.#mask = entries - 1;
    this.#to1 = ways > 1 ? stride * HOT_WORDS : 0;
    this.#to2 = ways > 2 ? 3 * stride * HOT_WORDS : 0;
  }

  /** Serve this stream from now on. */
  enter(stream: CachedStream, sid: number, ssid: number): void {
    this.leave();
    this.stream = stream;
    this.sid = sid;
    this.ssid = ssid;
    this.#ids = stream.ids;
    this.#hash = stream.hash;
    // Where the stream's addresses or attributes need a look first, the full look-up has to come.
    const plain = this.#tlb !== null && stream.tagged && !stream.topByte && !stream.overrides;
    this.#key1 = plain ? stream.key1 | VALID : 0;
  }

  /** Serve no stream. */
  leave(): void {
    this.count();
    this.stream = null;
    this.sid = NONE;
  }

  /** Whether the transaction is one of the stream that is served. */
  serves(t: Translation): boolean {
    return t.sid === this.sid && (t.ssv === true ? t.ssid : -1) === this.ssid;
  }

  /**
   * Answer a transaction of the stream that is served from a 4 KiB entry, with what `StageCaches.hit` sets.
   * Constants are numbers here, since a module's own would be fetched from memory; a test holds them to their names.
   * @returns false when the full look-up has to
   */
  hit(t: Translation): boolean {
    if (this.#key1 === 0) return false;
    const lo = t.iovaLo;
    const hi = t.iovaHi;
    const key0 = (lo >>> 12) | (hi << 20);
    const hot = this.#hot;
    let at = ((key0 ^ this.#hash) & this.#mask) << 3;
    if (hot[at] !== key0) {
      at ^= this.#to1;
      if (hot[at] !== key0) {
        at ^= this.#to2;
        if (hot[at] !== key0) {
          at ^= this.#to1;
          if (hot[at] !== key0) return false;
        }
      }
    }
    if (hot[at | 1] !== ((hi >>> 12) | this.#key1) || hot[at | 2] !== this.#ids) return false;
    const high = hot[at | 4]!;
    const allowed = t.privileged === true ? high >>> 23 : high >>> 20;
    const want = t.write === true ? 2 : t.instruction === true ? 4 : 1;
    if ((allowed & (allowed >>> 6) & want) === 0 || t.updates !== 1) return false;
    t.paHi = high & 0xfffff;
    t.paLo = (hot[at | 3]! & ~0xfff) | (lo & 0xfff);
    t.tlbEntry = at >>> 3;
    t.end = 0;
    this.#hits = (this.#hits + 1) | 0;
    return true;
  }

  /** Add the hits so far to the counts of the caches. */
  count(): void {
    if (this.#tlb === null || this.stream === null) return;
    const hits = this.#hits >>> 0;
    this.#hits = 0;
    this.#tlb.counts[CacheCount.Hits]! += hits;
    this.stream.uses += hits;
  }
}
