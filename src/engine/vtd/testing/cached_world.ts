/**
 * A requester whose PASID translates by both stages, on a unit with caches: first-stage tables at low guest physical
 * addresses, a second stage that maps guest physical addresses to themselves.
 */
import { REASONS } from "../../../arch/vtd/reasons.ts";
import { End, Updates } from "../../common/request.ts";
import { PhysicalMemory } from "../../memory/physical_memory.ts";
import type { CacheOptions } from "../caches/options.ts";
import { VtdCaches } from "../caches/vtd_caches.ts";
import { readCapabilities } from "../capabilities.ts";
import { presetById, presetIdentity } from "../presets.ts";
import { Remapper } from "../remapper.ts";
import { RemappingState, Ttm } from "../remapping_state.ts";
import { Translation } from "../translation.ts";

const ROOT = 0x1000;
const CONTEXT = 0x2000;
const DIRECTORY = 0x3000;
const PASIDS = 0x4000;
/** First-stage tables, root first; the last maps 2 MiB from {@link REGION}. */
const FIRST = 0x10000;
const LEAVES = FIRST + 0x3000;
/** Second-stage tables: root, one table of the next level, one with 1 GiB pages left unused, one of 2 MiB pages. */
const SECOND = 0x20000;
const SID = 0x18;
const PASID = 5;
const DID = 9;
const REGION = 0x40_0000;
const TABLE = 0x27;
const LEAF = 0x27;
const DIRTY = 0x40;
const SS_RIGHTS = 3;
const SS_LARGE = 0x80;

export class CachedWorld {
  readonly memory = new PhysicalMemory({ outside: "abort", zero: [[0, 0x100_0000]], segments: [] });
  readonly caches: VtdCaches;
  readonly remapper: Remapper;
  readonly did = DID;
  readonly #t = new Translation();

  constructor(options: CacheOptions, cachingMode = false) {
    const { cap, ecap } = presetIdentity(presetById("sapphire-rapids")!);
    const caps = readCapabilities(cap.hi, cap.lo | (cachingMode ? 0x80 : 0), ecap.hi, ecap.lo);
    const state = new RemappingState();
    state.enabled = true;
    state.ttm = Ttm.Scalable;
    state.rootLo = ROOT;
    this.caches = new VtdCaches(options);
    this.remapper = new Remapper(this.memory, state, caps, this.caches);
    this.#put(ROOT, CONTEXT | 1);
    this.#put(CONTEXT + SID * 32, DIRECTORY | 0b1101);
    this.#put(DIRECTORY, PASIDS | 1);
    const entry = PASIDS + PASID * 64;
    this.#put(entry, SECOND | (3 << 6) | (2 << 2) | 1);
    this.#put(entry + 8, DID);
    this.#put(entry + 16, FIRST);
    for (let level = 0; level < 3; level++) {
      const index = level === 2 ? REGION >>> 21 : 0;
      this.#put(FIRST + 0x1000 * level + 8 * index, (FIRST + 0x1000 * (level + 1)) | TABLE);
    }
    this.remap(REGION, 0xa1000);
    this.#put(SECOND, (SECOND + 0x1000) | SS_RIGHTS);
    this.#put(SECOND + 0x1000, (SECOND + 0x2000) | SS_RIGHTS);
    this.#put(SECOND + 0x2000, (SECOND + 0x3000) | SS_RIGHTS);
    for (let i = 1; i < 8; i++) this.#put(SECOND + 0x2000 + 8 * i, (i << 21) | SS_LARGE | SS_RIGHTS);
    for (let i = 0; i < 512; i++) this.#put(SECOND + 0x3000 + 8 * i, (i << 12) | SS_RIGHTS);
  }

  /** Map a page of the region to a guest physical address, or take it away; nothing is invalidated. */
  remap(iova: number, gpa: number | null): void {
    this.#put(this.#leaf(iova), gpa === null ? 0 : gpa | LEAF);
  }

  /** Point the second-last table of the first stage at another, empty one. */
  moveLeaves(): void {
    this.#put(FIRST + 0x2000 + 8 * (REGION >>> 21), (FIRST + 0x8000) | TABLE);
    this.#put(FIRST + 0x8000, 0xc1000 | LEAF);
  }

  isDirty(iova: number): boolean {
    this.memory.read64(0, this.#leaf(iova));
    return (this.memory.lo & DIRTY) !== 0;
  }

  clearPasidEntry(): void {
    this.#put(PASIDS + PASID * 64, 0);
  }

  clearContextEntry(): void {
    this.#put(CONTEXT + SID * 32, 0);
  }

  /** A page-selective invalidation of the second stage, of some page. */
  dropAnyPage(): void {
    this.caches.iotlbPages(DID, { hi: 0, lo: 0x7000_0000, maskLg2: 0, leafOnly: true });
  }

  /** One request: the host physical address in hexadecimal, or the reason why not. */
  dma(sid: number, pasid: number, iova: number, write = false): string {
    return this.#request(sid, pasid, iova, write, Updates.Make);
  }

  look(sid: number, pasid: number, iova: number): string {
    return this.#request(sid, pasid, iova, false, Updates.Show);
  }

  #request(sid: number, pasid: number, iova: number, write: boolean, updates: Updates): string {
    const t = this.#t;
    Object.assign(t, { sid, pasid, hasPasid: true, iovaHi: 0, iovaLo: iova, write, updates });
    this.remapper.translate(t, null);
    if (t.end === End.Fault) return REASONS[t.reason]!.id;
    return (t.paHi * 2 ** 32 + (t.paLo >>> 0)).toString(16);
  }

  #leaf(iova: number): number {
    return LEAVES + 8 * ((iova >>> 12) & 511);
  }

  #put(at: number, value: number): void {
    this.memory.write64(0, at, 0, value);
  }
}
