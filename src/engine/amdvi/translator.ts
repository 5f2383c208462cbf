/**
 * The procedure of a translation in the architecture's order: device table entry, special addresses, exclusion range,
 * guest tables, host tables (48882 §2.1, §2.2).
 *
 * UNMODELLED: memory attributes (AttrV, SnoopAttribute, SD, U), MARC apertures, SNP's reverse map, tiered memory.
 */

import { DTE } from "../../arch/amdvi/dte.ts";
import { EventCode, InvalidAccess, InvalidTranslationRequest } from "../../arch/amdvi/events.ts";
import { R } from "../../arch/amdvi/reasons.ts";
import { highHalf, lowHalf } from "../../base/address.ts";
import { TraceHit, TraceKind, TracePhase, TraceVerdict } from "../../protocol/trace.ts";
import { AddressType, End, Updates, Want } from "../common/request.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import type { PhysicalMemory } from "../memory/physical_memory.ts";
import type { AmdCaches } from "./caches/amd_caches.ts";
import type { Capabilities } from "./capabilities.ts";
import type { Controls } from "./controls.ts";
import { DeviceConfig } from "./device_config.ts";
import { DeviceTable } from "./device_table.ts";
import { dteIllegal, isReservedBit } from "./dte_rules.ts";
import { Update } from "./entry_update.ts";
import { FastWalk, qualifies } from "./fast_walk.ts";
import { GuestTables } from "./guest.ts";
import { For, HostTables } from "./host.ts";
import { isInterrupt, isOrdinary, specialRange } from "./special_ranges.ts";
import type { Translation } from "./translation.ts";

const f = DTE.f;

export class Translator {
  readonly caps: Capabilities;
  readonly controls: Controls;
  readonly devices: DeviceTable;
  readonly host: HostTables;
  readonly guest: GuestTables;
  /**
   * Devices whose device table entry asks to log the first page fault only (SE), and had it.
   * CHOICE(SE): until INVALIDATE_DEVTAB_ENTRY names the device.
   */
  readonly faulted = new Set<number>();
  /** What is kept of look-ups; null where nothing is. */
  readonly caches: AmdCaches | null;
  readonly #memory: PhysicalMemory;
  readonly #config = new DeviceConfig();
  /** Null where caches of single stages stand between a walk and memory. */
  readonly #fast: FastWalk | null;

  constructor(memory: PhysicalMemory, controls: Controls, caps: Capabilities, caches: AmdCaches | null = null) {
    this.#memory = memory;
    this.controls = controls;
    this.caps = caps;
    this.caches = caches;
    this.devices = new DeviceTable(memory, controls);
    this.host = new HostTables(memory, caches);
    this.guest = new GuestTables(memory, this.host, caps, caches);
    this.#fast = caches?.cachesStages === true ? null : new FastWalk(memory, caps);
  }

  /** Translate the request that `t` describes; the answer is in `t`. */
  translate(t: Translation, trace: TraceRecorder | null): void {
    t.begin();
    const known = trace === null ? this.#known(t) : null;
    const config = known ?? this.#unknown(t);
    if (known !== null || this.resolve(t, trace, config)) this.translateIn(t, config, trace);
    else if (t.passed && trace !== null) {
      trace.row(TracePhase.Output, 0);
      trace.output(t.iovaHi, t.iovaLo, t.paHi, t.paLo, 7, 64);
    }
    if (t.record && t.event === EventCode.IO_PAGE_FAULT) t.record = this.#records(t, config);
  }

  /** What applies to the request, if that was found out before and still holds. */
  #known(t: Translation): DeviceConfig | null {
    const { caches, controls } = this;
    if (caches === null || t.addressType !== AddressType.Untranslated || !controls.iommuEn || controls.exclEn)
      return null;
    if (!isOrdinary(t.iovaHi, t.iovaLo)) return null;
    const config = caches.config.resolved(t.deviceId, t.hasPasid ? t.pasid : -1);
    if (config === null) return null;
    t.domainId = config.domainId;
    if (config.usesGuest) t.usedPasid = t.hasPasid ? t.pasid : 0;
    return config;
  }

  /** Where to put what applies to the request. */
  #unknown(t: Translation): DeviceConfig {
    const keeps = this.caches !== null && t.updates === Updates.Make;
    return keeps ? this.caches!.config.take(t.deviceId, t.hasPasid ? t.pasid : -1) : this.#config;
  }

  /** {@link resolve} has found out what applies to the request: keep it. @returns true */
  #resolved(t: Translation, config: DeviceConfig): true {
    if (this.caches !== null && t.updates === Updates.Make && config !== this.#config) {
      this.caches.config.keep(t.deviceId, t.hasPasid ? t.pasid : -1, config.usesGuest);
    }
    return true;
  }

  /**
   * Find out what applies to the request: device table entry, and the guest CR3 table where it goes through that.
   * @returns false when the request ended, or passes untranslated: `t` says which
   */
  resolve(t: Translation, trace: TraceRecorder | null, config: DeviceConfig): boolean {
    if (trace !== null) trace.row(TracePhase.Config, 0);
    if (!this.controls.iommuEn) return !t.pass(R.IOMMU_OFF);
    return this.resolveOn(t, trace, config);
  }

  /** The same where the IOMMU is on. @returns as {@link resolve} */
  resolveOn(t: Translation, trace: TraceRecorder | null, config: DeviceConfig): boolean {
    const { caps } = this;
    const untranslated = t.addressType === AddressType.Untranslated;
    if (untranslated && isInterrupt(t, caps.htRangeIgnore)) {
      t.end = End.Interrupt;
      return !t.pass(R.INTERRUPT);
    }
    if (!this.resolveDevice(t, trace, config)) return false;
    const { dte } = config;
    if (untranslated && specialRange(t, dte, caps.htRangeIgnore)) return this.#atEntry(t, trace);
    if (untranslated && this.#excluded(t, dte)) {
      t.pass(R.EXCLUDED);
      return this.#atEntry(t, trace);
    }
    return this.resolveTables(t, trace, config);
  }

  /** The last part of {@link resolve}: what the entry says of tables, whatever the address. @returns as {@link resolve} */
  resolveTables(t: Translation, trace: TraceRecorder | null, config: DeviceConfig): boolean {
    const { dte } = config;
    if (f.TV.get(dte, 0) === 0) {
      t.domainId = f.DomainID.get(dte, 0);
      t.pageFault(R.DTE_TV0, false, false, false);
      return this.#atEntry(t, trace);
    }
    config.apply(this);
    t.domainId = config.domainId;
    config.usesGuest = config.guestOn && (t.hasPasid || config.giov);
    if (!config.usesGuest) {
      if (t.hasPasid) return this.#noGuest(t, trace);
      if (trace !== null) this.#leadsTo(trace, config.host.rootHi, config.host.rootLo);
      return this.#resolved(t, config);
    }
    t.usedPasid = t.hasPasid ? t.pasid : 0;
    if (trace !== null) this.#leadsTo(trace, config.gcr3Hi, config.gcr3Lo);
    config.fast = qualifies(config);
    return this.guest.enter(t, config, trace) && this.#resolved(t, config);
  }

  /** The first part of {@link resolve}: the device table entry, read and checked. @returns as {@link resolve} */
  resolveDevice(t: Translation, trace: TraceRecorder | null, config: DeviceConfig): boolean {
    const { dte } = config;
    if (!this.#fetch(t, trace, dte)) return false;
    const untranslated = t.addressType === AddressType.Untranslated;
    const valid = f.V.get(dte, 0) === 1;
    const illegal = valid ? dteIllegal(dte, this) : R.NONE;
    if (illegal !== R.NONE) {
      t.rz = isReservedBit(illegal);
      t.fault(EventCode.ILLEGAL_DEV_TABLE_ENTRY, illegal);
    } else if (untranslated) {
      if (valid) return true;
      t.pass(R.DTE_V0);
    } else if (valid && f.I.get(dte, 0) === 1) {
      if (t.addressType === AddressType.TranslationRequest) return true;
      t.pass(R.TRANSLATED);
    } else {
      const translated = t.addressType === AddressType.Translated;
      t.type = translated ? InvalidAccess.PreTranslated : InvalidTranslationRequest.Disabled;
      t.fault(EventCode.INVALID_DEVICE_REQUEST, translated ? R.PRETRANSLATED : R.ATS_DISABLED);
    }
    return this.#atEntry(t, trace);
  }

  /**
   * The device table entry, from a cache or from memory. CHOICE(np-cache): entries with V clear are not cached.
   * @returns false when the request ended here
   */
  #fetch(t: Translation, trace: TraceRecorder | null, dte: Uint32Array): boolean {
    const { caches } = this;
    if (caches?.config.recallDte(t.deviceId, dte) === true) {
      if (trace !== null) this.#recalled(t, trace, dte);
      return true;
    }
    if (!this.devices.fetch(t, trace, dte)) return false;
    if (t.updates === Updates.Make && f.V.get(dte, 0) === 1) caches?.config.keepDte(t.deviceId, dte);
    return true;
  }

  #recalled(t: Translation, trace: TraceRecorder, dte: Uint32Array): void {
    const place = this.devices.placeOf(t.deviceId) ?? 0;
    const [hi, lo] = [highHalf(place), lowHalf(place)];
    trace.structure(TraceKind.DTE, t.deviceId, hi, lo, hi, lo, dte[1]!, dte[0]!);
    trace.fromCache(TraceHit.Config);
  }

  /**
   * CHOICE(PASID_NO_GUEST): a request with a PASID of a device without guest translation is a page fault of that PASID.
   */
  #noGuest(t: Translation, trace: TraceRecorder | null): false {
    t.gn = true;
    t.usedPasid = t.pasid;
    t.pageFault(R.PASID_NO_GUEST, false, false, false);
    return this.#atEntry(t, trace);
  }

  /** The request ended, or passes, at the device table entry. @returns false */
  #atEntry(t: Translation, trace: TraceRecorder | null): false {
    if (trace !== null && t.end === End.Fault) trace.fail(TraceVerdict.Fault, t.reason);
    else if (trace !== null) trace.done();
    return false;
  }

  #leadsTo(trace: TraceRecorder, hi: number, lo: number): void {
    trace.leadsTo(hi, lo);
    trace.done();
  }

  /** The address lies in the exclusion range, and the device may use that (§3.4.2). */
  #excluded(t: Translation, dte: Uint32Array): boolean {
    const c = this.controls;
    if (!c.exclEn || t.hasPasid || !(c.exclAllow || f.EX.get(dte, 0) === 1)) return false;
    const from = compare(t.iovaHi, t.iovaLo, c.exclBaseHi, c.exclBaseLo);
    return from >= 0 && compare(t.iovaHi, t.iovaLo, c.exclLimitHi, c.exclLimitLo) <= 0;
  }

  /** Translate the address of `t` by a configuration that {@link resolve} made for its requester. */
  translateIn(t: Translation, config: DeviceConfig, trace: TraceRecorder | null): void {
    const iotlb = this.caches?.iotlb ?? null;
    const pasid = config.usesGuest ? t.usedPasid : -1;
    if (iotlb?.hit(t, config.domainId, pasid, config.grants) === true) {
      if (trace !== null) this.#traceHit(t, trace);
      return;
    }
    const fast = trace === null && config.fast && this.#fast?.translate(t, config) === true;
    if (!fast) this.#walk(t, config, trace);
    if (iotlb === null || t.end !== End.Ok) return;
    iotlb.keep(t, config.domainId, pasid, ((config.hostUpdates | config.guestUpdates) & Update.Dirty) !== 0);
  }

  #walk(t: Translation, config: DeviceConfig, trace: TraceRecorder | null): void {
    let [hi, lo] = [t.iovaHi, t.iovaLo];
    let rows = 0;
    if (config.usesGuest) {
      if (!this.guest.translate(t, config, trace)) return;
      [hi, lo] = [this.guest.outHi, this.guest.outLo];
      rows = this.guest.reads;
    }
    if (trace !== null) trace.row(TracePhase.Output, rows);
    const [gpaHi, gpaLo] = [hi, lo];
    if (config.hostOn) {
      if (!this.host.translate(t, config, trace, hi, lo, For.Access)) return;
      [hi, lo] = [this.host.paHi, this.host.paLo];
    } else if (!this.#entryRights(t, config, trace)) return;
    if (t.pending.count > 0) t.pending.finish(this.#memory, t.updates === Updates.Make, trace);
    t.gn = false;
    t.paHi = hi;
    t.paLo = lo;
    t.passed = !config.usesGuest && !config.hostOn;
    if (trace !== null) this.#traceOutput(t, trace, gpaHi, gpaLo);
  }

  /** The whole translation came from the IOTLB. */
  #traceHit(t: Translation, trace: TraceRecorder): void {
    trace.row(TracePhase.Output, 0);
    this.#traceOutput(t, trace, t.iovaHi, t.iovaLo);
    trace.fromCache(TraceHit.Tlb);
  }

  #traceOutput(t: Translation, trace: TraceRecorder, fromHi: number, fromLo: number): void {
    const size = Math.min(t.sizeLg2Stage1, t.sizeLg2Stage2);
    trace.output(fromHi, fromLo, t.paHi, t.paLo, t.permissions1 & t.permissions2, size);
    if (t.noSnoop) trace.noted(trace.count - 1, t.forceCoherent ? R.SNOOP_FORCED : R.NOT_SNOOPED);
  }

  /** Without host tables the device table entry decides alone: IR and IW, and Mode0FC (Mode 0, §2.2.2.1). */
  #entryRights(t: Translation, config: DeviceConfig, trace: TraceRecorder | null): boolean {
    t.permissions2 = config.grants;
    t.forceCoherent = f.Mode0FC.get(config.dte, 0) === 1;
    if ((t.want & ~config.grants) === 0) return true;
    const reason = t.want === Want.Write ? R.HOST_WRITE : R.HOST_READ;
    if (trace !== null) trace.check(2, reason, t.iovaHi, t.iovaLo);
    t.gn = config.usesGuest;
    return t.pageFault(reason, true, true, false);
  }

  /** Whether a page fault goes to the log, by SA and SE of the device table entry. */
  #records(t: Translation, { dte }: DeviceConfig): boolean {
    if (f.SA.get(dte, 0) === 1) return false;
    if (f.SE.get(dte, 0) === 0) return true;
    const first = !this.faulted.has(t.deviceId);
    if (t.updates === Updates.Make) this.faulted.add(t.deviceId);
    return first;
  }
}

/** Order of two unsigned 64-bit values. */
function compare(aHi: number, aLo: number, bHi: number, bLo: number): number {
  return aHi >>> 0 === bHi >>> 0 ? (aLo >>> 0) - (bLo >>> 0) : (aHi >>> 0) - (bHi >>> 0);
}
