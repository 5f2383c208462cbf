/**
 * Configuration caches: STEs by StreamID, CDs by StreamID and SubstreamID (IHI 0070 §3.21.3, §4.3, §16.2).
 *
 * Beside the words of the structures stand streams resolved from them, so that a transaction of a known stream decodes
 * nothing. A resolved stream holds while nothing was dropped or replaced since it was made; it is no state of its own.
 *
 * CHOICE(config-cache): only structures that are legal are kept; L1STDs and L1CDs are not.
 */
import { CD } from "../../../arch/smmuv3/cd.ts";
import { STE } from "../../../arch/smmuv3/ste.ts";
import { TraceHit, TraceKind } from "../../../protocol/trace.ts";
import { CacheCount, type CacheGeometry, HOT_WORDS, TaggedCache } from "../../common/tagged_cache.ts";
import type { TraceRecorder } from "../../common/trace_recorder.ts";
import { type Translation, Updates } from "../translation.ts";
import type { CachedStream } from "./tags.ts";

// Hot words of an entry beyond its key.
/** Physical address the structure was read from, the address its owner has for it, its index in its table. */
export const W_PA_LO = 3;
export const W_PA_HI = 4;
export const W_AT_LO = 5;
export const W_AT_HI = 6;
const W_INDEX = 7;

const STE_WORDS = STE.bits / 32;
const CD_WORDS = CD.bits / 32;
/** Streams kept resolved. */
const RESOLVED_LG2 = 6;
const RESOLVED = 1 << RESOLVED_LG2;

const steHash = (sid: number): number => Math.imul(sid, 0x9e3779b1) >>> 16;
const cdHash = (sid: number, index: number): number => Math.imul(sid ^ Math.imul(index, 0x85eb), 0x9e3779b1) >>> 16;

export class ConfigCache {
  readonly stes: TaggedCache | null;
  readonly cds: TaggedCache | null;
  readonly #keepsResolved: boolean;
  readonly #streams: CachedStream[];
  readonly #sids = new Int32Array(RESOLVED);
  readonly #ssids = new Int32Array(RESOLVED);
  /** The {@link #epoch} in which a stream was resolved. */
  readonly #resolvedIn = new Float64Array(RESOLVED);
  /** Counts what could have changed a resolved stream; from 1. */
  #epoch = 1;
  #controls = 0;
  readonly #changed: () => void;

  /**
   * @param stream makes the objects that hold resolved streams
   * @param changed called when no stream counts as resolved any longer
   */
  constructor(ste: CacheGeometry | null, cd: CacheGeometry | null, stream: () => CachedStream, changed: () => void) {
    // A resolved stream is used without a look at the structures behind it: these are replaced in order of age.
    this.stes = ste === null ? null : new TaggedCache({ ...ste, lru: false }, STE_WORDS);
    this.cds = cd === null ? null : new TaggedCache({ ...cd, lru: false }, CD_WORDS);
    this.#keepsResolved = ste !== null && cd !== null;
    this.#streams = Array.from({ length: this.#keepsResolved ? RESOLVED : 1 }, stream);
    this.#changed = changed;
  }

  /**
   * A stream as it was resolved, if both its structures are still cached.
   * @param ssid SubstreamID, or -1 for a transaction without one
   * @param controls value of CR2, which resolving depends on, too
   */
  resolved(sid: number, ssid: number, controls: number): CachedStream | null {
    if (controls !== this.#controls) {
      this.#controls = controls;
      this.forgetResolved();
    }
    const at = slotOf(sid, ssid);
    if (this.#resolvedIn[at] !== this.#epoch || this.#sids[at] !== (sid | 0) || this.#ssids[at] !== ssid) return null;
    return this.#streams[at]!;
  }

  /** An object to resolve a stream into. It is not {@link resolved} before {@link keep}. */
  take(sid: number, ssid: number): CachedStream {
    if (!this.#keepsResolved) return this.#streams[0]!;
    const at = slotOf(sid, ssid);
    this.countUses();
    this.#resolvedIn[at] = 0;
    return this.#streams[at]!;
  }

  /** The stream last taken for these ids was resolved from structures that are cached now. */
  keep(sid: number, ssid: number): void {
    if (!this.#keepsResolved) return;
    const at = slotOf(sid, ssid);
    this.#sids[at] = sid;
    this.#ssids[at] = ssid;
    this.#resolvedIn[at] = this.#epoch;
  }

  /** Take the STE of `t`'s stream from the cache into `ste`, 16 words. @returns false when it is not there */
  recallSte(t: Translation, trace: TraceRecorder | null, ste: Uint32Array): boolean {
    if (this.stes === null) return false;
    const entry = this.stes.find(steHash(t.sid), t.sid | 0, 0, 0);
    return recall(t, trace, this.stes, entry, TraceKind.STE, ste);
  }

  /** Take CD number `index` of `t`'s stream from the cache into `cd`, 16 words. @returns false when it is not there */
  recallCd(t: Translation, trace: TraceRecorder | null, index: number, cd: Uint32Array): boolean {
    if (this.cds === null) return false;
    const entry = this.cds.find(cdHash(t.sid, index), t.sid | 0, 0, index);
    return recall(t, trace, this.cds, entry, TraceKind.CD, cd);
  }

  /** Keep the STE that was fetched for a transaction. */
  keepSte(t: Translation, ste: Uint32Array): void {
    if (this.stes !== null && t.updates === Updates.Make) this.#keep(t, this.stes, steHash(t.sid), 0, ste);
  }

  /** Keep the CD that was fetched for a transaction. */
  keepCd(t: Translation, index: number, cd: Uint32Array): void {
    if (this.cds !== null && t.updates === Updates.Make) this.#keep(t, this.cds, cdHash(t.sid, index), index, cd);
  }

  /** Count the uses of resolved streams as hits of the structures that they were made of. */
  countUses(): void {
    for (const s of this.#streams) {
      if (this.stes !== null) this.stes.counts[CacheCount.Hits]! += s.uses;
      if (this.cds !== null && s.stage1) this.cds.counts[CacheCount.Hits]! += s.uses;
      s.uses = 0;
    }
  }

  /** StreamID of an entry of either cache. */
  sidOf(cache: TaggedCache, entry: number): number {
    return cache.hot[entry * HOT_WORDS]! >>> 0;
  }

  /** CD index of an entry. */
  indexOf(entry: number): number {
    return this.cds === null ? 0 : this.cds.hot[entry * HOT_WORDS + 2]!;
  }

  /** Drop the STEs, and the CDs reached from them, of all StreamIDs that agree with `sid` in the bits of `mask`. */
  dropStreams(sid: number, mask: number): void {
    this.forgetResolved();
    const same = (cache: TaggedCache) => (entry: number) => ((cache.hot[entry * HOT_WORDS]! ^ sid) & mask) === 0;
    if (this.stes !== null) this.stes.dropWhere(same(this.stes));
    if (this.cds !== null) this.cds.dropWhere(same(this.cds));
  }

  /** Drop one CD of a stream, or all of them. */
  dropCds(sid: number, index: number | null): void {
    const { cds } = this;
    if (cds === null) return;
    this.forgetResolved();
    cds.dropWhere((entry) => {
      const at = entry * HOT_WORDS;
      return cds.hot[at] === (sid | 0) && (index === null || cds.hot[at + 2] === index);
    });
  }

  /** Forget the streams that were resolved, but not what they were resolved from. */
  forgetResolved(): void {
    this.#epoch++;
    this.#changed();
  }

  #keep(t: Translation, cache: TaggedCache, hash: number, index: number, words: Uint32Array): void {
    const evicted = cache.counts[CacheCount.Evictions];
    const entry = cache.fill(hash, t.sid | 0, 0, index);
    if (cache.counts[CacheCount.Evictions] !== evicted) this.forgetResolved();
    const { place } = t;
    const { hot } = cache;
    const at = entry * HOT_WORDS;
    hot[at + W_PA_LO] = place.paLo;
    hot[at + W_PA_HI] = place.paHi;
    hot[at + W_AT_LO] = place.atLo;
    hot[at + W_AT_HI] = place.atHi;
    hot[at + W_INDEX] = place.index;
    cache.cold.set(words, entry * cache.coldWords);
  }
}

/** Copy an entry's structure, if there is one, and show it in the trace. */
function recall(
  t: Translation,
  trace: TraceRecorder | null,
  cache: TaggedCache,
  entry: number,
  kind: TraceKind,
  words: Uint32Array,
): boolean {
  const counting = t.updates === Updates.Make;
  if (counting) cache.counts[entry < 0 ? CacheCount.Misses : CacheCount.Hits]!++;
  if (entry < 0) return false;
  const from = entry * cache.coldWords;
  for (let i = 0; i < words.length; i++) words[i] = cache.cold[from + i]!;
  if (trace !== null) {
    const [paLo, paHi, atLo, atHi, index] = cache.hot.subarray(entry * HOT_WORDS + W_PA_LO) as unknown as number[];
    trace.structure(kind, index!, atHi!, atLo!, paHi!, paLo!, words[1]!, words[0]!);
    trace.fromCache(TraceHit.Config);
  }
  return true;
}

function slotOf(sid: number, ssid: number): number {
  return Math.imul(sid ^ Math.imul(ssid, 0x85ebca6b), 0x9e3779b1) >>> (32 - RESOLVED_LG2);
}
