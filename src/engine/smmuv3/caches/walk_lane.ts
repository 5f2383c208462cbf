/**
 * The shortest walk: both last-level tables are known, so that one descriptor of each stage is read, and nothing else.
 *
 * For unprivileged data accesses through 4 KiB pages of both stages. It decides nothing but success; whatever else there
 * is goes to the walker, which comes to the same answer by itself (DDI 0487 §D8.3, §D8.4). It is a closure over arrays
 * that stay in place, with numbers for names, as that of `hit_lane.ts` is.
 */
import { CacheCount, type TaggedCache, VALID } from "../../common/tagged_cache.ts";
import type { PhysicalMemory } from "../../memory/physical_memory.ts";
import { type LookUp, NO_LOOK_UP, NONE, STATE_WORDS } from "./lane.ts";
import type { StageCaches } from "./stage_caches.ts";
import { type CachedStream, IPA_KEY1 } from "./tags.ts";

// Words of the state: the stream that is served, or -1; key word 1 without the address, key word 2 and hash of each
// stage's entries; bits [47:32] of an address that the output of a stage must not have; walks since they were counted.
const SID = 0;
const SSID = 1;
const KEY1 = 2;
const IDS1 = 3;
const HASH1 = 4;
const KEY2 = 5;
const IDS2 = 6;
const HASH2 = 7;
const BEYOND1 = 8;
const BEYOND2 = 9;
const USES = 10;

export class WalkLane {
  /**
   * Translate for the stream that is served: `t.end`, the PA, the leaves and `t.walkEntry` are set,
   * `StageCaches.details` has the rest. @returns false when a walk has to: nothing is decided then
   */
  readonly hit: LookUp;
  readonly #tables: readonly TaggedCache[];
  readonly #state = new Int32Array(STATE_WORDS);
  #stream: CachedStream | null = null;

  constructor(memory: PhysicalMemory, stages: StageCaches) {
    const [table1, table2] = [stages.walk1?.table ?? null, stages.walk2?.table ?? null];
    const usable = table1 !== null && table2 !== null && !table1.lru && !table2.lru;
    this.#tables = usable ? [table1, table2] : [];
    this.#state[SID] = NONE;
    this.hit = usable ? walk(memory, stages, table1, table2, this.#state, () => this.#stream!) : NO_LOOK_UP;
  }

  /** Serve this stream from now on, if it is one that can be served. */
  enter(s: CachedStream, sid: number, ssid: number): void {
    this.leave();
    const { s2 } = s;
    const special = s.topByte || s.overrides || s.onePrivilege || s.ha || s.s2Ha || s2.overLo !== 0;
    if (!s.fast || special || this.#tables.length === 0) return;
    this.#stream = s;
    const half = s.ttb0.disabled ? s.ttb1 : s.ttb0;
    const state = this.#state;
    state[SID] = sid;
    state[SSID] = ssid;
    state[KEY1] = s.key1 | VALID;
    state[IDS1] = s.ids;
    state[HASH1] = s.hash;
    state[KEY2] = IPA_KEY1 | VALID;
    state[IDS2] = s.ipaIds;
    state[HASH2] = s.ipaHash;
    state[BEYOND1] = (half.beyondHi | s2.overHi) & 0xffff;
    state[BEYOND2] = s2.beyondHi & 0xffff;
  }

  /** Serve no stream. */
  leave(): void {
    this.count();
    this.#stream = null;
    this.#state[SID] = NONE;
  }

  /** Add the walks so far to the counts of the caches. */
  count(): void {
    if (this.#stream === null) return;
    const uses = this.#state[USES]! >>> 0;
    this.#state[USES] = 0;
    for (const table of this.#tables) table.counts[CacheCount.Hits]! += uses;
    this.#stream.uses += uses;
  }
}

/** The look-up by the tables of both walk caches; `state` as above. */
function walk(
  memory: PhysicalMemory,
  stages: StageCaches,
  table1: TaggedCache,
  table2: TaggedCache,
  state: Int32Array,
  stream: () => CachedStream,
): LookUp {
  const hot1 = table1.hot;
  const hot2 = table2.hot;
  const mask1 = table1.entries - 1;
  const mask2 = table2.entries - 1;
  const { keepsLeaves } = stages;
  return (t) => {
    if (t.sid !== state[0] || t.substream !== state[1]) return false;
    const lo = t.iovaLo;
    const hi = t.iovaHi;
    const span1 = lo >>> 21;
    const at1 = ((span1 ^ (hi << 11) ^ state[4]!) & mask1) << 3;
    const own1 = (hot1[at1]! ^ hi) | (hot1[at1 + 1]! ^ ((span1 << 9) | state[2]!)) | (hot1[at1 + 2]! ^ state[3]!);
    if (own1 !== 0) return false;
    const kind = t.kind;
    if (kind > 1 || t.updates !== 1) return false;
    const { words } = memory;
    const slot1 = hot1[at1 + 7]! | ((lo >>> 11) & 0x3fe);
    const leaf1Lo = words[slot1]!;
    const leaf1Hi = words[slot1 + 1]!;
    // A page with AF and AP[1]; to write, without AP[2].
    if ((leaf1Lo & (0x443 | (kind << 7))) !== 0x443 || (leaf1Hi & state[8]!) !== 0) return false;

    const ipaHi = leaf1Hi & 0xffff;
    const span2 = leaf1Lo >>> 21;
    const at2 = ((span2 ^ (ipaHi << 11) ^ state[7]!) & mask2) << 3;
    const own2 = (hot2[at2]! ^ ipaHi) | (hot2[at2 + 1]! ^ ((span2 << 9) | state[5]!)) | (hot2[at2 + 2]! ^ state[6]!);
    if (own2 !== 0) return false;
    const slot2 = hot2[at2 + 7]! | ((leaf1Lo >>> 11) & 0x3fe);
    const leaf2Lo = words[slot2]!;
    const leaf2Hi = words[slot2 + 1]!;
    // A page with AF and the bit of S2AP that is needed.
    const need = 0x443 + (kind << 6);
    if ((leaf2Lo & need) !== need || (leaf2Hi & state[9]!) !== 0) return false;

    t.leaf1Hi = leaf1Hi;
    t.leaf1Lo = leaf1Lo;
    t.leaf2Hi = leaf2Hi;
    t.leaf2Lo = leaf2Lo;
    t.paHi = leaf2Hi & 0xffff;
    t.paLo = (leaf2Lo & ~0xfff) | (lo & 0xfff);
    t.end = 0;
    t.tlbEntry = -1;
    t.walkEntry = at1 >>> 3;
    state[10] = state[10]! + 1;
    if (keepsLeaves) stages.reached(t, stream(), at1 >>> 3, at2 >>> 3);
    return true;
  };
}
