/**
 * Legacy mode: from a source id to a second-stage table, by root and context entry (VT-d §3.4.2, §9.1, §9.3), with the
 * checks in the order of the fault conditions (§7.1.3).
 */
import { R } from "../../arch/vtd/reasons.ts";
import { CONTEXT_ENTRY, ROOT_ENTRY } from "../../arch/vtd/root_context.ts";
import { TraceKind } from "../../protocol/trace.ts";
import { AddressType, Updates } from "../common/request.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import { type ConfigCache, cacheFor } from "./caches/config_cache.ts";
import { CONTEXT_RULES, firstBroken, ROOT_RULES, TranslationType } from "./entry_rules.ts";
import type { RequestConfig } from "./request_config.ts";
import { blocked, fetchEntry, type StructureSource } from "./structure_fetch.ts";
import type { Translation } from "./translation.ts";

const ROOT_TABLE = { kind: TraceKind.RootEntry, bytes: ROOT_ENTRY.bits / 8, unreadable: R.LRT_1 };
const CONTEXT_TABLE = { kind: TraceKind.ContextEntry, bytes: CONTEXT_ENTRY.bits / 8, unreadable: R.LCT_1 };
export class LegacyTables {
  readonly #from: StructureSource;

  constructor(from: StructureSource) {
    this.#from = from;
  }

  /** Find out what applies to a request. @returns false when it ended here: `t` says how */
  resolve(t: Translation, trace: TraceRecorder | null, config: RequestConfig): boolean {
    if (t.pageRequest) return refuse(t, trace, R.RTA_3);
    if (t.hasPasid) return refuse(t, trace, R.RTA_2);
    const cache = cacheFor(this.#from.cache, trace);
    const cached = cache?.recallContext(t.sid, config.context) ?? false;
    if (!cached && !(this.#root(t, trace, config) && this.#fetchContext(t, trace, config))) return false;
    return this.#context(t, trace, config, cached ? null : cache);
  }

  #root(t: Translation, trace: TraceRecorder | null, config: RequestConfig): boolean {
    const { root } = config;
    const { rootHi, rootLo } = this.#from.state;
    if (!fetchEntry(this.#from.memory, t, trace, ROOT_TABLE, rootHi, rootLo, t.sid >>> 8, root)) return false;
    const reason = firstBroken(ROOT_RULES, root, this.#from.caps);
    if (reason !== R.NONE) return blocked(t, trace, reason);
    const f = ROOT_ENTRY.f;
    if (trace !== null) trace.leadsTo(f.CTP.addressHi(root, 0), f.CTP.addressLo(root, 0));
    return true;
  }

  #fetchContext(t: Translation, trace: TraceRecorder | null, config: RequestConfig): boolean {
    const { context, root } = config;
    const ctp = ROOT_ENTRY.f.CTP;
    const tableHi = ctp.addressHi(root, 0);
    return fetchEntry(
      this.#from.memory,
      t,
      trace,
      CONTEXT_TABLE,
      tableHi,
      ctp.addressLo(root, 0),
      t.sid & 0xff,
      context,
    );
  }

  /** @param keepIn where the entry is kept if it is one to keep */
  #context(t: Translation, trace: TraceRecorder | null, config: RequestConfig, keepIn: ConfigCache | null): boolean {
    const { context } = config;
    const caps = this.#from.caps;
    const f = CONTEXT_ENTRY.f;
    t.fpd = f.FPD.get(context, 0) === 1;
    const reason = firstBroken(CONTEXT_RULES, context, caps);
    if (keepIn !== null && t.updates === Updates.Make && (reason === R.NONE || caps.cm)) {
      keepIn.keepContext(t.sid, reason === R.NONE ? f.DID.get(context, 0) : 0, context);
    }
    if (reason !== R.NONE) return blocked(t, trace, reason);
    const type = f.TT.get(context, 0);
    if (t.addressType !== AddressType.Untranslated && type !== TranslationType.All) {
      return blocked(t, trace, R.LCT_5);
    }
    config.did = f.DID.get(context, 0);
    config.fpd = t.fpd;
    config.ats = type === TranslationType.All;
    if (type !== TranslationType.PassThrough) {
      const [hi, lo] = [f.SSPTPTR.addressHi(context, 0), f.SSPTPTR.addressLo(context, 0)];
      config.setSecond(this.#from.secondStage, caps, f.AW.get(context, 0), hi, lo);
      if (trace !== null) trace.leadsTo(hi, lo);
    }
    if (trace !== null) trace.done();
    return true;
  }
}

/** No structure was read. @returns false */
function refuse(t: Translation, trace: TraceRecorder | null, reason: number): false {
  if (trace !== null) trace.check(0, reason, t.iovaHi, t.iovaLo);
  return t.fault(reason);
}
