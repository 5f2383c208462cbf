/**
 * The shortest walk: both last-level tables are known, so that one descriptor of each stage is read, and nothing else.
 *
 * For unprivileged data accesses through 4 KiB pages of both stages. It decides nothing but success; whatever else there
 * is goes to the walker, which comes to the same answer by itself (DDI 0487 §D8.3, §D8.4).
 */
import { CacheCount, HOT_WORDS, type TaggedCache, VALID } from "../../common/tagged_cache.ts";
import type { PhysicalMemory } from "../../memory/physical_memory.ts";
import type { Translation } from "../translation.ts";
import type { StageCaches } from "./stage_caches.ts";
import { type CachedStream, IPA_KEY1 } from "./tags.ts";

export class WalkLane {
  readonly #memory: PhysicalMemory;
  readonly #stages: StageCaches;
  readonly #table1: TaggedCache | null;
  readonly #table2: TaggedCache | null;
  readonly #hot1: Int32Array;
  readonly #hot2: Int32Array;
  readonly #mask1: number;
  readonly #mask2: number;
  #stream: CachedStream | null = null;
  /** Key word 1 without the address (0 while no stream is served), key word 2 and hash, for each stage. */
  #key1 = 0;
  #ids1 = 0;
  #hash1 = 0;
  readonly #key2 = IPA_KEY1 | VALID;
  #ids2 = 0;
  #hash2 = 0;
  /** Bits [47:32] of an address that the output of a stage, or the input of stage 2, must not have. */
  #beyond1 = 0;
  #beyond2 = 0;
  /** Walks since they were last counted. */
  #uses = 0;

  constructor(memory: PhysicalMemory, stages: StageCaches) {
    this.#memory = memory;
    this.#stages = stages;
    const [table1, table2] = [stages.walk1?.table ?? null, stages.walk2?.table ?? null];
    const usable = table1 !== null && table2 !== null && !table1.lru && !table2.lru;
    this.#table1 = usable ? table1 : null;
    this.#table2 = usable ? table2 : null;
    this.#hot1 = usable ? table1.hot : new Int32Array(HOT_WORDS);
    this.#hot2 = usable ? table2.hot : new Int32Array(HOT_WORDS);
    this.#mask1 = usable ? table1.entries - 1 : 0;
    this.#mask2 = usable ? table2.entries - 1 : 0;
  }

  /** Serve this stream from now on, if it is one that can be served. */
  enter(s: CachedStream): void {
    this.leave();
    const { s2 } = s;
    const special = s.topByte || s.overrides || s.onePrivilege || s.ha || s.s2Ha || s2.overLo !== 0;
    const open = this.#table1 !== null && s.fast && !special;
    this.#stream = s;
    this.#key1 = open ? s.key1 | VALID : 0;
    this.#ids1 = s.ids;
    this.#hash1 = s.hash;
    this.#ids2 = s.ipaIds;
    this.#hash2 = s.ipaHash;
    const half = s.ttb0.disabled ? s.ttb1 : s.ttb0;
    this.#beyond1 = (half.beyondHi | s2.overHi) & 0xffff;
    this.#beyond2 = s2.beyondHi & 0xffff;
  }

  /** Serve no stream. */
  leave(): void {
    this.count();
    this.#key1 = 0;
  }

  /**
   * Translate for the stream that is served: `t.end`, the PA, the leaves and `t.walkEntry` are set,
   * `StageCaches.details` has the rest. Numbers stand for names here as in `HitLane.hit`.
   * @returns false when a walk has to: nothing is decided then
   */
  hit(t: Translation): boolean {
    const lo = t.iovaLo;
    const hi = t.iovaHi;
    const hot1 = this.#hot1;
    const span1 = (lo >>> 21) | (hi << 11);
    const at1 = ((span1 ^ this.#hash1) & this.#mask1) << 3;
    if (hot1[at1] !== span1 || hot1[at1 | 1] !== ((hi >>> 12) | this.#key1)) return false;
    // APTable of the levels above: bits [30:29] of the high word.
    if (hot1[at1 | 2] !== this.#ids1 || (hot1[at1 | 4]! & 0x60000000) !== 0) return false;
    const words = this.#memory.words;
    const slot1 = (hot1[at1 | 7]! << 10) | ((lo >>> 11) & 0x3fe);
    const leaf1Lo = words[slot1]!;
    const leaf1Hi = words[slot1 | 1]!;
    if (t.privileged === true || t.updates !== 1) return false;
    // A page with AF and AP[1]; to write, without AP[2].
    const write = t.write === true;
    if ((leaf1Lo & (write ? 0x4c3 : 0x443)) !== 0x443 || (leaf1Hi & this.#beyond1) !== 0) return false;

    const ipaHi = leaf1Hi & 0xffff;
    const hot2 = this.#hot2;
    const span2 = (leaf1Lo >>> 21) | (ipaHi << 11);
    const at2 = ((span2 ^ this.#hash2) & this.#mask2) << 3;
    if (hot2[at2] !== span2 || hot2[at2 | 1] !== ((ipaHi >>> 12) | this.#key2)) return false;
    if (hot2[at2 | 2] !== this.#ids2 || (t.instruction === true && !write)) return false;
    const slot2 = (hot2[at2 | 7]! << 10) | ((leaf1Lo >>> 11) & 0x3fe);
    const leaf2Lo = words[slot2]!;
    const leaf2Hi = words[slot2 | 1]!;
    // A page with AF and the bit of S2AP that is needed.
    const need = write ? 0x483 : 0x443;
    if ((leaf2Lo & need) !== need || (leaf2Hi & this.#beyond2) !== 0) return false;

    t.leaf1Hi = leaf1Hi;
    t.leaf1Lo = leaf1Lo;
    t.leaf2Hi = leaf2Hi;
    t.leaf2Lo = leaf2Lo;
    t.paHi = leaf2Hi & 0xffff;
    t.paLo = (leaf2Lo & ~0xfff) | (lo & 0xfff);
    t.end = 0;
    t.tlbEntry = -1;
    t.walkEntry = at1 >>> 3;
    this.#uses = (this.#uses + 1) | 0;
    if (this.#stages.keepsLeaves) this.#stages.reached(t, this.#stream!, at1 >>> 3, at2 >>> 3);
    return true;
  }

  /** Add the walks so far to the counts of the caches. */
  count(): void {
    if (this.#table1 === null || this.#table2 === null || this.#stream === null) return;
    const uses = this.#uses >>> 0;
    this.#uses = 0;
    this.#table1.counts[CacheCount.Hits]! += uses;
    this.#table2.counts[CacheCount.Hits]! += uses;
    this.#stream.uses += uses;
  }
}
