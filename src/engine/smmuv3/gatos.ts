/**
 * Address translation operations: a lookup that software asks for by register (IHI 0070 §9.1, §6.3.37 to §6.3.40),
 * globally (GATOS) or for one virtual machine (VATOS).
 *
 * A lookup goes through the same configuration and tables as a transaction, records no event and never stalls.
 */
import {
  SMMU_GATOS_ADDR,
  SMMU_GATOS_PAR,
  SMMU_GATOS_PAR_FAULT,
  SMMU_GATOS_SID,
} from "../../arch/smmuv3/atos_registers.ts";
import { R } from "../../arch/smmuv3/reasons.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import { mairOf, outputAttributes, shareabilityOf } from "./attributes.ts";
import type { Capabilities } from "./capabilities.ts";
import { ResolvedStream } from "./config_resolver.ts";
import { Event } from "./event_record.ts";
import { type RegisterFile, registerIndex } from "./register_file.ts";
import type { Smmuv3 } from "./smmu.ts";
import { beyond, translatesStage1, translatesStage2, usesStrw } from "./ste_rules.ts";
import { EventClass, Translation, Updates } from "./translation.ts";

/** Codes of ATOS_PAR.FAULTCODE besides event numbers (§9.1.5). */
const Fault = { INV_REQ: 0xff, INV_STAGE: 0xfe, INTERNAL_ERR: 0xfd } as const;

/** ATOS_ADDR.TYPE as a set of stages. */
const STAGE_1 = 1;
const STAGE_2 = 2;

/** ATOS_PAR.REASON (§6.3.40): stage 2 by what it was walked for, in the order of {@link EventClass}. */
const REASON_STAGE_1 = 0;
const REASON_STAGE_2: readonly number[] = [1, 2, 3];

/** One group of lookup registers. */
interface Group {
  readonly ctrl: number;
  readonly sid: number;
  readonly addr: number;
  readonly par: number;
  /** Only stage 1 may be asked for, of streams with the VMID of VATOS_SEL. */
  readonly virtual: boolean;
}

const group = (name: string, virtual: boolean): Group => ({
  ctrl: registerIndex(`SMMU_${name}_CTRL`),
  sid: registerIndex(`SMMU_${name}_SID`),
  addr: registerIndex(`SMMU_${name}_ADDR`),
  par: registerIndex(`SMMU_${name}_PAR`),
  virtual,
});

const GROUPS = { GATOS: group("GATOS", false), VATOS: group("VATOS", true) } as const;
const VATOS_SEL = registerIndex("SMMU_VATOS_SEL");

/** A Translation-related fault (§3.12). */
const isTranslationFault = (event: number): boolean =>
  event === Event.F_TRANSLATION ||
  event === Event.F_ADDR_SIZE ||
  event === Event.F_ACCESS ||
  event === Event.F_PERMISSION;

const sid = SMMU_GATOS_SID.f;
const addr = SMMU_GATOS_ADDR.f;
const par = SMMU_GATOS_PAR.f;
const fault = SMMU_GATOS_PAR_FAULT.f;

export class AddressLookups {
  readonly #smmu: Smmuv3;
  readonly #registers: RegisterFile;
  /** The SMMU's, without overrides by STEs: the tables alone say the attributes of a result (§9.1.4). */
  readonly #caps: Capabilities;
  readonly #config = new ResolvedStream();
  readonly #t = new Translation();

  constructor(smmu: Smmuv3) {
    this.#smmu = smmu;
    this.#registers = smmu.registers;
    this.#caps = { ...smmu.caps, attrTypesOvr: false };
  }

  /** Do the lookup that a group's registers describe: PAR holds the result and RUN is 0 when this returns. */
  run(name: keyof typeof GROUPS): void {
    const g = GROUPS[name];
    const { words } = this.#registers;
    const t = this.#t;
    t.sid = sid.STREAMID.get(words, g.sid);
    t.ssv = sid.SSID_VALID.get(words, g.sid) !== 0;
    t.ssid = t.ssv ? sid.SUBSTREAMID.get(words, g.sid) : 0;
    t.iovaHi = addr.ADDR.addressHi(words, g.addr) | 0;
    t.iovaLo = addr.ADDR.addressLo(words, g.addr) | 0;
    t.updates = addr.HTTUI.get(words, g.addr) !== 0 ? Updates.Inhibit : Updates.Make;
    this.#takeAttributes(g);
    t.begin();
    const type = addr.TYPE.get(words, g.addr);
    words.fill(0, g.par, g.par + 2);
    words[g.ctrl] = 0;
    const code = this.#lookUp(type, g);
    if (code !== 0) this.#writeFault(g, code, REASON_STAGE_1, 0, 0);
  }

  /** The request's own attributes: PRIVCFG and INSTCFG do not change them (§9.1.3). A write is data. */
  #takeAttributes(g: Group): void {
    const { words } = this.#registers;
    const t = this.#t;
    t.write = addr.RnW.get(words, g.addr) === 0;
    t.privileged = addr.PnU.get(words, g.addr) !== 0;
    t.instruction = addr.InD.get(words, g.addr) !== 0 && !t.write;
    t.setWant();
  }

  /** @returns a fault code of the request as a whole, or 0 where PAR is written */
  #lookUp(type: number, g: Group): number {
    const { caps, resolver } = this.#smmu;
    const t = this.#t;
    const config = this.#config;
    const allowed = g.virtual ? type === STAGE_1 : type !== 0;
    const exists = ((type & STAGE_1) === 0 || caps.s1p) && ((type & STAGE_2) === 0 || caps.s2p);
    if (!allowed || !exists || (type === STAGE_2 && t.ssv)) return Fault.INV_REQ;
    if (!resolver.resolveSte(t, null, config)) {
      if (t.reason === R.STE_ABORT) return g.virtual ? Event.C_BAD_STE : Fault.INV_STAGE;
      // C_BAD_STREAMID is reported here whether or not CR2.RECINVSID has it recorded.
      if (t.event === 0) return isBadStream(t.reason) ? Event.C_BAD_STREAMID : Fault.INTERNAL_ERR;
      return t.event;
    }
    const code = STE.f.Config.get(config.ste, 0);
    if (g.virtual && !this.#isVirtualMachines(code)) return Event.C_BAD_STE;
    const stages = (translatesStage1(code) ? STAGE_1 : 0) | (translatesStage2(code) ? STAGE_2 : 0);
    if ((stages & type) !== type) return Fault.INV_STAGE;
    this.#takeAttributes(g);
    const passed = type === STAGE_2 ? this.#stage2(t.iovaHi, t.iovaLo) : this.#stage1(type);
    if (!passed) this.#writeFailure(g, type);
    else {
      if (t.pending.count > 0) this.#smmu.stage2.finishUpdates(t, null);
      config.stage1 &&= (type & STAGE_1) !== 0;
      config.stage2 &&= (type & STAGE_2) !== 0;
      this.#writeResult(g);
    }
    return 0;
  }

  /** The stream's translations are tagged with the VMID that VATOS_SEL names (§9.1.6). */
  #isVirtualMachines(code: number): boolean {
    const { caps } = this.#smmu;
    const { ste } = this.#config;
    const tagged = caps.s2p && code !== 4 && !(usesStrw(code, caps) && STE.f.STRW.get(ste, 0) !== 0);
    return tagged && STE.f.S2VMID.get(ste, 0) === this.#registers.words[VATOS_SEL];
  }

  /** Stage 1, and stage 2 after it where `type` asks for both. The answer is in paHi and paLo. */
  #stage1(type: number): boolean {
    const { caps, resolver, stage1 } = this.#smmu;
    const t = this.#t;
    const config = this.#config;
    if (!resolver.resolveContext(t, null, config)) return false;
    let hi = t.iovaHi;
    let lo = t.iovaLo;
    if (config.stage1) {
      if (!stage1.translate(t, config, null)) return false;
      hi = stage1.outHi;
      lo = stage1.outLo;
    } else if (beyond(hi, config.stage2 ? caps.ias : caps.oas)) {
      t.stage = 1;
      return t.fault(Event.F_ADDR_SIZE, config.stage2 ? R.IPA_BEYOND_IAS : R.BYPASS_BEYOND_OAS);
    }
    if ((type & STAGE_2) !== 0) return this.#stage2(hi, lo);
    t.paHi = hi;
    t.paLo = lo;
    return true;
  }

  #stage2(ipaHi: number, ipaLo: number): boolean {
    const { caps, stage2 } = this.#smmu;
    const t = this.#t;
    if (beyond(ipaHi, caps.ias)) {
      t.stage = 1;
      return t.fault(Event.F_ADDR_SIZE, R.IPA_BEYOND_IAS);
    }
    if (!stage2.translate(t, this.#config, null, ipaHi, ipaLo, EventClass.IN)) return false;
    t.paHi = stage2.paHi;
    t.paLo = stage2.paLo;
    return true;
  }

  /** The lowest bit set in ADDR tells a size above 4 KiB (§6.3.40). */
  #writeResult(g: Group): void {
    const { words } = this.#registers;
    const t = this.#t;
    const { granules } = this.#smmu.caps;
    const leafLg2 = Math.min(t.sizeLg2Stage1, t.sizeLg2Stage2);
    // CHOICE(atos-bypass-size): an address that no stage changed is answered for the smallest granule (§9.1.3).
    const sizeLg2 = leafLg2 === 64 ? Math.min(16, ...granules) : leafLg2;
    const hi = sizeLg2 <= 32 ? t.paHi : t.paHi & (-1 << (sizeLg2 - 32));
    const lo = sizeLg2 >= 32 ? 0 : t.paLo & (-1 << sizeLg2);
    const mark = sizeLg2 - 1;
    const large = sizeLg2 > 12;
    const markedLo = large && mark < 32 ? lo | (1 << mark) : lo;
    const markedHi = large && mark >= 32 ? hi | (1 << (mark - 32)) : hi;
    const attributes = outputAttributes(t, this.#config, this.#registers, this.#caps, null);
    par.ATTR.set(words, g.par, mairOf(attributes));
    par.SH.set(words, g.par, shareabilityOf(attributes));
    par.Size.set(words, g.par, large ? 1 : 0);
    par.ADDR.set(words, g.par, ((markedLo >>> 12) | (markedHi << 20)) >>> 0, markedHi >>> 12);
  }

  /** A fault on the way, as the table of §9.1.4 has it. */
  #writeFailure(g: Group, type: number): void {
    const t = this.#t;
    if (t.event === 0) {
      this.#writeFault(g, Fault.INTERNAL_ERR, REASON_STAGE_1, 0, 0);
      return;
    }
    if (t.stage !== 2) {
      this.#writeFault(g, t.event, REASON_STAGE_1, 0, 0);
      return;
    }
    if (type === STAGE_1) {
      // Stage 2 is none of the asker's business: what failed beneath stage 1 looks like an abort.
      const code = t.class === EventClass.CD ? Event.F_CD_FETCH : Event.F_WALK_EABT;
      this.#writeFault(g, code, REASON_STAGE_1, 0, 0);
      return;
    }
    const withAddress = type !== STAGE_2 && isTranslationFault(t.event);
    this.#writeFault(g, t.event, REASON_STAGE_2[t.class]!, withAddress ? t.ipaHi : 0, withAddress ? t.ipaLo : 0);
  }

  #writeFault(g: Group, code: number, reason: number, ipaHi: number, ipaLo: number): void {
    const { words } = this.#registers;
    words.fill(0, g.par, g.par + 2);
    fault.FAULT.set(words, g.par, 1);
    fault.REASON.set(words, g.par, reason);
    fault.FAULTCODE.set(words, g.par, code);
    fault.FADDR.set(words, g.par, ((ipaLo >>> 12) | (ipaHi << 20)) >>> 0, ipaHi >>> 12);
  }
}

const isBadStream = (reason: number): boolean =>
  reason === R.SID_RANGE || reason === R.L1STD_SPAN || reason === R.L1STD_BEYOND;
