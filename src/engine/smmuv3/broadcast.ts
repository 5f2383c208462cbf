/**
 * Broadcast TLB maintenance: what TLBI instructions of a PE drop from the SMMU's caches (IHI 0070 §3.17).
 *
 * CHOICE(PTM): with CR2.PTM they are ignored, as the architecture recommends.
 * CHOICE(broadcast-aset): entries of an address space that is not shared (CD.ASET) go as others do; they need not.
 * Broadcasts are complete when the instruction is: there is no DSB to wait for.
 */
import { HCR_EL2, PE_REGISTERS, TLBI_ASID, TLBI_IPA, TLBI_VA, VTTBR_EL2 } from "../../arch/smmuv3/pe.ts";
import type { Digest } from "../../base/digest.ts";
import type { Capabilities } from "./capabilities.ts";
import { matchedVmidBits } from "./commands/tlb_invalidation.ts";
import { type CacheMaintenance, TlbiOp, TlbiScope } from "./maintenance.ts";
import { type RegisterFile, registerBit } from "./register_file.ts";

/** What an instruction drops: of the EL1&0 regime, and in the EL2&0 regime of a host. */
interface Meaning {
  readonly el1: TlbiScope;
  readonly host: TlbiScope;
  readonly leaf?: true;
}

const MEANINGS: Readonly<Record<string, Meaning>> = {
  VMALLE1IS: { el1: TlbiScope.NH_ALL, host: TlbiScope.EL2_ALL },
  VAE1IS: { el1: TlbiScope.NH_VA, host: TlbiScope.EL2_VA },
  VALE1IS: { el1: TlbiScope.NH_VA, host: TlbiScope.EL2_VA, leaf: true },
  VAAE1IS: { el1: TlbiScope.NH_VAA, host: TlbiScope.EL2_VAA },
  VAALE1IS: { el1: TlbiScope.NH_VAA, host: TlbiScope.EL2_VAA, leaf: true },
  ASIDE1IS: { el1: TlbiScope.NH_ASID, host: TlbiScope.EL2_ASID },
  ALLE1IS: { el1: TlbiScope.NSNH_ALL, host: TlbiScope.NSNH_ALL },
  VMALLS12E1IS: { el1: TlbiScope.S12_VMALL, host: TlbiScope.S12_VMALL },
  IPAS2E1IS: { el1: TlbiScope.S2_IPA, host: TlbiScope.S2_IPA },
  IPAS2LE1IS: { el1: TlbiScope.S2_IPA, host: TlbiScope.S2_IPA, leaf: true },
  VAE2IS: { el1: TlbiScope.EL2_VA, host: TlbiScope.EL2_VA },
  VALE2IS: { el1: TlbiScope.EL2_VA, host: TlbiScope.EL2_VA, leaf: true },
  ALLE2IS: { el1: TlbiScope.EL2_ALL, host: TlbiScope.EL2_ALL },
};

const PTM = registerBit("SMMU_CR2", "PTM");
/** 32-bit words of what a PE keeps: VTTBR_EL2, HCR_EL2. */
const KEPT_WORDS = 4;
const VTTBR = 0;
const HCR = 2;

/** A saved state of {@link Broadcasts}. */
export type BroadcastsImage = Uint32Array;

/** One PE in the SMMU's Inner Shareable domain. */
export class Broadcasts {
  readonly #registers: RegisterFile;
  readonly #caps: Capabilities;
  readonly #caches: CacheMaintenance;
  readonly #kept = new Uint32Array(KEPT_WORDS);
  readonly #operand = new Uint32Array(2);
  readonly #op = new TlbiOp();

  constructor(registers: RegisterFile, caps: Capabilities, caches: CacheMaintenance) {
    this.#registers = registers;
    this.#caps = caps;
    this.#caches = caches;
  }

  /** Half (0 low, 1 high) of what stands at an offset of {@link PE_REGISTERS}; 0 where nothing is kept. */
  read(offset: number, half: 0 | 1): number {
    return this.#kept[(offset >>> 2) + half] ?? 0;
  }

  /** Set the register, or carry out the instruction, at an offset of {@link PE_REGISTERS}. */
  write(offset: number, hi: number, lo: number): void {
    const at = offset >>> 2;
    if (at < KEPT_WORDS) this.#kept.set([lo, hi], at);
    else {
      const name = PE_REGISTERS[offset >>> 3]?.name;
      if (name !== undefined) this.#execute(name, hi, lo);
    }
  }

  snapshot(): BroadcastsImage {
    return this.#kept.slice();
  }

  restore(image: BroadcastsImage): void {
    this.#kept.set(image);
  }

  digest(into: Digest): void {
    into.words(this.#kept, 0, KEPT_WORDS);
  }

  #execute(name: string, hi: number, lo: number): void {
    const { words } = this.#registers;
    if ((words[PTM.at]! & PTM.mask) !== 0) return;
    const { el1, host, leaf = false } = MEANINGS[name]!;
    const op = this.#op;
    op.e2h = HCR_EL2.f.E2H.get(this.#kept, HCR) === 1;
    op.scope = op.e2h && HCR_EL2.f.TGE.get(this.#kept, HCR) === 1 ? host : el1;
    op.leaf = leaf;
    op.vmid = VTTBR_EL2.f.VMID.get(this.#kept, VTTBR);
    op.vmidMask = matchedVmidBits(words);
    if (!this.#caps.s2p) {
      // Such an SMMU takes part as VMID 0, whatever its streams say (§3.17).
      if (op.vmid !== 0) return;
      op.vmidMask = 0;
    }
    const operand = this.#operand;
    operand[0] = lo;
    operand[1] = hi;
    op.asid = TLBI_ASID.f.ASID.get(operand, 0);
    this.#takeAddress(op.scope === TlbiScope.S2_IPA);
    this.#caches.tlbi(op);
  }

  /** Without effect in scopes that do not go by address. */
  #takeAddress(ipa: boolean): void {
    const op = this.#op;
    const operand = this.#operand;
    const field = ipa ? TLBI_IPA.f.IPA : TLBI_VA.f.VA;
    const [hi, lo] = [field.getHi(operand, 0), field.get(operand, 0)];
    op.firstLo = lo << 12;
    op.firstHi = (hi << 12) | (lo >>> 20);
    // Bit 55 stands for those above.
    if (!ipa) op.firstHi = (op.firstHi << 8) >> 8;
    [op.lastHi, op.lastLo] = [op.firstHi, op.firstLo];
    const granule = TLBI_VA.f.TG.get(operand, 0);
    op.granuleLg2 = granule === 0 ? 0 : 10 + 2 * granule;
    op.level = granule === 0 ? 0 : TLBI_VA.f.Level.get(operand, 0);
  }
}
