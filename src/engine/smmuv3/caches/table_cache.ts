/**
 * A walk cache: where the last-level table of an input address or of an IPA stands, so that a walk begins there
 * (IHI 0070 §3.21.1, §16.2; DDI 0487 §D8.16 for what an invalidation reaches).
 *
 * CHOICE(walk-cache): only pointers to last-level tables are kept. One of a stream with both stages holds the PA of the
 * table, too: it is then a structure of both stages combined, which an invalidation by IPA need not reach (§4.4.3.1).
 */
import { type CacheGeometry, HOT_WORDS, TaggedCache } from "../../common/tagged_cache.ts";
import { meetsBlock, type TlbiOp, TlbiScope } from "../maintenance.ts";
import { StreamWorld } from "../stream_config.ts";
import {
  ADDRESS_BITS,
  addressBits,
  addressHash,
  EntryKind,
  key0Of,
  kindOfKey,
  SIZE_BITS,
  SIZE_SHIFT,
  worldOfKey,
} from "./tags.ts";

// Hot words of an entry beyond its key.
/** Table address as a walk reads it, bits [31:12]; and whether the words of its PA count, in bit 0. */
export const W_PA_LO = 3;
/** PA bits [51:32] in 19:0, and what the tables above impose in bits 31:27 (`PageTableFormat.inheritHi`). */
export const W_PA_HI = 4;
/** Address of the table in the address space of its own stage: an IPA where stage 2 lies beneath. */
export const W_AT_LO = 5;
export const W_AT_HI = 6;
/** Index of the table's first word in memory's arena, or 0: of a table that the shortest walk may use. */
export const W_WORDS = 7;

/** Cold words: the StreamID that filled the entry, and its SubstreamID or -1. */
export const TableCold = { Sid: 0, Ssid: 1 } as const;
export const TABLE_COLD_WORDS = 2;

/** log2 of what one last-level table spans, by granule: its code stands where translations have their size. */
const GRANULES = [12, 14, 16] as const;
const spanOfGranule = (granuleLg2: number): number => 2 * granuleLg2 - 3;
const codeOf = (granuleLg2: number): number => ((granuleLg2 - 12) >> 1) << SIZE_SHIFT;

const BY_ADDRESS: ReadonlySet<TlbiScope> = new Set([
  TlbiScope.NH_VA,
  TlbiScope.NH_VAA,
  TlbiScope.EL2_VA,
  TlbiScope.EL2_VAA,
  TlbiScope.S2_IPA,
]);

export class TableCache {
  readonly table: TaggedCache;

  constructor(geometry: CacheGeometry) {
    this.table = new TaggedCache(geometry, TABLE_COLD_WORDS);
  }

  /**
   * Find the last-level table for an address, its high half tagged as for a TLB.
   * @param key1 key word 1 without the address, `ids` and `hash` as `tags.ts` makes them
   * @returns the number of the entry, or -1
   */
  find(key1: number, ids: number, hash: number, granuleLg2: number, hi: number, lo: number): number {
    const span = spanOfGranule(granuleLg2);
    const own = addressBits(lo, span) | codeOf(granuleLg2) | key1;
    return this.table.find(addressHash(hi, lo, span) ^ hash, key0Of(hi, span), own, ids);
  }

  /** Take an entry for a table. The caller writes its other words. @returns the number of the entry */
  fill(key1: number, ids: number, hash: number, granuleLg2: number, hi: number, lo: number): number {
    const span = spanOfGranule(granuleLg2);
    const own = addressBits(lo, span) | codeOf(granuleLg2) | key1;
    return this.table.fill(addressHash(hi, lo, span) ^ hash, key0Of(hi, span), own, ids);
  }

  /** Drop what an invalidation names. */
  tlbi(op: TlbiOp): void {
    // The commonest ones reach no table: see #meets.
    if (this.table.isEmpty || (op.leaf && BY_ADDRESS.has(op.scope))) return;
    this.table.dropWhere((entry) => this.names(op, entry));
  }

  /** Whether an invalidation has to reach an entry. */
  names(op: TlbiOp, entry: number): boolean {
    const hot = this.table.hot;
    const at = entry * HOT_WORDS;
    const key1 = hot[at + 1]!;
    const world = worldOfKey(key1);
    const el1 = world === StreamWorld.EL1;
    const byVa = kindOfKey(key1) !== EntryKind.Stage2;
    const sameVmid = (((hot[at + 2]! >>> 16) ^ op.vmid) & op.vmidMask) === 0;
    // Entries above the last level belong to an ASID, whether what they lead to is global or not.
    const sameAsid = (hot[at + 2]! & 0xffff) === op.asid;
    switch (op.scope) {
      case TlbiScope.NH_ALL:
        return el1 && byVa && sameVmid;
      case TlbiScope.NH_ASID:
        return el1 && byVa && sameVmid && sameAsid;
      case TlbiScope.NH_VA:
        return el1 && byVa && sameVmid && sameAsid && this.#meets(op, entry);
      case TlbiScope.NH_VAA:
        return el1 && byVa && sameVmid && this.#meets(op, entry);
      case TlbiScope.EL2_ALL:
        return !el1;
      case TlbiScope.EL2_ASID:
        return world === StreamWorld.EL2_E2H && sameAsid;
      case TlbiScope.EL2_VA:
        if (world !== (op.e2h ? StreamWorld.EL2_E2H : StreamWorld.EL2)) return false;
        return (!op.e2h || sameAsid) && this.#meets(op, entry);
      case TlbiScope.EL2_VAA:
        return world === (op.e2h ? StreamWorld.EL2_E2H : StreamWorld.EL2) && this.#meets(op, entry);
      case TlbiScope.S12_VMALL:
        return el1 && sameVmid;
      case TlbiScope.S2_IPA:
        return el1 && !byVa && sameVmid && this.#meets(op, entry);
      case TlbiScope.NSNH_ALL:
        return el1;
    }
  }

  /** log2 of the granule of an entry's table. */
  granuleLg2(entry: number): number {
    return GRANULES[(this.table.hot[entry * HOT_WORDS + 1]! & SIZE_BITS) >>> SIZE_SHIFT]!;
  }

  /** First input address that an entry's table spans, signed halves. */
  addressHi(entry: number): number {
    return this.table.hot[entry * HOT_WORDS]!;
  }
  addressLo(entry: number): number {
    return (this.table.hot[entry * HOT_WORDS + 1]! & ADDRESS_BITS) << 12;
  }

  /** By address; an invalidation of leaf entries only reaches no table. */
  #meets(op: TlbiOp, entry: number): boolean {
    if (op.leaf) return false;
    const granule = this.granuleLg2(entry);
    if (op.granuleLg2 !== 0 && op.granuleLg2 !== granule) return false;
    // A level hint names the levels above the leaf's: those down to 2 only where the leaf is of level 3 (§4.4.1.1).
    if (op.level !== 0 && op.level !== 3) return false;
    return meetsBlock(op, this.addressHi(entry), this.addressLo(entry), spanOfGranule(granule));
  }
}
