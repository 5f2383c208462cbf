/**
 * DMA remapping: what becomes of a request, in the architecture's order (VT-d §3.4, §3.14, §7.1.3).
 * CHOICE(INTERRUPT_RANGE_PAGE): a page that meets the interrupt range is refused as a whole.
 */
import { pagingEntryLayout } from "../../arch/vtd/paging_entries.ts";
import { R, REASONS } from "../../arch/vtd/reasons.ts";
import { locate } from "../../base/layout.ts";
import { vtdSecondFormat } from "../../pagetable/formats/vtd_second.ts";
import { TracePhase } from "../../protocol/trace.ts";
import { AddressType, End, Updates, Want } from "../common/request.ts";
import { highBitsFrom } from "../common/table_root.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import type { PhysicalMemory } from "../memory/physical_memory.ts";
import type { VtdCaches } from "./caches/vtd_caches.ts";
import type { Capabilities } from "./capabilities.ts";
import { FastWalk, qualifies } from "./fast_walk.ts";
import { FirstStage } from "./first_stage.ts";
import { LegacyTables } from "./legacy_tables.ts";
import { type RemappingState, Ttm } from "./remapping_state.ts";
import { RequestConfig } from "./request_config.ts";
import { contextRefusesKind, entryRefusesKind, ScalableTables } from "./scalable_tables.ts";
import { Purpose, SecondStage } from "./second_stage.ts";
import type { Translation } from "./translation.ts";

/** The interrupt address range is 0xFEEx_xxxx (§3.14), one run of 2^20 bytes. */
const INTERRUPT_LG2 = 20;
const INTERRUPT_RUN = 0xfee;

/** The same as addresses: the first, and one past the last. */
export const INTERRUPT_RANGE = {
  from: INTERRUPT_RUN * 2 ** INTERRUPT_LG2,
  to: (INTERRUPT_RUN + 1) * 2 ** INTERRUPT_LG2,
};

/** SNP of a second-stage leaf, in its low half. */
const SNP = 1 << locate(pagingEntryLayout(2, 1, true), "SNP").shift;

/** Whether an address lies in the interrupt range, or the naturally aligned page of 2^`sizeLg2` bytes around it meets it. */
function meetsInterrupts(hi: number, lo: number, sizeLg2: number): boolean {
  const run = (lo >>> 0) / 2 ** INTERRUPT_LG2;
  const pages = Math.max(1, 2 ** (Math.min(sizeLg2, 32) - INTERRUPT_LG2));
  return hi === 0 && Math.floor(Math.floor(run) / pages) === Math.floor(INTERRUPT_RUN / pages);
}

export class Remapper {
  readonly caps: Capabilities;
  readonly state: RemappingState;
  readonly second: SecondStage;
  readonly first: FirstStage;
  readonly #legacy: LegacyTables;
  readonly #scalable: ScalableTables;
  readonly #fast: FastWalk;
  readonly #config = new RequestConfig();
  readonly #beyondHi: number;

  readonly caches: VtdCaches | null;
  readonly #walksCached: boolean;

  constructor(memory: PhysicalMemory, state: RemappingState, caps: Capabilities, caches: VtdCaches | null = null) {
    this.caps = caps;
    this.state = state;
    this.caches = caches;
    this.#walksCached = caches !== null && (caches.firstWalk !== null || caches.secondWalk !== null);
    this.second = new SecondStage(memory);
    this.first = new FirstStage(memory, this.second, caps);
    // SNP is reserved in legacy mode without snoop control, and ignored in scalable mode (§9.8).
    const features = { largePages: caps.sslps, snoop: caps.sc || caps.smts, transientMapping: caps.transientMapping };
    const secondStage = vtdSecondFormat(features);
    const source = { memory, state, caps, secondStage, cache: caches === null ? null : caches.config };
    this.#fast = new FastWalk(memory, features);
    this.#legacy = new LegacyTables(source);
    this.#scalable = new ScalableTables(source);
    this.#beyondHi = highBitsFrom(caps.haw);
  }

  /** Find out what becomes of the request that `t` describes; the answer is in `t`. */
  translate(t: Translation, trace: TraceRecorder | null): void {
    t.begin();
    const untranslated = t.addressType === AddressType.Untranslated && !t.pageRequest;
    const interrupt = untranslated && !t.hasPasid && meetsInterrupts(t.iovaHi, t.iovaLo, 0);
    if (interrupt && t.write) {
      t.end = End.Interrupt;
      t.paHi = t.iovaHi;
      t.paLo = t.iovaLo;
      return;
    }
    if (!this.state.enabled) this.#disabled(t, trace);
    else if (this.caches !== null) this.#translateCached(t, trace, this.caches);
    else if (this.resolve(t, trace, this.#config)) this.translateIn(t, this.#config, trace);
  }

  #translateCached(t: Translation, trace: TraceRecorder | null, caches: VtdCaches): void {
    const config = this.#known(t, trace, caches) ?? this.#resolveAnew(t, trace, caches);
    if (config === null) return;
    t.did = config.did;
    const tables = config.first || config.second;
    const { iotlb } = caches;
    if (iotlb === null || !tables || t.pageRequest || t.addressType !== AddressType.Untranslated) {
      this.translateIn(t, config, trace);
      return;
    }
    if (iotlb.hit(t, config)) {
      if (trace !== null) traceHit(t, trace);
      if (trace !== null && t.noSnoop && config.scalable) noteSnoop(trace, config.snoops);
      return;
    }
    this.translateIn(t, config, trace);
    if (trace !== null) return;
    if (t.end === End.Ok) iotlb.keep(t, config);
    else if (t.end === End.Fault && this.caps.cm && REASONS[t.reason]!.ats === "no access")
      iotlb.keepRefusal(t, config);
  }

  /** The configuration of a requester whose structures are cached; null where it has to be made, or refuses `t`. */
  #known(t: Translation, trace: TraceRecorder | null, caches: VtdCaches): RequestConfig | null {
    if (trace !== null || t.pageRequest) return null;
    const config = caches.config.resolved(t.sid, t.hasPasid ? t.pasid : -1);
    if (config === null || contextRefusesKind(t, config) !== R.NONE) return null;
    if (entryRefusesKind(t, config) !== R.NONE) return null;
    t.fpd = config.fpd;
    t.usedPasid = config.pasid;
    return config;
  }

  /** Make the configuration of a requester. @returns null when the request ended here */
  #resolveAnew(t: Translation, trace: TraceRecorder | null, caches: VtdCaches): RequestConfig | null {
    const looks = trace !== null || t.updates !== Updates.Make;
    const pasid = t.hasPasid ? t.pasid : -1;
    const config = looks ? this.#config : caches.config.take(t.sid, pasid);
    if (!this.resolve(t, trace, config)) return null;
    if (!looks) caches.config.keep(t.sid, pasid, config.scalable);
    return config;
  }

  /**
   * Find out what applies to the requester and the PASID of `t`.
   * @returns false when the request ended here: `t` says how
   */
  resolve(t: Translation, trace: TraceRecorder | null, config: RequestConfig): boolean {
    if (trace !== null) trace.row(TracePhase.Config, 0);
    const { ttm } = this.state;
    config.begin(ttm === Ttm.Scalable);
    if (ttm === Ttm.Legacy) return this.#legacy.resolve(t, trace, config);
    if (ttm === Ttm.Scalable && this.caps.smts) {
      if (!this.#scalable.resolve(t, trace, config)) return false;
      config.fast = qualifies(config);
      return true;
    }
    const reason = ttm === Ttm.AbortDma && this.caps.adms ? R.ABORT_DMA : R.RTA_1;
    if (trace !== null) trace.check(0, reason, t.iovaHi, t.iovaLo);
    return t.fault(reason);
  }

  /** Translate the address of `t` by a configuration that {@link resolve} made for its requester. */
  translateIn(t: Translation, config: RequestConfig, trace: TraceRecorder | null): void {
    t.did = config.did;
    if (trace === null && config.fast && !this.#walksCached && this.#fast.translate(t, config)) return;
    if (!this.#walksCached || trace !== null) {
      this.#walk(t, config, trace);
      return;
    }
    this.#beginAt(this.caches, t);
    this.#walk(t, config, null);
    this.#beginAt(null, t);
    if (t.end !== End.Fault) return;
    // CHOICE(fault-walk): what a walk from a cached table finds wrong is looked at again from the root before it counts.
    const { supervisor, usedPasid } = t;
    t.begin();
    Object.assign(t, { supervisor, usedPasid, fpd: config.fpd, did: config.did });
    this.#walk(t, config, null);
  }

  /** Let walks begin at cached tables, or at the root again; for somebody who only looks at the root always. */
  #beginAt(caches: VtdCaches | null, t: Translation): void {
    const used = t.updates === Updates.Make ? caches : null;
    this.first.walks = used === null ? null : used.firstWalk;
    this.second.walks = used === null ? null : used.secondWalk;
  }

  #walk(t: Translation, config: RequestConfig, trace: TraceRecorder | null): void {
    if (t.pageRequest) return;
    if (t.addressType === AddressType.Translated) {
      t.reason = R.TRANSLATED;
      this.#output(t, config, trace, t.iovaHi, t.iovaLo, 0);
      return;
    }
    let hi = t.iovaHi;
    let lo = t.iovaLo;
    let rows = 0;
    if (config.first) {
      if (!this.first.translate(t, config, trace)) return;
      hi = this.first.outHi;
      lo = this.first.outLo;
      rows = this.first.reads;
    } else if (!config.second) {
      t.reason = R.PASS_THROUGH;
    }
    if (config.second) {
      if (trace !== null) trace.row(TracePhase.Output, rows);
      const { second } = this;
      if (!second.translate(t, config, trace, hi, lo, Purpose.Request)) return;
      t.permissions &= second.rights;
      t.sizeLg2Second = second.cursor.sizeLg2;
      hi = second.paHi;
      lo = second.paLo;
    }
    this.#output(t, config, trace, hi, lo, rows);
  }

  /** The request would go to an address: unless that is none of memory. */
  #output(
    t: Translation,
    config: RequestConfig,
    trace: TraceRecorder | null,
    hi: number,
    lo: number,
    rows: number,
  ): void {
    if (trace !== null) trace.row(TracePhase.Output, rows);
    const refused = this.#outputRefusal(t, config, hi, lo);
    if (refused !== R.NONE) {
      if (trace !== null) trace.check(config.second ? 2 : config.first ? 1 : 0, refused, hi, lo);
      t.fault(refused);
      return;
    }
    t.paHi = hi;
    t.paLo = lo;
    if (trace !== null) {
      const size = Math.min(t.sizeLg2First, t.sizeLg2Second);
      trace.output(t.iovaHi, t.iovaLo, hi, lo, t.permissions, size);
      const leaf = config.second && (this.second.cursor.lo & SNP) !== 0;
      if (t.noSnoop) noteSnoop(trace, config.scalable ? config.snoops : leaf && this.caps.sc);
    }
  }

  #outputRefusal(t: Translation, config: RequestConfig, hi: number, lo: number): number {
    if ((hi & this.#beyondHi) !== 0) return config.scalable ? R.SGN_4 : R.LGN_1;
    const size = Math.min(t.sizeLg2First, t.sizeLg2Second);
    // Without a stage there is no page, just the address.
    if (meetsInterrupts(hi, lo, size < 64 ? size : 0)) return config.scalable ? R.SGN_8 : R.LGN_4;
    const denied = t.addressType === AddressType.TranslationRequest && (t.permissions & (Want.Read | Want.Write)) === 0;
    return denied ? (config.scalable ? R.SGN_7 : R.LGN_3) : R.NONE;
  }

  /**
   * GSTS.TES is 0: addresses pass as they are, but for protected memory regions; a device gets no translations (§3.15,
   * §4.2.3).
   */
  #disabled(t: Translation, trace: TraceRecorder | null): void {
    const noAnswer = t.addressType === AddressType.TranslationRequest || t.pageRequest;
    if (noAnswer || this.state.protects(t.iovaHi, t.iovaLo)) {
      const reason = noAnswer ? R.TRANSLATION_OFF : R.PROTECTED_REGION;
      if (trace !== null) trace.check(0, reason, t.iovaHi, t.iovaLo);
      t.fault(reason);
      return;
    }
    t.reason = R.TRANSLATION_OFF;
    t.paHi = t.iovaHi;
    t.paLo = t.iovaLo;
    if (trace === null) return;
    trace.row(TracePhase.Output, 0);
    trace.output(t.iovaHi, t.iovaLo, t.iovaHi, t.iovaLo, 7, 64);
  }
}

/** Tell what becomes of a request that asks not to snoop. */
const noteSnoop = (trace: TraceRecorder, snoops: boolean): void =>
  trace.noted(trace.count - 1, snoops ? R.SNOOP_FORCED : R.NOT_SNOOPED);

/** Show the answer that a cache gave. */
function traceHit(t: Translation, trace: TraceRecorder): void {
  trace.row(TracePhase.Output, 0);
  if (t.end === End.Fault) trace.check(0, t.reason, t.iovaHi, t.iovaLo);
  else trace.output(t.iovaHi, t.iovaLo, t.paHi, t.paLo, t.permissions, Math.min(t.sizeLg2First, t.sizeLg2Second));
}
