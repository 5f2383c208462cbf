/**
 * From a StreamID and SubstreamID to a configuration: STE and CD fetched, checked, and turned into numbers
 * (IHI 0070 §3.3.2, §3.3.3, §5.2, §5.4). The checks come in the architecture's order.
 */
import { CD } from "../../arch/smmuv3/cd.ts";
import { R } from "../../arch/smmuv3/reasons.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import { type GranuleLg2, vmsav8Format } from "../../pagetable/formats/vmsav8.ts";
import { TracePhase, TraceVerdict } from "../../protocol/trace.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import type { PhysicalMemory } from "../memory/physical_memory.ts";
import type { Capabilities } from "./capabilities.ts";
import { effectiveDs, granuleOf, hasTwoHalves, stage1OutputBits, walksDisabled } from "./cd_rules.ts";
import { ContextFetch, chooseContext, Substream } from "./context_fetch.ts";
import { Event } from "./event_record.ts";
import { qualifies } from "./fast_walk.ts";
import { outOfService } from "./global_errors.ts";
import type { Stage1Controls } from "./leaf.ts";
import { Legality } from "./legality.ts";
import { PartitionIds } from "./partition.ts";
import type { RegisterFile } from "./register_file.ts";
import type { Stage2 } from "./stage2.ts";
import {
  effectiveS2Ds,
  granuleOfTg0,
  stage2OutputBits,
  stage2StartLevel,
  translatesStage1,
  translatesStage2,
  usesStrw,
} from "./ste_rules.ts";
import { StreamConfig, StreamWorld, type TableBase } from "./stream_config.ts";
import { fetchSte, readStreamTable } from "./stream_table.ts";
import type { Translation } from "./translation.ts";

/** A stream's configuration with the structures it came from. */
export class ResolvedStream extends StreamConfig implements Stage1Controls {
  readonly ste = new Uint32Array(STE.bits / 32);
  readonly cd = new Uint32Array(CD.bits / 32);
  onePrivilege = false;
  /** The fast walk may try. */
  fast = false;

  /** Replace the transaction's attributes as PRIVCFG and INSTCFG say; a write stays data (§13.1.2). */
  override(t: Translation): void {
    if (this.privCfg >= 2) t.privileged = this.privCfg === 3;
    if (this.instCfg >= 2) t.instruction = this.instCfg === 3;
    t.setWant();
  }
}

export class ConfigResolver {
  readonly #memory: PhysicalMemory;
  readonly #registers: RegisterFile;
  readonly #caps: Capabilities;
  readonly #contexts: ContextFetch;
  readonly #partitions: PartitionIds;
  readonly #legality: Legality;

  constructor(memory: PhysicalMemory, registers: RegisterFile, caps: Capabilities, stage2: Stage2) {
    this.#memory = memory;
    this.#registers = registers;
    this.#caps = caps;
    this.#contexts = new ContextFetch(memory, stage2, caps);
    this.#partitions = new PartitionIds(memory, caps);
    this.#legality = new Legality(caps);
  }

  /**
   * Find out what applies to the stream and substream of `t`: fetch and check the STE and the CD.
   * @returns false when the transaction ended here: `t` says how
   */
  resolve(t: Translation, trace: TraceRecorder | null, config: ResolvedStream): boolean {
    return this.resolveSte(t, trace, config) && this.resolveContext(t, trace, config);
  }

  /** The part of {@link resolve} that needs no CD: the STE, fetched and checked. @returns as {@link resolve} */
  resolveSte(t: Translation, trace: TraceRecorder | null, config: ResolvedStream): boolean {
    if (trace !== null) trace.row(TracePhase.Config, 0);
    if (outOfService(this.#registers)) {
      if (trace !== null) trace.check(0, R.SERVICE_FAILURE, t.iovaHi, t.iovaLo);
      return t.abort(R.SERVICE_FAILURE);
    }
    const { ste } = config;
    const cache = config.caches === null ? null : config.caches.config;
    if (cache === null || !cache.recallSte(t, trace, ste)) {
      const table = readStreamTable(this.#registers, this.#caps);
      const recordBad = this.#registers.field("SMMU_CR2", "RECINVSID") === 1;
      if (!fetchSte(this.#memory, table, recordBad, t, trace, ste)) return false;
      const illegal = this.#legality.ofSte(ste);
      if (illegal !== R.NONE) return end(t, trace, Event.C_BAD_STE, illegal);
      if (cache !== null) cache.keepSte(t, ste);
    }
    const code = STE.f.Config.get(ste, 0);
    if ((code & 4) === 0) {
      if (trace !== null) trace.fail(TraceVerdict.Fault, R.STE_ABORT);
      return t.abort(R.STE_ABORT);
    }
    this.#applySte(config);
    this.#partitions.ofStream(config);
    config.override(t);
    config.fast = false;
    return true;
  }

  /** The part of {@link resolve} after {@link resolveSte}: the substream's CD. @returns as {@link resolve} */
  resolveContext(t: Translation, trace: TraceRecorder | null, config: ResolvedStream): boolean {
    const { ste, cd } = config;
    if (config.stage2 && STE.f.S2AA64.get(ste, 0) === 0) return notModelled(t, trace);
    if (!config.stage1) {
      if (t.ssv)
        return end(
          t,
          trace,
          Event.C_BAD_SUBSTREAMID,
          this.#caps.ssidSize === 0 ? R.SSID_UNSUPPORTED : R.SSID_NO_STAGE1,
        );
      if (trace !== null) trace.done();
      return true;
    }
    const index = chooseContext(t, ste, this.#caps);
    if (index === Substream.Refused) {
      if (trace !== null) trace.fail(TraceVerdict.Fault, t.reason);
      return false;
    }
    if (index === Substream.Bypass) {
      config.stage1 = false;
      if (trace !== null) trace.done();
      return true;
    }
    if (trace !== null) trace.leadsTo(STE.f.S1ContextPtr.addressHi(ste, 0), STE.f.S1ContextPtr.addressLo(ste, 0));
    const cache = config.caches === null ? null : config.caches.config;
    const recalled = cache?.recallCd(t, trace, index, cd) ?? false;
    if (!recalled && !this.#contexts.fetch(t, config, trace, ste, index, cd)) return false;
    const badCd = this.#legality.ofCd(cd, ste, config.world);
    if (badCd !== R.NONE) return end(t, trace, Event.C_BAD_CD, badCd);
    if (!recalled && cache !== null) cache.keepCd(t, index, cd);
    if (CD.f.AA64.get(cd, 0) === 0) return notModelled(t, trace);
    this.#applyCd(config);
    config.fast = qualifies(config);
    if (trace !== null) {
      const base = config.twoHalves && (t.iovaHi & 0x00800000) !== 0 ? config.ttb1 : config.ttb0;
      trace.leadsTo(base.rootHi, base.rootLo);
      trace.done();
    }
    return this.#partitions.ofContext(t, trace, config);
  }

  #applySte(config: ResolvedStream): void {
    const { ste } = config;
    const f = STE.f;
    const code = f.Config.get(ste, 0);
    config.stage1 = translatesStage1(code);
    config.stage2 = translatesStage2(code);
    config.world = !usesStrw(code, this.#caps) || f.STRW.get(ste, 0) === 0 ? StreamWorld.EL1 : this.#el2();
    config.vmid = f.S2VMID.get(ste, 0);
    config.onePrivilege = config.world === StreamWorld.EL2;
    config.privCfg = this.#caps.attrPermsOvr ? f.PRIVCFG.get(ste, 0) : 0;
    config.instCfg = this.#caps.attrPermsOvr ? f.INSTCFG.get(ste, 0) : 0;
    if (!config.stage2) return;
    if (f.S2AA64.get(ste, 0) === 0) {
      config.s2.clear();
      return;
    }
    const granule = granuleOfTg0(f.S2TG.get(ste, 0)) as GranuleLg2;
    const ds = effectiveS2Ds(ste, this.#caps);
    const outputBits = stage2OutputBits(ste, this.#caps);
    const startCode = f.S2SL0.get(ste, 0) | (f.S2SL0_2.get(ste, 0) << 2);
    config.s2.set(
      vmsav8Format(granule, this.#wide(granule, ds)),
      f.S2TTB.addressHi(ste, 0),
      f.S2TTB.addressLo(ste, 0),
      stage2StartLevel(startCode, granule, ds, this.#caps) ?? 0,
      64 - f.S2T0SZ.get(ste, 0),
      outputBits,
      outputBits === 52 ? 6 : 0,
    );
    config.s2.bigEndian = f.S2ENDI.get(ste, 0) === 1;
    config.s2Ha = this.#caps.httu >= 1 && f.S2HA.get(ste, 0) === 1;
    config.s2Hd = config.s2Ha && this.#caps.httu >= 2 && f.S2HD.get(ste, 0) === 1;
    config.s2Haft = config.s2Ha && this.#caps.httu === 3 && f.S2HAFT.get(ste, 0) === 1;
    config.s2AccessFlagFaults = !config.s2Ha && f.S2AFFD.get(ste, 0) === 0;
    config.s2ProtectWalks = f.S2PTW.get(ste, 0) === 1;
    config.s2Fwb = this.#caps.fwb && f.S2FWB.get(ste, 0) === 1;
    config.s2Record = f.S2R.get(ste, 0) === 1;
    config.s2Stall = f.S2S.get(ste, 0) === 1;
  }

  #applyCd(config: ResolvedStream): void {
    const { cd, world } = config;
    const f = CD.f;
    config.twoHalves = hasTwoHalves(world);
    config.asid = f.ASID.get(cd, 0);
    config.ha = this.#caps.httu >= 1 && f.HA.get(cd, 0) === 1;
    config.hd = config.ha && this.#caps.httu >= 2 && f.HD.get(cd, 0) === 1;
    config.haft = config.ha && this.#caps.httu === 3 && f.HAFT.get(cd, 0) === 1;
    config.s1AccessFlagFaults = !config.ha && f.AFFD.get(cd, 0) === 0;
    config.s1Record = f.R.get(cd, 0) === 1;
    config.s1Stall = f.S.get(cd, 0) === 1;
    config.s1Abort = f.A.get(cd, 0) === 1;
    config.wxn = f.WXN.get(cd, 0) === 1;
    config.pan = hasTwoHalves(world) && f.PAN.get(cd, 0) === 1;
    config.epan = this.#caps.epan && f.EPAN.get(cd, 0) === 1;
    this.#applyHalf(config, config.ttb0, 0);
    if (config.twoHalves) this.#applyHalf(config, config.ttb1, 1);
  }

  #applyHalf(config: ResolvedStream, base: TableBase, half: 0 | 1): void {
    const { cd, world } = config;
    const f = CD.f;
    base.disabled = walksDisabled(cd, half, world);
    if (base.disabled) {
      base.clear();
      return;
    }
    const granule = granuleOf(cd, half) as GranuleLg2;
    const inputBits = 64 - (half === 0 ? f.T0SZ : f.T1SZ).get(cd, 0);
    const fmt = vmsav8Format(granule, this.#wide(granule, effectiveDs(cd, this.#caps)));
    const ttb = half === 0 ? f.TTB0 : f.TTB1;
    const outputBits = stage1OutputBits(cd, this.#caps);
    const level = Math.ceil((inputBits - granule) / fmt.strideLg2) - 1;
    base.set(fmt, ttb.addressHi(cd, 0), ttb.addressLo(cd, 0), level, inputBits, outputBits, outputBits === 52 ? 6 : 0);
    base.bigEndian = f.ENDI.get(cd, 0) === 1;
    base.topByteIgnored = (half === 0 ? f.TBI0 : f.TBI1).get(cd, 0) === 1;
    base.e0pd = this.#caps.e0pd && hasTwoHalves(world) && (half === 0 ? f.E0PD0 : f.E0PD1).get(cd, 0) === 1;
    const ignored = this.#caps.had && (half === 0 ? f.HAD0 : f.HAD1).get(cd, 0) === 1;
    // With AIE there are no hierarchical permissions (DDI 0487 §D8.6.1).
    base.hierarchy = ignored || (this.#caps.aie && f.AIE.get(cd, 0) === 1) ? 0 : -1;
  }

  /** 52-bit descriptors: with DS, or where the 64 KiB granule meets a 52-bit output size (DDI 0487 §D8.3). */
  #wide(granule: GranuleLg2, ds: boolean): boolean {
    return granule === 16 ? this.#caps.oas === 52 : ds;
  }

  #el2(): StreamWorld {
    return this.#registers.field("SMMU_CR2", "E2H") === 1 ? StreamWorld.EL2_E2H : StreamWorld.EL2;
  }
}

function end(t: Translation, trace: TraceRecorder | null, event: number, reason: number): false {
  if (trace !== null) trace.fail(TraceVerdict.Fault, reason);
  return t.fault(event, reason);
}

/** UNMODELLED: VMSAv8-32 and VMSAv9-128 tables. The transaction ends, and the reason says so. */
function notModelled(t: Translation, trace: TraceRecorder | null): false {
  if (trace !== null) trace.fail(TraceVerdict.Fault, R.TABLES_NOT_MODELLED);
  return t.abort(R.TABLES_NOT_MODELLED);
}
