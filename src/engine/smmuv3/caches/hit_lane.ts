/**
 * The shortest way through the caches: the stream of the last transaction, and the TLB entry that its hash names first.
 *
 * It answers what the full look-up would answer, or nothing. All that the full look-up derives anew for each transaction
 * stands here as numbers; whoever changes what they are derived from calls {@link HitLane.leave}.
 */
import { CacheCount, type TaggedCache, VALID } from "../../common/tagged_cache.ts";
import type { Translation } from "../translation.ts";
import { type LookUp, NO_LOOK_UP, NONE, STATE_WORDS } from "./lane.ts";
import type { CachedStream } from "./tags.ts";

// Words of the state: the stream that a hit is of (SubstreamID or -1), what its entries are tagged with, hits since
// they were last counted.
const SID = 0;
const SSID = 1;
const KEY1 = 2;
const IDS = 3;
const HASH = 4;
const HITS = 5;

/** With more, the hash of a page is not that of address bits [31:12]. */
const MAX_ENTRIES = 1 << 20;

export class HitLane {
  /** The stream that {@link sid} and {@link ssid} name. */
  stream: CachedStream | null = null;
  sid = NONE;
  /** SubstreamID, or -1 for transactions without one. */
  ssid = NONE;
  /**
   * Answer a transaction of the stream that is served from the first 4 KiB entry its hash names, with what
   * `StageCaches.hit` sets. @returns false when the full look-up has to
   */
  readonly hit: LookUp;
  readonly #tlb: TaggedCache | null;
  readonly #state = new Int32Array(STATE_WORDS);

  /** @param tlb the TLB's table, where there is one */
  constructor(tlb: TaggedCache | null) {
    this.#tlb = tlb !== null && !tlb.lru && tlb.entries <= MAX_ENTRIES ? tlb : null;
    this.#state[SID] = NONE;
    this.#state[SSID] = NONE;
    this.hit = this.#tlb === null ? NO_LOOK_UP : lookUp(this.#tlb, this.#state);
  }

  /** Serve this stream from now on. */
  enter(stream: CachedStream, sid: number, ssid: number): void {
    this.leave();
    this.stream = stream;
    this.sid = sid;
    this.ssid = ssid;
    // Where the stream's addresses or attributes need a look first, the full look-up has to come.
    if (!stream.tagged || stream.topByte || stream.overrides) return;
    const state = this.#state;
    state[SID] = sid;
    state[SSID] = ssid;
    state[KEY1] = stream.key1 | VALID;
    state[IDS] = stream.ids;
    state[HASH] = stream.hash;
  }

  /** Serve no stream. */
  leave(): void {
    this.count();
    this.stream = null;
    this.sid = NONE;
    this.#state[SID] = NONE;
    this.#state[KEY1] = 0;
  }

  /** Whether the transaction is one of the stream that is served. */
  serves(t: Translation): boolean {
    return t.sid === this.sid && t.substream === this.ssid;
  }

  /** Add the hits so far to the counts of the caches. */
  count(): void {
    if (this.#tlb === null || this.stream === null) return;
    const hits = this.#state[HITS]! >>> 0;
    this.#state[HITS] = 0;
    this.#tlb.counts[CacheCount.Hits]! += hits;
    this.stream.uses += hits;
  }
}

/** The look-up in a TLB's table; `state` as above. */
function lookUp({ hot, entries }: TaggedCache, state: Int32Array): LookUp {
  const mask = entries - 1;
  return (t) => {
    if (t.sid !== state[0] || t.substream !== state[1]) return false;
    const lo = t.iovaLo;
    const page = lo >>> 12;
    const at = ((page ^ state[4]!) & mask) << 3;
    const differs = (hot[at]! ^ t.iovaHi) | (hot[at + 1]! ^ (page | state[2]!)) | (hot[at + 2]! ^ state[3]!);
    const low = hot[at + 3]!;
    if (differs !== 0) return false;
    if (((low >>> t.kind) & 1) === 0 || t.updates !== 1) return false;
    t.paHi = hot[at + 4]! & 0xfffff;
    t.paLo = (low & ~0xfff) | (lo & 0xfff);
    t.tlbEntry = at >>> 3;
    t.end = 0;
    state[5] = state[5]! + 1;
    return true;
  };
}
