/**
 * TLB invalidation: CMD_TLBI_* (IHI 0070 §4.4), as a Non-secure queue has it. Secure and EL3 forms are ILLEGAL there.
 *
 * These are the commands that come in numbers: fields are read with shifts that come from the layouts.
 */
import { commandByName } from "../../../arch/smmuv3/commands.ts";
import { SMMU_CR0 } from "../../../arch/smmuv3/control_registers.ts";
import { locate, type Words } from "../../../base/layout.ts";
import type { Capabilities } from "../capabilities.ts";
import { type CacheMaintenance, TlbiOp, TlbiScope } from "../maintenance.ts";
import { registerBit, registerIndex } from "../register_file.ts";
import { Cerror, type CommandTargets } from "./command.ts";

const BY_VA = commandByName("CMD_TLBI_NH_VA")!.layout;
const VMID = locate(BY_VA, "VMID");
const ASID = locate(BY_VA, "ASID");
const NUM = locate(BY_VA, "NUM");
const SCALE = locate(BY_VA, "SCALE");
const LEAF_BIT = 1 << locate(BY_VA, "Leaf").shift;
const TG = locate(BY_VA, "TG");
const TTL = locate(BY_VA, "TTL");
const TTL128_BIT = 1 << locate(BY_VA, "TTL128").shift;
/** The words with the range (NUM, SCALE), the tags (VMID, ASID), and the address with its hints. */
const RANGE_WORD = NUM.word;
const TAG_WORD = VMID.word;
const ADDRESS_WORD = TG.word;
const VMID_SHIFT = VMID.shift;
const ASID_SHIFT = ASID.shift;
const TAG_MASK = VMID.mask;
const TG_MASK = TG.mask << TG.shift;
/** Address bits in the low and the high word: [63:12] of a VA, [55:12] of an IPA. */
const ADDRESS_LO = ~0xfff;
const IPA_HI = 0x00ffffff;

const CR0 = registerIndex("SMMU_CR0");
const VMW = locate(SMMU_CR0, "VMW");
const VMW_SHIFT = VMW.shift;
const VMW_MASK = VMW.mask;
const E2H = registerBit("SMMU_CR2", "E2H");
const E2H_AT = E2H.at;
const E2H_MASK = E2H.mask;

const VMID_BITS = 0xffff;
/** Bits of the VMID that count, by CR0.VMW; codes above 4 are reserved and behave as 0 (§6.3.9). */
const VMID_MASKS = [0, 1, 2, 3, 4, 0, 0, 0].map((ignored) => VMID_BITS & (-1 << ignored));
/** Bits of a VMID that invalidations go by, as CR0.VMW has it. */
export const matchedVmidBits = (registers: Uint32Array): number =>
  VMID_MASKS[(registers[CR0]! >>> VMW_SHIFT) & VMW_MASK]!;

/** SCALE with 52-bit addresses, at most (§4.4.1.1). */
const MAX_SCALE = 39;
const PAGES_PER_HIGH = 2 ** 20;
const LAST_PAGE = 2 ** 52 - 1;

/** Commands that name an address, by opcode; {@link TlbInvalidations.byAddress} carries them out. */
export type ScopesByOpcode = readonly (readonly [command: string, scope: TlbiScope])[];

/** The commands without an address that are offered, and those with one. */
export function offeredInvalidations(caps: Capabilities): { whole: ScopesByOpcode; byAddress: ScopesByOpcode } {
  const whole: [string, TlbiScope][] = [["CMD_TLBI_NSNH_ALL", TlbiScope.NSNH_ALL]];
  const byAddress: [string, TlbiScope][] = [];
  if (caps.s1p) {
    whole.push(["CMD_TLBI_NH_ALL", TlbiScope.NH_ALL], ["CMD_TLBI_NH_ASID", TlbiScope.NH_ASID]);
    byAddress.push(["CMD_TLBI_NH_VA", TlbiScope.NH_VA], ["CMD_TLBI_NH_VAA", TlbiScope.NH_VAA]);
  }
  if (caps.s1p && caps.hyp) {
    whole.push(["CMD_TLBI_EL2_ALL", TlbiScope.EL2_ALL], ["CMD_TLBI_EL2_ASID", TlbiScope.EL2_ASID]);
    byAddress.push(["CMD_TLBI_EL2_VA", TlbiScope.EL2_VA], ["CMD_TLBI_EL2_VAA", TlbiScope.EL2_VAA]);
  }
  if (caps.s2p) {
    whole.push(["CMD_TLBI_S12_VMALL", TlbiScope.S12_VMALL]);
    byAddress.push(["CMD_TLBI_S2_IPA", TlbiScope.S2_IPA]);
  }
  return { whole, byAddress };
}

export class TlbInvalidations {
  readonly #op = new TlbiOp();
  readonly #caches: CacheMaintenance;
  readonly #registers: Uint32Array;
  /** IDR3.RIL, IDR5.DS, IDR5.D128. */
  readonly #ranges: boolean;
  readonly #wide: boolean;
  readonly #descriptors128: boolean;
  /** VMIDs are not matched without stage 2 (§4.4.2). */
  readonly #matched: number;
  /**
   * Carry out the CMD_TLBI_NH_VA that stand one after the other in memory and name single addresses, as far as that is
   * quickly done: up to `count`, the first at `words[first]`. Good while {@link matchesVmid}.
   * @returns how many were carried out; others are for {@link byAddress}
   */
  readonly vaRun: (words: Int32Array, first: number, count: number) => number;

  constructor({ registers, caps, caches }: CommandTargets) {
    this.#caches = caches;
    this.#registers = registers.words;
    this.#ranges = registers.field("SMMU_IDR3", "RIL") === 1;
    this.#wide = registers.field("SMMU_IDR5", "DS") === 1;
    this.#descriptors128 = registers.field("SMMU_IDR5", "D128") === 1;
    this.#matched = caps.s2p ? VMID_BITS : 0;
    this.vaRun = caps.s1p ? vaRun(caches.tlbiVa, this.#ranges) : () => 0;
  }

  /** Commands that go by VMID go by every bit of it, now that the controls were looked at. */
  get matchesVmid(): boolean {
    return this.#op.vmidMask === VMID_BITS;
  }

  /** Look at the registers that bend what commands mean. Once is enough for commands between which none changes. */
  takeControls(): void {
    const op = this.#op;
    const registers = this.#registers;
    op.vmidMask = matchedVmidBits(registers) & this.#matched;
    op.e2h = (registers[E2H_AT]! & E2H_MASK) !== 0;
  }

  /** Carry out a command that names an address, and perhaps a range from there. */
  byAddress(words: Words, at: number, scope: TlbiScope): Cerror {
    const op = this.#op;
    const tags = words[at + TAG_WORD]!;
    const hints = words[at + ADDRESS_WORD]!;
    const high = words[at + ADDRESS_WORD + 1]!;
    const hi = scope === TlbiScope.S2_IPA ? high & IPA_HI : high | 0;
    const lo = hints & ADDRESS_LO;
    op.scope = scope;
    op.vmid = (tags >>> VMID_SHIFT) & TAG_MASK;
    op.asid = (tags >>> ASID_SHIFT) & TAG_MASK;
    op.firstHi = hi;
    op.firstLo = lo;
    op.leaf = (hints & LEAF_BIT) !== 0;
    if (this.#ranges && (hints & TG_MASK) !== 0) {
      if (!this.#takeRange(words[at + RANGE_WORD]!, hints)) return Cerror.ILL;
    } else {
      op.lastHi = hi;
      op.lastLo = lo;
      op.granuleLg2 = 0;
      op.level = 0;
    }
    this.#caches.tlbi(op);
    return Cerror.NONE;
  }

  /** Carry out a command that names no address. */
  whole(words: Words, at: number, scope: TlbiScope): Cerror {
    const op = this.#op;
    const tags = words[at + TAG_WORD]!;
    op.scope = scope;
    op.vmid = (tags >>> VMID_SHIFT) & TAG_MASK;
    op.asid = (tags >>> ASID_SHIFT) & TAG_MASK;
    op.firstHi = 0;
    op.firstLo = 0;
    op.lastHi = -1;
    op.lastLo = -1;
    op.leaf = false;
    op.granuleLg2 = 0;
    op.level = 0;
    this.#caches.tlbi(op);
    return Cerror.NONE;
  }

  /**
   * CHOICE(unaligned-range): a range whose address is not aligned as its level asks begins at the address as given;
   * the architecture leaves open which addresses are meant (§4.4.1.1).
   * @returns false for the combination of operands that is reserved
   */
  #takeRange(range: number, hints: number): boolean {
    const op = this.#op;
    const wide = this.#wide;
    const granuleLg2 = 10 + 2 * ((hints >>> TG.shift) & TG.mask);
    let level = (hints >>> TTL.shift) & TTL.mask;
    if (level === 1 && granuleLg2 === 14 && !wide) level = 0;
    const scale = (range >>> SCALE.shift) & (wide ? SCALE.mask : SCALE.mask >>> 1);
    const num = (range >>> NUM.shift) & NUM.mask;
    if (num === 0 && scale === 0 && level === 0) return false;
    const pages = (num + 1) * 2 ** (Math.min(scale, MAX_SCALE) + granuleLg2 - 12);
    const first = (op.firstHi >>> 0) * PAGES_PER_HIGH + (op.firstLo >>> 12);
    // The top of the address space is the end: ranges do not wrap.
    const last = Math.min(first + pages - 1, LAST_PAGE);
    op.lastHi = Math.floor(last / PAGES_PER_HIGH) | 0;
    op.lastLo = ((last % PAGES_PER_HIGH) << 12) | 0xfff;
    op.granuleLg2 = granuleLg2;
    // A hint for 128-bit descriptors says nothing about the tables here; the command then drops every level.
    op.level = this.#descriptors128 && (hints & TTL128_BIT) !== 0 ? 0 : level;
    return true;
  }
}

/** The function behind {@link TlbInvalidations.vaRun}; what it goes by are locals, which engines know the values of. */
function vaRun(tlbiVa: CacheMaintenance["tlbiVa"], ranges: boolean): TlbInvalidations["vaRun"] {
  const { opcode } = commandByName("CMD_TLBI_NH_VA")!;
  const tagWord = TAG_WORD;
  const addressWord = ADDRESS_WORD;
  const vmidShift = VMID_SHIFT;
  const asidShift = ASID_SHIFT;
  const tagMask = TAG_MASK;
  const addressLo = ADDRESS_LO;
  const range = ranges ? TG_MASK : 0;
  return (words, first, count) => {
    for (let done = 0; done < count; done++) {
      const at = first + 4 * done;
      const hints = words[at + addressWord]!;
      if ((words[at]! & 0xff) !== opcode || (hints & range) !== 0) return done;
      const tags = words[at + tagWord]!;
      const asid = (tags >>> asidShift) & tagMask;
      const vmid = (tags >>> vmidShift) & tagMask;
      if (!tlbiVa(asid, vmid, words[at + addressWord + 1]!, hints & addressLo)) return done;
    }
    return count;
  };
}
