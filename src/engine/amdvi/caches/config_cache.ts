/**
 * Configuration caches: device table entries by DeviceID, guest CR3 table entries by DeviceID and PASID. 48882 revision
 * 3.10, §2.1.4, §2.4.2.
 *
 * Beside the words stand configurations made from them, so that a request of a known device decodes nothing. Such a
 * configuration holds while nothing was dropped or replaced since it was made; it is no state of its own.
 */
import { DTE } from "../../../arch/amdvi/dte.ts";
import { ResolvedConfigs } from "../../common/resolved_configs.ts";
import { CacheCount, type CacheGeometry, HOT_WORDS, TaggedCache } from "../../common/tagged_cache.ts";
import { DeviceConfig } from "../device_config.ts";

const DTE_WORDS = DTE.bits / 32;
/** Hot words of a guest CR3 entry beyond its key. */
const W_ROOT_LO = 3;
const W_ROOT_HI = 4;
const W_DOMAIN = 5;
const hashOf = (deviceId: number, pasid: number): number =>
  Math.imul(deviceId ^ Math.imul(pasid, 0x85eb), 0x9e3779b1) >>> 16;

export class ConfigCache {
  readonly dtes: TaggedCache | null;
  readonly gcr3s: TaggedCache | null;
  /** What {@link recallGcr3} found. */
  rootHi = 0;
  rootLo = 0;
  readonly #configs = new ResolvedConfigs(() => new DeviceConfig());

  constructor(dte: CacheGeometry | null, gcr3: CacheGeometry | null) {
    // A configuration is used without a look at the words behind it: these are replaced in order of age.
    this.dtes = dte === null ? null : new TaggedCache({ ...dte, lru: false }, DTE_WORDS);
    this.gcr3s = gcr3 === null ? null : new TaggedCache({ ...gcr3, lru: false }, 0);
  }

  /**
   * A configuration as it was made, if everything it was made from is still cached.
   * @param pasid -1 for a request without one
   */
  resolved(deviceId: number, pasid: number): DeviceConfig | null {
    const config = this.#configs.resolved(deviceId, pasid);
    if (config !== null && this.dtes !== null) this.dtes.counts[CacheCount.Hits]!++;
    return config;
  }

  /** An object to make a configuration in. It is not {@link resolved} before {@link keep}. */
  take(deviceId: number, pasid: number): DeviceConfig {
    return this.#configs.take(deviceId, pasid);
  }

  /** The configuration last taken for these ids was made from entries that are cached now. */
  keep(deviceId: number, pasid: number, usesGuest: boolean): void {
    if (this.dtes === null || (usesGuest && this.gcr3s === null)) return;
    this.#configs.keep(deviceId, pasid);
  }

  /** Copy a cached device table entry into eight words. @returns false where it is not cached */
  recallDte(deviceId: number, into: Uint32Array): boolean {
    const { dtes } = this;
    if (dtes === null) return false;
    const entry = dtes.find(hashOf(deviceId, 0), deviceId, 0, 0);
    dtes.counts[entry < 0 ? CacheCount.Misses : CacheCount.Hits]!++;
    if (entry < 0) return false;
    const from = entry * DTE_WORDS;
    for (let i = 0; i < DTE_WORDS; i++) into[i] = dtes.cold[from + i]!;
    return true;
  }

  keepDte(deviceId: number, words: Uint32Array): void {
    if (this.dtes === null) return;
    const entry = this.#fill(this.dtes, hashOf(deviceId, 0), deviceId, 0);
    this.dtes.cold.set(words, entry * DTE_WORDS);
  }

  /** Find a guest's table root into {@link rootHi} and {@link rootLo}. @returns false where it is not cached */
  recallGcr3(deviceId: number, pasid: number): boolean {
    const { gcr3s } = this;
    if (gcr3s === null) return false;
    const entry = gcr3s.find(hashOf(deviceId, pasid), deviceId, 0, pasid);
    gcr3s.counts[entry < 0 ? CacheCount.Misses : CacheCount.Hits]!++;
    if (entry < 0) return false;
    this.rootLo = gcr3s.hot[entry * HOT_WORDS + W_ROOT_LO]!;
    this.rootHi = gcr3s.hot[entry * HOT_WORDS + W_ROOT_HI]!;
    return true;
  }

  keepGcr3(deviceId: number, pasid: number, domainId: number, rootHi: number, rootLo: number): void {
    const { gcr3s } = this;
    if (gcr3s === null) return;
    const at = this.#fill(gcr3s, hashOf(deviceId, pasid), deviceId, pasid) * HOT_WORDS;
    gcr3s.hot[at + W_ROOT_LO] = rootLo;
    gcr3s.hot[at + W_ROOT_HI] = rootHi;
    gcr3s.hot[at + W_DOMAIN] = domainId;
  }

  /** Root of an entry of the guest CR3 cache, signed halves. */
  rootOf(entry: number): readonly [hi: number, lo: number] {
    const at = entry * HOT_WORDS;
    return [this.gcr3s!.hot[at + W_ROOT_HI]!, this.gcr3s!.hot[at + W_ROOT_LO]!];
  }

  /** Drop what is cached of a device. */
  dropDevice(deviceId: number): void {
    this.forget();
    for (const cache of [this.dtes, this.gcr3s]) {
      cache?.dropWhere((entry) => cache.hot[entry * HOT_WORDS] === deviceId);
    }
  }

  /** Drop the guest CR3 entries of a domain. @param pasid -1 for all of them */
  dropGuest(domainId: number, pasid: number): void {
    const { gcr3s } = this;
    if (gcr3s === null) return;
    this.forget();
    gcr3s.dropWhere((entry) => {
      const at = entry * HOT_WORDS;
      return gcr3s.hot[at + W_DOMAIN] === domainId && (pasid < 0 || gcr3s.hot[at + 2] === pasid);
    });
  }

  /** Forget the configurations that were made, but not what they were made from. */
  forget(): void {
    this.#configs.forget();
  }

  #fill(cache: TaggedCache, hash: number, deviceId: number, pasid: number): number {
    const evicted = cache.counts[CacheCount.Evictions];
    const entry = cache.fill(hash, deviceId, 0, pasid);
    if (cache.counts[CacheCount.Evictions] !== evicted) this.forget();
    return entry;
  }
}
