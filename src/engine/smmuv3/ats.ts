/**
 * ATS Translation Requests and their completions (IHI 0070 §3.9.1.2, §3.13.7, §13.6, §13.7.1).
 *
 * A request goes through the same configuration and tables as a transaction, but asks for every permission at once,
 * and what would be a fault becomes an answer to the device.
 */
import { R } from "../../arch/smmuv3/reasons.ts";
import { TracePhase, TraceVerdict } from "../../protocol/trace.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import { CompletionStatus, Grant, type TranslationCompletion, type TranslationRequest } from "../device/ats_port.ts";
import { Eats, eatsOffReason, effectiveEats, recordsAtsErrors } from "./ats_config.ts";
import { traceTlbOutput } from "./caches/cache_traces.ts";
import type { SmmuCaches } from "./caches/smmu_caches.ts";
import { CachedStream } from "./caches/tags.ts";
import type { Capabilities } from "./capabilities.ts";
import type { ConfigResolver } from "./config_resolver.ts";
import { Event } from "./event_record.ts";
import type { RegisterFile } from "./register_file.ts";
import type { Smmuv3 } from "./smmu.ts";
import type { Stage1 } from "./stage1.ts";
import type { Stage2 } from "./stage2.ts";
import { beyond } from "./ste_rules.ts";
import { End, EventClass, Translation, Want } from "./translation.ts";

/** Every permission; a leaf that gives none of them faults, any other answers with what it gives. */
const ANY = Want.Read | Want.Write | Want.Execute;

/** INSTCFG replaces the incoming attribute (§5.2). */
const INSTCFG_DATA = 2;
const INSTCFG_INSTRUCTION = 3;

export class AtsRequests {
  /** How the last request went: `End.Fault` when an event is to be recorded, else as the completion says. */
  readonly t = new Translation();
  readonly #regs: RegisterFile;
  readonly #caps: Capabilities;
  readonly #resolver: ConfigResolver;
  readonly #stage1: Stage1;
  readonly #stage2: Stage2;
  readonly #caches: SmmuCaches | null;
  readonly #config = new CachedStream();
  /** What the last request asked for: a set of Grant. */
  #asked = 0;
  /** log2 of the Smallest Translation Unit: the smallest granule (§3.9.1). */
  readonly #stuLg2: number;

  constructor({ registers, caps, resolver, stage1, stage2, caches }: Smmuv3) {
    this.#regs = registers;
    this.#caps = caps;
    this.#resolver = resolver;
    this.#stage1 = stage1;
    this.#stage2 = stage2;
    this.#caches = caches;
    this.#stuLg2 = Math.min(16, ...caps.granules);
  }

  /** Answer a Translation Request. */
  translate(request: TranslationRequest, completion: TranslationCompletion, trace: TraceRecorder | null): void {
    const { t } = this;
    t.sid = request.sid;
    t.ssv = request.ssv;
    t.ssid = request.ssv ? request.ssid : 0;
    t.iovaHi = request.hi | 0;
    t.iovaLo = request.lo | 0;
    t.write = !request.noWrite;
    t.privileged = request.ssv && request.privileged;
    t.instruction = request.ssv && request.execute;
    t.begin();
    completion.status = CompletionStatus.Success;
    completion.granted = 0;
    completion.privileged = t.privileged;
    completion.noSnoop = false;
    completion.untranslatedOnly = false;
    completion.hi = 0;
    completion.lo = 0;
    completion.sizeLg2 = this.#stuLg2;
    this.#asked = Grant.Read | (t.write ? Grant.Write : 0) | (t.instruction ? Grant.Execute : 0);
    this.#config.caches = this.#caches;
    if (!this.#configure(trace) || !this.#find(completion, trace)) this.#answerFault(completion);
  }

  /** Find the configuration, and whether it lets the stream use ATS. */
  #configure(trace: TraceRecorder | null): boolean {
    const { t } = this;
    const config = this.#config;
    if (this.#regs.field("SMMU_CR0", "SMMUEN") === 0) {
      if (trace !== null) trace.check(0, R.ATS_SMMU_OFF, t.iovaHi, t.iovaLo);
      return t.fault(Event.F_BAD_ATS_TREQ, R.ATS_SMMU_OFF);
    }
    if (!this.#resolver.resolveSte(t, trace, config)) return false;
    if (effectiveEats(config.ste, this.#regs, this.#caps) === Eats.Off) {
      const reason = eatsOffReason(config.ste);
      if (trace !== null) trace.fail(TraceVerdict.Fault, reason);
      return t.fault(Event.F_BAD_ATS_TREQ, reason);
    }
    return this.#resolver.resolveContext(t, trace, config);
  }

  /** Find the translation: in the TLB, or in the tables. */
  #find(completion: TranslationCompletion, trace: TraceRecorder | null): boolean {
    const { t } = this;
    const config = this.#config;
    const caches = this.#caches;
    const split = effectiveEats(config.ste, this.#regs, this.#caps) === Eats.Split;
    if (caches === null) return this.#walk(split, completion, trace);
    config.setTags(this.#caps);
    t.want = ANY;
    // The IPA is no part of an entry of the TLB.
    if (!split && config.tagged && caches.stages.hit(t, config)) {
      caches.stages.details(t, config);
      if (this.#grant(split, completion) && this.#satisfied(completion)) {
        if (trace !== null) traceTlbOutput(trace, t);
        return true;
      }
    }
    t.begin();
    const done = this.#walk(split, completion, trace);
    if (!done || this.#satisfied(completion)) return done;
    // Caches may hold less than the tables allow: a page that is marked dirty by the next write.
    config.caches = null;
    t.begin();
    return this.#walk(split, completion, trace);
  }

  /** Everything that was asked for is granted. */
  #satisfied(completion: TranslationCompletion): boolean {
    return (completion.granted & this.#asked) === this.#asked;
  }

  /** Walk both stages and fill in what they give. */
  #walk(split: boolean, completion: TranslationCompletion, trace: TraceRecorder | null): boolean {
    const { t } = this;
    const config = this.#config;
    const { caches } = config;
    if (caches !== null) caches.stages.begin();
    let hi = t.iovaHi;
    let lo = t.iovaLo;
    let rows = 0;
    t.want = ANY;
    if (config.stage1) {
      if (!this.#stage1.translate(t, config, trace)) return false;
      if (this.#granted(t.permissions1) === 0) return this.#nothing(trace);
      hi = this.#stage1.outHi;
      lo = this.#stage1.outLo;
      rows = this.#stage1.reads;
    } else if (beyond(hi, config.stage2 ? this.#caps.ias : this.#caps.oas)) {
      const reason = config.stage2 ? R.IPA_BEYOND_IAS : R.BYPASS_BEYOND_OAS;
      if (trace !== null) trace.row(TracePhase.Output, 0);
      if (trace !== null) trace.check(1, reason, hi, lo);
      t.stage = 1;
      return t.fault(Event.F_ADDR_SIZE, reason);
    }
    const [ipaHi, ipaLo] = [hi, lo];
    if (trace !== null) trace.row(TracePhase.Output, rows);
    if (config.stage2) {
      if (!this.#stage2.translate(t, config, trace, hi, lo, EventClass.IN)) return false;
      hi = this.#stage2.paHi;
      lo = this.#stage2.paLo;
    }
    t.paHi = hi;
    t.paLo = lo;
    if (!this.#grant(split, completion)) return this.#nothing(trace);
    if (t.pending.count > 0) this.#stage2.finishUpdates(t, trace);
    if (caches !== null && config.tagged) caches.stages.passed(t, config);
    if (split) {
      completion.hi = ipaHi >>> 0;
      completion.lo = ipaLo >>> 0;
    }
    if (trace !== null) {
      const { granted, sizeLg2 } = completion;
      trace.output(ipaHi, ipaLo, completion.hi, completion.lo, granted, sizeLg2);
    }
    return true;
  }

  /** Fill in what the stages allow, and the address they gave. @returns false when nothing is granted */
  #grant(split: boolean, completion: TranslationCompletion): boolean {
    const { t } = this;
    const granted = this.#granted(this.#allowed(split));
    if (granted === 0) return false;
    // Where no stage translates the answer is the identity, over everything there is (§13.6.4).
    const sizeLg2 = Math.min(t.sizeLg2Stage1, t.sizeLg2Stage2);
    completion.granted = granted;
    completion.sizeLg2 = sizeLg2 === 64 ? this.#caps.oas : sizeLg2;
    completion.hi = t.paHi >>> 0;
    completion.lo = t.paLo >>> 0;
    return true;
  }

  /**
   * What both stages allow, now. A page that stays writable-clean, for a request with NW, may not be written; under
   * Split-stage ATS stage 2 marks it dirty when the write comes (§3.13.7.1).
   */
  #allowed(split: boolean): number {
    const { permissions1, permissions2, clean } = this.t;
    const both = permissions1 & permissions2;
    return (split ? clean & 1 : clean) === 0 ? both : both & ~Want.Write;
  }

  /** What the device is granted, for what the tables allow it (§13.7.1). @returns set of Grant; 0 without R and W */
  #granted(allowed: number): number {
    const { instCfg } = this.#config;
    const readable = (allowed & Want.Read) !== 0;
    const executable = (allowed & Want.Execute) !== 0;
    const read = instCfg === INSTCFG_INSTRUCTION ? executable : readable;
    const run = instCfg === INSTCFG_DATA ? readable : executable;
    // CHOICE(ATS_NW): a page that is writable already is granted for writing, also to a request with NW.
    const data = (read ? Grant.Read : 0) | ((allowed & Want.Write) !== 0 ? Grant.Write : 0);
    const execute = (this.#asked & Grant.Execute) !== 0 && read && run;
    return data | (execute ? Grant.Execute : 0);
  }

  /** The answer grants nothing, and is as long as the smallest unit. */
  #nothing(trace: TraceRecorder | null): false {
    if (trace !== null) trace.fail(TraceVerdict.Fault, R.ATS_NOT_GRANTED);
    return this.t.fault(Event.F_PERMISSION, R.ATS_NOT_GRANTED);
  }

  /** What a fault becomes for the device, and whether anything is recorded of it (§3.9.1.2). */
  #answerFault(completion: TranslationCompletion): void {
    const { t } = this;
    completion.granted = 0;
    completion.sizeLg2 = this.#stuLg2;
    if (t.end === End.Unknown) {
      completion.status = CompletionStatus.Unknown;
      return;
    }
    switch (t.event) {
      case Event.F_BAD_ATS_TREQ:
        completion.status = CompletionStatus.UnsupportedRequest;
        return;
      case Event.F_TRANSLATION:
      case Event.F_ADDR_SIZE:
      case Event.F_ACCESS:
      case Event.F_PERMISSION:
        t.end = End.Abort;
        return;
      default:
        completion.status =
          t.reason === R.STE_ABORT ? CompletionStatus.UnsupportedRequest : CompletionStatus.CompleterAbort;
        if (!recordsAtsErrors(this.#regs)) t.end = End.Abort;
    }
  }
}
