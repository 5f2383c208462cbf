/**
 * Context cache and PASID cache: entries as they were read, by requester and PASID, with the domain they are of
 * (VT-d §6.2.1, §6.2.2).
 *
 * A context entry of scalable mode is of no domain. With caching mode (CAP.CM) also entries are kept that are not
 * present or not in order, and count as of domain 0 (§6.1).
 */

import { ResolvedConfigs } from "../../common/resolved_configs.ts";
import { CacheCount, type CacheGeometry, HOT_WORDS, TaggedCache } from "../../common/tagged_cache.ts";
import type { TraceRecorder } from "../../common/trace_recorder.ts";
import { RequestConfig } from "../request_config.ts";

/** Words kept of a context entry (the longer one) and of a PASID table entry. */
const CONTEXT_WORDS = 8;
const PASID_WORDS = 16;
/** Hot word with the domain: NO_DOMAIN for a context entry of scalable mode. */
export const W_DOMAIN = 3;
export const NO_DOMAIN = -1;

/** The cache that a request is resolved with: none for one that is shown, which is to show what memory says. */
export const cacheFor = (cache: ConfigCache | null, trace: TraceRecorder | null): ConfigCache | null =>
  trace === null ? cache : null;

const hashOf = (sid: number, pasid: number): number => Math.imul(sid ^ Math.imul(pasid, 0x85eb), 0x9e3779b1) >>> 16;

export class ConfigCache {
  readonly contexts: TaggedCache | null;
  readonly pasids: TaggedCache | null;
  readonly #resolved: ResolvedConfigs<RequestConfig> | null;
  readonly #passing = new RequestConfig();

  constructor(context: CacheGeometry | null, pasid: CacheGeometry | null) {
    // A configuration is used without a look at the words behind it: these are replaced in order of age.
    this.contexts = context === null ? null : new TaggedCache({ ...context, lru: false }, CONTEXT_WORDS);
    this.pasids = pasid === null ? null : new TaggedCache({ ...pasid, lru: false }, PASID_WORDS);
    this.#resolved = context === null ? null : new ResolvedConfigs(() => new RequestConfig());
  }

  /**
   * A configuration as it was made, if the entries it was made from are still cached.
   * @param pasid that of the request, -1 for none
   */
  resolved(sid: number, pasid: number): RequestConfig | null {
    const found = this.#resolved === null ? null : this.#resolved.resolved(sid, pasid);
    if (found !== null) this.contexts!.counts[CacheCount.Hits]!++;
    return found;
  }

  /** An object to make a configuration in, before {@link keep}. */
  take(sid: number, pasid: number): RequestConfig {
    return this.#resolved === null ? this.#passing : this.#resolved.take(sid, pasid);
  }

  /** The configuration last taken for these ids was made from entries that are cached now. */
  keep(sid: number, pasid: number, scalable: boolean): void {
    if (this.#resolved !== null && (!scalable || this.pasids !== null)) this.#resolved.keep(sid, pasid);
  }

  /** Copy a cached context entry. @returns false where it is not cached */
  recallContext(sid: number, into: Uint32Array): boolean {
    return recall(this.contexts, sid, 0, into);
  }

  keepContext(sid: number, did: number, words: Uint32Array): void {
    this.#keep(this.contexts, sid, 0, did, words);
  }

  /** Copy a cached PASID table entry. @returns false where it is not cached */
  recallPasid(sid: number, pasid: number, into: Uint32Array): boolean {
    return recall(this.pasids, sid, pasid, into);
  }

  keepPasid(sid: number, pasid: number, did: number, words: Uint32Array): void {
    this.#keep(this.pasids, sid, pasid, did, words);
  }

  /** Drop context entries. @param named told a requester and its domain */
  dropContexts(named: (sid: number, did: number) => boolean): void {
    this.#drop(this.contexts, (at, hot) => named(hot[at]!, hot[at + W_DOMAIN]!));
  }

  /** Drop PASID table entries. @param named told a PASID and its domain */
  dropPasids(named: (pasid: number, did: number) => boolean): void {
    this.#drop(this.pasids, (at, hot) => named(hot[at + 2]!, hot[at + W_DOMAIN]!));
  }

  /** Forget the configurations that were made, but not what they were made from. */
  forget(): void {
    this.#resolved?.forget();
  }

  #keep(cache: TaggedCache | null, sid: number, pasid: number, did: number, words: Uint32Array): void {
    if (cache === null) return;
    const evicted = cache.counts[CacheCount.Evictions];
    const entry = cache.fill(hashOf(sid, pasid), sid, 0, pasid);
    if (cache.counts[CacheCount.Evictions] !== evicted) this.forget();
    cache.hot[entry * HOT_WORDS + W_DOMAIN] = did;
    const from = entry * cache.coldWords;
    for (let i = 0; i < cache.coldWords; i++) cache.cold[from + i] = words[i] ?? 0;
  }

  #drop(cache: TaggedCache | null, named: (at: number, hot: Int32Array) => boolean): void {
    if (cache === null) return;
    this.forget();
    cache.dropWhere((entry) => named(entry * HOT_WORDS, cache.hot));
  }
}

function recall(cache: TaggedCache | null, sid: number, pasid: number, into: Uint32Array): boolean {
  if (cache === null) return false;
  const entry = cache.find(hashOf(sid, pasid), sid, 0, pasid);
  cache.counts[entry < 0 ? CacheCount.Misses : CacheCount.Hits]!++;
  if (entry < 0) return false;
  const from = entry * cache.coldWords;
  for (let i = 0; i < into.length; i++) into[i] = cache.cold[from + i]!;
  return true;
}
