/**
 * Transactions that a PCIe device marks Translated: checked, and under Split-stage ATS sent through stage 2
 * (IHI 0070 §3.9.1.1, §3.9.1.3, §13.6.3, §13.7).
 */
import { R } from "../../arch/smmuv3/reasons.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import { TracePhase, TraceVerdict } from "../../protocol/trace.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import { Eats, eatsOffReason, effectiveEats, recordsAtsErrors } from "./ats_config.ts";
import type { Capabilities } from "./capabilities.ts";
import { type ConfigResolver, ResolvedStream } from "./config_resolver.ts";
import { chooseContext, Substream } from "./context_fetch.ts";
import type { DevicePermissions } from "./device_permissions.ts";
import { Event } from "./event_record.ts";
import { outOfService } from "./global_errors.ts";
import type { RegisterFile } from "./register_file.ts";
import type { Smmuv3 } from "./smmu.ts";
import type { Stage2 } from "./stage2.ts";
import { beyond } from "./ste_rules.ts";
import { End, EventClass, type Translation } from "./translation.ts";

export class TranslatedTransactions {
  readonly #regs: RegisterFile;
  readonly #caps: Capabilities;
  readonly #resolver: ConfigResolver;
  readonly #stage2: Stage2;
  readonly #dpt: DevicePermissions;
  readonly #config = new ResolvedStream();

  constructor({ registers, caps, resolver, stage2, caches }: Smmuv3, dpt: DevicePermissions) {
    this.#regs = registers;
    this.#caps = caps;
    this.#resolver = resolver;
    this.#stage2 = stage2;
    this.#dpt = dpt;
    this.#config.caches = caches;
  }

  /**
   * Let the transaction that `t` describes through, or end it; the answer is in `t`. Its address is a PA, under
   * Split-stage ATS an IPA.
   */
  translate(t: Translation, trace: TraceRecorder | null): void {
    const regs = this.#regs;
    const pasids = regs.field("SMMU_IDR3", "PASIDTT") === 1;
    if (!pasids || !t.ssv) {
      t.ssv = false;
      t.ssid = 0;
      t.privileged = false;
      t.instruction = false;
    }
    t.begin();
    if (outOfService(regs)) {
      if (trace !== null) trace.check(0, R.SERVICE_FAILURE, t.iovaHi, t.iovaLo);
      t.abort(R.SERVICE_FAILURE);
      return;
    }
    if (regs.field("SMMU_CR0", "SMMUEN") === 0) {
      if (trace !== null) trace.check(0, R.ATS_SMMU_OFF, t.iovaHi, t.iovaLo);
      t.fault(Event.F_TRANSL_FORBIDDEN, R.ATS_SMMU_OFF);
      return;
    }
    if (regs.field("SMMU_CR0", "ATSCHK") === 0) {
      this.#pass(t, trace, null);
      return;
    }
    const config = this.#config;
    if (!this.#resolver.resolveSte(t, trace, config)) {
      this.#configurationError(t);
      return;
    }
    const eats = effectiveEats(config.ste, regs, this.#caps);
    if (eats === Eats.Off) {
      const reason = eatsOffReason(config.ste);
      if (trace !== null) trace.fail(TraceVerdict.Fault, reason);
      t.fault(Event.F_TRANSL_FORBIDDEN, reason);
      return;
    }
    if (pasids && !this.#substream(t, trace)) {
      this.#configurationError(t);
      return;
    }
    if (trace !== null) trace.done();
    if (eats === Eats.Split) this.#stage2Only(t, trace);
    else this.#pass(t, trace, eats === Eats.Dpt ? config.ste : null);
  }

  /** With PASIDs on translated transactions, the substream must be one that the stream has (§3.9.1.3). */
  #substream(t: Translation, trace: TraceRecorder | null): boolean {
    const config = this.#config;
    if (t.ssv) return this.#resolver.resolveContext(t, trace, config);
    if (!config.stage1 || chooseContext(t, config.ste, this.#caps) !== Substream.Refused) return true;
    if (trace !== null) trace.fail(TraceVerdict.Fault, t.reason);
    return false;
  }

  /** The configuration could not be had: events of that are for those who ask for them (§3.9.1.3). */
  #configurationError(t: Translation): void {
    const record = recordsAtsErrors(this.#regs);
    switch (t.event) {
      case Event.F_TRANSLATION:
      case Event.F_ADDR_SIZE:
      case Event.F_ACCESS:
      case Event.F_PERMISSION:
        return; // Stage 2, on behalf of a CD: as for any transaction.
      default:
    }
    if (t.end === End.Fault && !record) t.end = End.Abort;
    const badStream = t.reason === R.SID_RANGE || t.reason === R.L1STD_SPAN || t.reason === R.L1STD_BEYOND;
    // CR2.RECINVSID has no say here.
    if (badStream && record) t.fault(Event.C_BAD_STREAMID, t.reason);
  }

  /** Split-stage: the address is an IPA. */
  #stage2Only(t: Translation, trace: TraceRecorder | null): void {
    if (trace !== null) trace.row(TracePhase.Output, 0);
    if (beyond(t.iovaHi, this.#caps.ias)) {
      if (trace !== null) trace.check(1, R.IPA_BEYOND_IAS, t.iovaHi, t.iovaLo);
      t.stage = 1;
      t.fault(Event.F_ADDR_SIZE, R.IPA_BEYOND_IAS);
      return;
    }
    if (STE.f.S2AA64.get(this.#config.ste, 0) === 0) {
      // UNMODELLED: VMSAv8-32 and VMSAv9-128 tables. The transaction ends, and the reason says so.
      t.abort(R.TABLES_NOT_MODELLED);
      return;
    }
    t.setWant();
    if (!this.#stage2.translate(t, this.#config, trace, t.iovaHi, t.iovaLo, EventClass.IN)) return;
    if (t.pending.count > 0) this.#stage2.finishUpdates(t, trace);
    t.paHi = this.#stage2.paHi;
    t.paLo = this.#stage2.paLo;
    if (trace !== null) trace.output(t.iovaHi, t.iovaLo, t.paHi, t.paLo, t.permissions2, t.sizeLg2Stage2);
  }

  /** The address is a PA already. @param checked STE of a stream under the Device Permission Table */
  #pass(t: Translation, trace: TraceRecorder | null, checked: Uint32Array | null): void {
    if (trace !== null) trace.row(TracePhase.Output, 0);
    // CHOICE(TRANSLATED_BEYOND_OAS): such an address ends the transaction; it is not cut to size (§3.9.1.1).
    if (beyond(t.iovaHi, this.#caps.oas)) {
      if (trace !== null) trace.check(0, R.TRANSLATED_BEYOND_OAS, t.iovaHi, t.iovaLo);
      t.abort(R.TRANSLATED_BEYOND_OAS);
      return;
    }
    if (checked !== null && !this.#dpt.check(t, checked, trace)) return;
    t.paHi = t.iovaHi;
    t.paLo = t.iovaLo;
    t.bypass = true;
    if (trace !== null) trace.output(t.iovaHi, t.iovaLo, t.paHi, t.paLo, 7, 64);
  }
}
