/**
 * What commands ask of the rest of an SMMUv3: caches to drop entries from, devices to talk to, translations to fetch
 * ahead. The Command queue knows these interfaces only (IHI 0070 §4.2 to §4.6).
 *
 * Operands arrive checked: commands that the SMMU does not offer, or whose operands are ILLEGAL, never get here.
 */

/** Which entries a TLB invalidation names; Secure, Realm and EL3 scopes never reach a Non-secure queue's caches. */
export const TlbiScope = {
  /** Stage 1 (and combined) entries of NS-EL1, by VMID: global ones too. */
  NH_ALL: 0,
  /** Stage 1 NS-EL1 entries by VMID and ASID: not the global ones. */
  NH_ASID: 1,
  /** Stage 1 NS-EL1 entries by VMID, ASID and address: global ones of any ASID too. */
  NH_VA: 2,
  /** Stage 1 NS-EL1 entries by VMID and address, any ASID, global or not. */
  NH_VAA: 3,
  /** Every EL2 and EL2-E2H entry, whatever {@link TlbiOp.e2h} says. */
  EL2_ALL: 4,
  /** Non-global EL2-E2H entries by ASID. */
  EL2_ASID: 5,
  /** EL2-E2H entries by ASID (or global) and address where `e2h`, else EL2 entries by address. */
  EL2_VA: 6,
  /** EL2-E2H or EL2 entries, as `e2h` says, by address. */
  EL2_VAA: 7,
  /** Entries of every stage that are not of EL2, by VMID. */
  S12_VMALL: 8,
  /** Stage 2 entries by VMID and IPA; combined entries of both stages need not go. */
  S2_IPA: 9,
  /** Every entry of every stage that is not of EL2 or EL2-E2H. */
  NSNH_ALL: 10,
} as const;
export type TlbiScope = (typeof TlbiScope)[keyof typeof TlbiScope];

/**
 * One TLB invalidation, IHI 0070 §4.4. One object is used again for every command: copy what must outlive the call.
 * Halves of addresses are signed 32-bit patterns.
 */
export class TlbiOp {
  scope: TlbiScope = TlbiScope.NSNH_ALL;
  /** VMID, and the bits of it that count: CR0.VMW clears low bits of the mask (§3.17.6). */
  vmid = 0;
  vmidMask = 0xffff;
  /** VMID and ASID mean something only in scopes that go by them. */
  asid = 0;
  /** CR2.E2H at the time of the command; tells EL2_VA and EL2_VAA which entries are meant. */
  e2h = false;
  /** First and last address named, both included, in scopes by address: equal for a single address. */
  firstHi = 0;
  firstLo = 0;
  lastHi = 0;
  lastLo = 0;
  /** Only leaf entries must go; otherwise table entries on the way to them too. */
  leaf = false;
  /** log2 of the granule whose entries must go (12, 14, 16); 0 for any. */
  granuleLg2 = 0;
  /** Architectural level (1 to 3) of the leaf entries that must go; 0 for any. Never set while granuleLg2 is 0. */
  level = 0;
}

/**
 * Whether the addresses an invalidation names meet the block of 2^sizeLg2 bytes (sizeLg2 from 0 to 64) that holds an
 * address: low bits of the address are ignored as the size of the entry asks (§4.4).
 */
export function meetsBlock(op: TlbiOp, hi: number, lo: number, sizeLg2: number): boolean {
  const maskHi = sizeLg2 >= 64 ? 0 : sizeLg2 > 32 ? -1 << (sizeLg2 - 32) : -1;
  const maskLo = sizeLg2 >= 32 ? 0 : -1 << sizeLg2;
  const startHi = (hi & maskHi) >>> 0;
  const startLo = (lo & maskLo) >>> 0;
  const endHi = (hi | ~maskHi) >>> 0;
  const endLo = (lo | ~maskLo) >>> 0;
  const firstHi = op.firstHi >>> 0;
  const lastHi = op.lastHi >>> 0;
  const startsInTime = startHi < lastHi || (startHi === lastHi && startLo <= op.lastLo >>> 0);
  return startsInTime && (endHi > firstHi || (endHi === firstHi && endLo >= op.firstLo >>> 0));
}

/** Configuration caches and TLBs, as commands see them. */
export interface CacheMaintenance {
  /** Drop the STE of a stream, its CDs and L1CDs and its VMS; without `leaf` the L1STDs on the way too (§4.3.1). */
  cfgiSte(sid: number, leaf: boolean): void;
  /** The same for the aligned run of 2^(range + 1) StreamIDs that holds `sid`, L1STDs included; range 0 to 30 (§4.3.2). */
  cfgiSteRange(sid: number, range: number): void;
  /** Drop the CD at index `ssid` of a stream; without `leaf` the L1CD on the way too (§4.3.3). */
  cfgiCd(sid: number, ssid: number, leaf: boolean): void;
  /** Drop every CD and L1CD of a stream (§4.3.4). */
  cfgiCdAll(sid: number): void;
  /** Drop every cached configuration structure, VMSs included (§4.3.6). */
  cfgiAll(): void;
  /** Drop the PARTID map of a VMID; `mask` as {@link TlbiOp.vmidMask} (§4.3.5). */
  vmsPidm(vmid: number, mask: number): void;
  /** Drop translations (§4.4). `op` is only good during the call. */
  tlbi(op: TlbiOp): void;
  /**
   * The same as {@link tlbi} for the commonest operation: NH_VA of one address, without hints, every bit of the VMID
   * counting. @returns false, with nothing done, where {@link tlbi} has to
   */
  readonly tlbiVa: (asid: number, vmid: number, hi: number, lo: number) => boolean;
  /** Drop every cached Device Permission Table entry (§4.6). */
  dptiAll(): void;
}

/** Answer to a group of page requests, as CMD_PRI_RESP.Resp has it (§4.5.2). */
export const PriResponse = { Failure: 0, Invalid: 1, Success: 2 } as const;
export type PriResponse = (typeof PriResponse)[keyof typeof PriResponse];

/** The SMMU's ATS port: messages to devices. */
export interface DeviceLink {
  /**
   * Send an Invalidation Request for 2^sizeLg2 bytes (sizeLg2 from 12 to 64; the address is aligned to it) to a stream,
   * with a PASID where `ssv` (§4.5.1).
   */
  invalidate(sid: number, ssv: boolean, ssid: number, global: boolean, hi: number, lo: number, sizeLg2: number): void;
  /**
   * Wait for every Invalidation Request so far: what CMD_SYNC does (§4.7.3).
   * @returns false when one of them timed out, so that the CMD_SYNC fails with CERROR_ATC_INV_SYNC; the request that
   * timed out counts as over, and a later call does not report it again (§3.9.1.4)
   */
  complete(): boolean;
  /** Send a PRG Response to a stream, with a PASID where `ssv` (§4.5.2). */
  respond(sid: number, ssv: boolean, ssid: number, prgIndex: number, response: PriResponse): void;
}

/** Fetching ahead of use, IHI 0070 §4.2: faults on the way are silent. */
export interface Prefetch {
  config(sid: number, ssv: boolean, ssid: number): void;
  /** 2^countLg2 translations, 2^stepLg2 bytes apart; an implementation may stop early. */
  addresses(sid: number, ssv: boolean, ssid: number, hi: number, lo: number, countLg2: number, stepLg2: number): void;
}

/** Of an SMMU that caches nothing: there is nothing to drop. */
export const NO_CACHES: CacheMaintenance = {
  cfgiSte: () => {},
  cfgiSteRange: () => {},
  cfgiCd: () => {},
  cfgiCdAll: () => {},
  cfgiAll: () => {},
  vmsPidm: () => {},
  tlbi: () => {},
  tlbiVa: () => true,
  dptiAll: () => {},
};

/** Of an SMMU with no ATS device behind it: commands to devices are ignored, as a system without ATS does (§4.5). */
export const NO_DEVICES: DeviceLink = {
  invalidate: () => {},
  complete: () => true,
  respond: () => {},
};

// CHOICE(prefetch): an SMMU need not prefetch anything; without caches it does not.
export const NO_PREFETCH: Prefetch = {
  config: () => {},
  addresses: () => {},
};
