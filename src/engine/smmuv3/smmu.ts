/**
 * An SMMUv3: registers, memory and the procedure of a translation in the architecture's order (IHI 0070 §3.3, §3.4, §15).
 *
 * UNMODELLED: VMSAv8-32 and VMSAv9-128 tables. Registers and queues stand in `programming_interface.ts`, ATS and page
 * requests in `pcie.ts`; the machine puts them together.
 */
import { R } from "../../arch/smmuv3/reasons.ts";
import { TracePhase } from "../../protocol/trace.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import type { PhysicalMemory } from "../memory/physical_memory.ts";
import { type AttributeSink, type Attributes, outputAttributes, passedDisabled } from "./attributes.ts";
import { traceTlbOutput } from "./caches/cache_traces.ts";
import { HitLane } from "./caches/hit_lane.ts";
import { type LookUp, NO_LOOK_UP } from "./caches/lane.ts";
import { CACHE_NAMES, type CacheOptions, NO_CACHE_OPTIONS } from "./caches/options.ts";
import { SmmuCaches } from "./caches/smmu_caches.ts";
import { type StaleEntry, staleEntries } from "./caches/staleness.ts";
import type { CachedStream } from "./caches/tags.ts";
import { type Capabilities, readCapabilities } from "./capabilities.ts";
import { ConfigResolver, ResolvedStream } from "./config_resolver.ts";
import { Event } from "./event_record.ts";
import { FastWalk } from "./fast_walk.ts";
import { outOfService } from "./global_errors.ts";
import { type RegisterFile, registerBit, registerIndex } from "./register_file.ts";
import { Stage1 } from "./stage1.ts";
import { Stage2 } from "./stage2.ts";
import { beyond } from "./ste_rules.ts";
import { EventClass, type Translation, Updates } from "./translation.ts";

const CR0 = registerIndex("SMMU_CR0");
const SMMUEN = registerBit("SMMU_CR0", "SMMUEN").mask;
const CR2 = registerIndex("SMMU_CR2");

export class Smmuv3 {
  readonly registers: RegisterFile;
  readonly caps: Capabilities;
  readonly stage1: Stage1;
  readonly stage2: Stage2;
  readonly resolver: ConfigResolver;
  readonly #memory: PhysicalMemory;
  readonly #words: Uint32Array;
  readonly #fast: FastWalk;
  readonly #resolved = new ResolvedStream();
  /** The stream of the last transaction. */
  #last: ResolvedStream = this.#resolved;
  /** The caches, or null where there are none. */
  readonly caches: SmmuCaches | null;
  readonly #hitLane: HitLane;
  readonly #hit: LookUp;
  readonly #shortWalk: LookUp;

  /** @param caches which caches there are; by default everything is read from memory every time */
  constructor(memory: PhysicalMemory, registers: RegisterFile, caches: CacheOptions = NO_CACHE_OPTIONS) {
    this.registers = registers;
    this.#memory = memory;
    this.#words = registers.words;
    this.caps = readCapabilities(registers);
    const some = CACHE_NAMES.some((name) => caches[name] !== null);
    this.caches = some ? new SmmuCaches(caches, memory, this.caps) : null;
    const own = this.caches;
    this.#hitLane = own?.hitLane ?? new HitLane(null);
    this.#hit = this.#hitLane.hit;
    this.#shortWalk = own?.walkLane.hit ?? NO_LOOK_UP;
    if (own !== null) {
      registers.watchers.push((at) => {
        if (at === CR0 || at === CR2) own.leaveLanes();
      });
    }
    this.stage2 = new Stage2(memory, this.caps.xnx);
    this.stage1 = new Stage1(memory, this.stage2);
    this.#fast = new FastWalk(memory, this.caps.xnx);
    this.resolver = new ConfigResolver(memory, registers, this.caps, this.stage2);
  }

  /**
   * Translate the transaction that `t` describes; the answer is in `t`. Caches are looked into, and filled where
   * `t.updates` says that this is no mere look. Where `t.tlbEntry` is not -1, {@link details} has more of the answer.
   */
  translate(t: Translation, trace: TraceRecorder | null): void {
    if (trace !== null || (this.#hit(t) === false && this.#shortWalk(t) === false)) this.#missed(t, trace);
  }

  /** Fill in what {@link translate} leaves out where a cache answered quickly: permissions, sizes, leaves. */
  details(t: Translation): void {
    if (this.caches !== null) this.caches.stages.details(t, this.#last as CachedStream);
  }

  /**
   * Translate by anything but the quickest way. All of it is one function, too long for engines to take into
   * {@link translate}, which they are to take into its callers.
   */
  #missed(t: Translation, trace: TraceRecorder | null): void {
    const { caches } = this;
    const lane = this.#hitLane;
    const makes = t.updates === Updates.Make;
    let s: CachedStream | null = null;
    if (trace === null && lane.serves(t) === true) s = lane.stream!;
    else if ((this.#words[CR0]! & SMMUEN) === 0) {
      t.begin();
      this.#disabled(t, trace);
      return;
    } else if (caches === null) {
      t.begin();
      if (this.resolve(t, trace, this.#resolved)) this.translateIn(t, this.#resolved, trace);
      return;
    } else if (trace === null) {
      s = caches.config.resolved(t.sid, t.substream, this.#words[CR2]!);
      if (s !== null) caches.enterLanes(s, t.sid, t.substream);
    }
    if (s === null) {
      // A stream that is not resolved yet, or is to be shown.
      const ssid = t.substream;
      const kept = makes && trace === null;
      t.begin();
      caches!.leaveLanes();
      s = kept ? caches!.config.take(t.sid, ssid) : caches!.passing;
      this.#last = s;
      if (!this.resolve(t, trace, s)) return;
      s.setTags(this.caps);
      if (kept && !s.mapsPartid) caches!.config.keep(t.sid, ssid);
      if (s.tagged && caches!.stages.hit(t, s)) {
        caches!.stages.details(t, s);
        if (trace !== null) traceTlbOutput(trace, t);
      } else this.#walk(t, s, trace);
      return;
    }
    this.#last = s;
    if (makes) s.uses++;
    if (s.overrides) s.override(t);
    else t.setWant();
    const { stages } = s.caches!;
    if (s.tagged && stages.hit(t, s)) return;
    t.begin();
    if (s.overrides) s.override(t);
    if (s.fast && stages.isOff && this.#fast.translate(t, s)) return;
    this.#walk(t, s, null);
  }

  /** Find out what applies to the stream and substream of `t`; see {@link ConfigResolver.resolve}. */
  resolve(t: Translation, trace: TraceRecorder | null, config: ResolvedStream): boolean {
    return this.resolver.resolve(t, trace, config);
  }

  /** Translate the address of `t` by a configuration that {@link resolve} made for its stream. */
  translateIn(t: Translation, config: ResolvedStream, trace: TraceRecorder | null): void {
    if (trace === null && config.fast && config.caches === null && this.#fast.translate(t, config)) return;
    this.#walk(t, config, trace);
  }

  #walk(t: Translation, config: ResolvedStream, trace: TraceRecorder | null): void {
    const { caches } = config;
    if (caches !== null) caches.stages.begin();
    let hi = t.iovaHi;
    let lo = t.iovaLo;
    let rows = 0;
    if (config.stage1) {
      if (!this.stage1.translate(t, config, trace)) return;
      hi = this.stage1.outHi;
      lo = this.stage1.outLo;
      rows = this.stage1.reads;
    } else if (beyond(hi, config.stage2 ? this.caps.ias : this.caps.oas)) {
      const reason = config.stage2 ? R.IPA_BEYOND_IAS : R.BYPASS_BEYOND_OAS;
      if (trace !== null) trace.row(TracePhase.Output, 0);
      if (trace !== null) trace.check(1, reason, hi, lo);
      t.stage = 1;
      t.fault(Event.F_ADDR_SIZE, reason);
      return;
    }
    if (trace !== null) trace.row(TracePhase.Output, rows);
    const [ipaHi, ipaLo] = [hi, lo];
    if (config.stage2) {
      if (!this.stage2.translate(t, config, trace, hi, lo, EventClass.IN)) return;
      hi = this.stage2.paHi;
      lo = this.stage2.paLo;
    }
    if (t.pending.count > 0) this.stage2.finishUpdates(t, trace);
    t.paHi = hi;
    t.paLo = lo;
    t.bypass = !config.stage1 && !config.stage2;
    if (caches !== null && !t.bypass) caches.stages.passed(t, config as CachedStream);
    if (trace !== null) {
      const permissions = t.permissions1 & t.permissions2;
      trace.output(ipaHi, ipaLo, hi, lo, permissions, Math.min(t.sizeLg2Stage1, t.sizeLg2Stage2));
    }
  }

  /** Memory type and shareability of the transaction that {@link translate} has just let through (§13). */
  attributes(t: Translation, sink: AttributeSink | null = null): Attributes {
    this.details(t);
    return outputAttributes(t, passedDisabled(t) ? null : this.#last, this.registers, this.caps, sink);
  }

  /** PARTID and PMG of the transaction that {@link translate} has just let through (§17.2); null without MPAM. */
  partition(t: Translation): { readonly partid: number; readonly pmg: number } | null {
    if (!this.caps.mpam) return null;
    if (!passedDisabled(t)) return this.#last;
    const of = (field: string): number => this.registers.field("SMMU_GBPMPAM", field);
    return { partid: of("GBP_PARTID"), pmg: of("GBP_PMG") };
  }

  /** The cached entries that no longer say what memory says, and the commands that are missing; not for hot paths. */
  staleEntries(): StaleEntry[] {
    return staleEntries(this, this.#memory);
  }

  /** SMMUEN is 0: GBPA decides (§3.4, §6.3.14). */
  #disabled(t: Translation, trace: TraceRecorder | null): void {
    const failed = outOfService(this.registers);
    const abort = failed || this.registers.field("SMMU_GBPA", "ABORT") === 1;
    const tooFar = beyond(t.iovaHi, this.caps.oas);
    if (abort || tooFar) {
      const reason = failed ? R.SERVICE_FAILURE : abort ? R.GBPA_ABORT : R.DISABLED_BEYOND_OAS;
      if (trace !== null) trace.check(0, reason, t.iovaHi, t.iovaLo);
      t.abort(reason);
      return;
    }
    if (trace !== null) {
      trace.row(TracePhase.Output, 0);
      trace.output(t.iovaHi, t.iovaLo, t.iovaHi, t.iovaLo, 7, 64);
    }
    t.reason = R.SMMU_OFF;
    t.paHi = t.iovaHi;
    t.paLo = t.iovaLo;
    t.bypass = true;
  }
}
