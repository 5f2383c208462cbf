/**
 * Scalable mode: from a source id and a PASID to tables of one stage or two, by root and context entry, PASID directory
 * and PASID table (VT-d §3.4.3, §9.2, §9.4 to §9.6), with the checks in the order of the fault conditions (§7.1.3).
 */
import { PASID_DIRECTORY_ENTRY, PASID_TABLE_ENTRY } from "../../arch/vtd/pasid_entries.ts";
import { R } from "../../arch/vtd/reasons.ts";
import { SM_CONTEXT_ENTRY, SM_ROOT_ENTRY } from "../../arch/vtd/root_context.ts";
import { x86Format } from "../../pagetable/formats/x86_64.ts";
import { TraceKind } from "../../protocol/trace.ts";
import { AddressType, Updates } from "../common/request.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import { type ConfigCache, cacheFor, NO_DOMAIN } from "./caches/config_cache.ts";
import {
  DIRECTORY_RULES,
  FIVE_LEVELS,
  firstBroken,
  LOWER_ROOT_RULES,
  PASID_RULES,
  SM_CONTEXT_RULES,
  UPPER_ROOT_RULES,
  usesFirst,
  usesSecond,
} from "./entry_rules.ts";
import type { RequestConfig } from "./request_config.ts";
import { blocked, fetchEntry, type StructureSource } from "./structure_fetch.ts";
import type { Translation } from "./translation.ts";

const ROOT_TABLE = { kind: TraceKind.RootEntry, bytes: SM_ROOT_ENTRY.bits / 8, unreadable: R.SRT_1 };
const CONTEXT_TABLE = { kind: TraceKind.ContextEntry, bytes: SM_CONTEXT_ENTRY.bits / 8, unreadable: R.SCT_1 };
const DIRECTORY = { kind: TraceKind.PasidDirectoryEntry, bytes: PASID_DIRECTORY_ENTRY.bits / 8, unreadable: R.SPD_1 };
const PASID_TABLE = { kind: TraceKind.PasidEntry, bytes: PASID_TABLE_ENTRY.bits / 8, unreadable: R.SPT_1 };

/** PASIDs of one PASID table, as a power of two, and bits of the smallest directory. */
const TABLE_LG2 = 6;
const DIRECTORY_LG2 = 7;

export class ScalableTables {
  readonly #from: StructureSource;

  constructor(from: StructureSource) {
    this.#from = from;
  }

  /** Find out what applies to a request. @returns false when it ended here: `t` says how */
  resolve(t: Translation, trace: TraceRecorder | null, config: RequestConfig): boolean {
    const cache = cacheFor(this.#from.cache, trace);
    const context = cache?.recallContext(t.sid, config.context) ?? false;
    if (!context && !this.#fetchContext(t, trace, config)) return false;
    if (!this.#context(t, trace, config, context ? null : cache)) return false;
    const entry = cache?.recallPasid(t.sid, config.pasid, config.entry) ?? false;
    if (!entry && !(this.#directory(t, trace, config) && this.#fetchEntry(t, trace, config))) return false;
    return this.#entry(t, trace, config, entry ? null : cache);
  }

  /** Root and context entry. */
  #fetchContext(t: Translation, trace: TraceRecorder | null, config: RequestConfig): boolean {
    const { root, context } = config;
    const { rootHi, rootLo } = this.#from.state;
    if (!fetchEntry(this.#from.memory, t, trace, ROOT_TABLE, rootHi, rootLo, t.sid >>> 8, root)) return false;
    const r = SM_ROOT_ENTRY.f;
    const upper = (t.sid & 0x80) !== 0;
    const broken = firstBroken(upper ? UPPER_ROOT_RULES : LOWER_ROOT_RULES, root, this.#from.caps);
    if (broken !== R.NONE) return blocked(t, trace, broken);
    const pointer = upper ? r.UCTP : r.LCTP;
    const [hi, lo] = [pointer.addressHi(root, 0), pointer.addressLo(root, 0)];
    if (trace !== null) trace.leadsTo(hi, lo);
    return fetchEntry(this.#from.memory, t, trace, CONTEXT_TABLE, hi, lo, t.sid & 0x7f, context);
  }

  /** What the context entry says; which PASID counts. @param keepIn where the entry is kept if it is one to keep */
  #context(t: Translation, trace: TraceRecorder | null, config: RequestConfig, keepIn: ConfigCache | null): boolean {
    const { context } = config;
    t.fpd = SM_CONTEXT_ENTRY.f.FPD.get(context, 0) === 1;
    const broken = firstBroken(SM_CONTEXT_RULES, context, this.#from.caps);
    if (keepIn !== null && t.updates === Updates.Make && (broken === R.NONE || this.#from.caps.cm)) {
      keepIn.keepContext(t.sid, NO_DOMAIN, context);
    }
    const reason = broken === R.NONE ? this.#contextRefusal(t, config) : broken;
    return reason === R.NONE || blocked(t, trace, reason);
  }

  /** Why a context entry that is in order does not serve the request; R.NONE when it does. */
  #contextRefusal(t: Translation, config: RequestConfig): number {
    const { context } = config;
    const caps = this.#from.caps;
    const f = SM_CONTEXT_ENTRY.f;
    config.ats = caps.dt && f.DTE.get(context, 0) === 1;
    config.pageRequests = caps.prs && f.PRE.get(context, 0) === 1;
    config.ridPrivileged = caps.rps && caps.rprivs && f.RID_PRIV.get(context, 0) === 1;
    config.pasid = t.hasPasid ? t.pasid : caps.rps ? f.RID_PASID.get(context, 0) : 0;
    const refused = contextRefusesKind(t, config);
    if (refused !== R.NONE) return refused;
    if (t.hasPasid && !(caps.pasid && f.PASIDE.get(context, 0) === 1)) return R.SCT_6;
    const bits = f.PDTS.get(context, 0) + DIRECTORY_LG2 + TABLE_LG2;
    if (config.pasid >>> bits !== 0) return t.hasPasid ? R.SCT_7 : R.SCT_9;
    return R.NONE;
  }

  #directory(t: Translation, trace: TraceRecorder | null, config: RequestConfig): boolean {
    const { context, directory } = config;
    const pointer = SM_CONTEXT_ENTRY.f.PASIDDIRPTR;
    const [hi, lo] = [pointer.addressHi(context, 0), pointer.addressLo(context, 0)];
    if (trace !== null) trace.leadsTo(hi, lo);
    if (!fetchEntry(this.#from.memory, t, trace, DIRECTORY, hi, lo, config.pasid >>> TABLE_LG2, directory))
      return false;
    const f = PASID_DIRECTORY_ENTRY.f;
    t.fpd ||= f.FPD.get(directory, 0) === 1;
    const reason = firstBroken(DIRECTORY_RULES, directory, this.#from.caps);
    if (reason !== R.NONE) return blocked(t, trace, reason);
    if (trace !== null) trace.leadsTo(f.SMPTBLPTR.addressHi(directory, 0), f.SMPTBLPTR.addressLo(directory, 0));
    return true;
  }

  #fetchEntry(t: Translation, trace: TraceRecorder | null, config: RequestConfig): boolean {
    const { directory, entry } = config;
    const table = PASID_DIRECTORY_ENTRY.f.SMPTBLPTR;
    const [hi, lo] = [table.addressHi(directory, 0), table.addressLo(directory, 0)];
    const index = config.pasid & (2 ** TABLE_LG2 - 1);
    return fetchEntry(this.#from.memory, t, trace, PASID_TABLE, hi, lo, index, entry);
  }

  /** @param keepIn where the entry is kept if it is one to keep */
  #entry(t: Translation, trace: TraceRecorder | null, config: RequestConfig, keepIn: ConfigCache | null): boolean {
    const { entry } = config;
    const f = PASID_TABLE_ENTRY.f;
    t.fpd ||= f.FPD.get(entry, 0) === 1;
    const broken = firstBroken(PASID_RULES, entry, this.#from.caps);
    if (keepIn !== null && t.updates === Updates.Make && (broken === R.NONE || this.#from.caps.cm)) {
      keepIn.keepPasid(t.sid, config.pasid, broken === R.NONE ? f.DID.get(entry, 0) : 0, entry);
    }
    if (broken !== R.NONE) return blocked(t, trace, broken);
    this.#apply(config);
    config.fpd = t.fpd;
    const reason = entryRefusesKind(t, config);
    if (reason !== R.NONE) return blocked(t, trace, reason);
    t.usedPasid = config.pasid;
    const root = config.first ? config.fs : config.ss;
    if (trace !== null && (config.first || config.second)) trace.leadsTo(root.rootHi, root.rootLo);
    if (trace !== null) trace.done();
    return true;
  }

  /** The entry is in order: turn it into numbers. */
  #apply(config: RequestConfig): void {
    const { entry } = config;
    const caps = this.#from.caps;
    const f = PASID_TABLE_ENTRY.f;
    const type = f.PGTT.get(entry, 0);
    config.did = f.DID.get(entry, 0);
    config.snoops = f.PGSNP.get(entry, 0) === 1;
    config.first = usesFirst(type);
    if (usesSecond(type)) {
      const [hi, lo] = [f.SSPTPTR.addressHi(entry, 0), f.SSPTPTR.addressLo(entry, 0)];
      config.setSecond(this.#from.secondStage, caps, f.AW.get(entry, 0), hi, lo);
      config.ssade = caps.ssads && f.SSADE.get(entry, 0) === 1;
    }
    if (config.first) {
      const levels = f.FSPM.get(entry, 0) === FIVE_LEVELS ? 5 : 4;
      const [hi, lo] = [f.FSPTPTR.addressHi(entry, 0), f.FSPTPTR.addressLo(entry, 0)];
      config.fs.set(x86Format(levels, caps.fs1gp), hi, lo, levels - 1, 9 * levels + 12, caps.haw, 12);
      config.sre = f.SRE.get(entry, 0) === 1;
      config.wpe = f.WPE.get(entry, 0) === 1;
      config.nxe = f.NXE.get(entry, 0) === 1;
      config.ere = f.ERE.get(entry, 0) === 1;
      config.smep = f.SMEP.get(entry, 0) === 1;
      config.eafe = caps.eafs && f.EAFE.get(entry, 0) === 1;
    }
  }
}

/** Why a context entry does not serve this kind of request; R.NONE when it does (§9.4). */
export function contextRefusesKind(t: Translation, config: RequestConfig): number {
  if (t.addressType !== AddressType.Untranslated && !config.ats) return R.SCT_5;
  return t.pageRequest && !config.pageRequests ? R.SCT_8 : R.NONE;
}

/** Why a PASID table entry does not serve this kind of request, whose privilege is known then; R.NONE when it does. */
export function entryRefusesKind(t: Translation, config: RequestConfig): number {
  t.supervisor = t.hasPasid ? t.privileged : config.ridPrivileged;
  if (!config.first) return R.NONE;
  if (t.hasPasid && t.instruction && !t.write && !config.ere) return R.SPT_5;
  return t.supervisor && !config.sre ? R.SPT_6 : R.NONE;
}
