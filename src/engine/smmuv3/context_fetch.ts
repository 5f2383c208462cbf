/**
 * From an STE and a SubstreamID to a CD: linear and two-level CD tables, through stage 2 where it translates
 * (IHI 0070 §3.3.2, §3.4.3, §5.2 S1Fmt, S1CDMax, S1DSS, §5.3).
 */
import { CD, L1CD } from "../../arch/smmuv3/cd.ts";
import { R } from "../../arch/smmuv3/reasons.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import { TraceKind, TraceVerdict } from "../../protocol/trace.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import type { PhysicalMemory } from "../memory/physical_memory.ts";
import type { Capabilities } from "./capabilities.ts";
import { Event } from "./event_record.ts";
import type { Stage2 } from "./stage2.ts";
import { beyond } from "./ste_rules.ts";
import type { StreamConfig } from "./stream_config.ts";
import { type FetchKind, fetchStructure } from "./structure_fetch.ts";
import { EventClass, type Translation } from "./translation.ts";

const CD_BYTES_LG2 = Math.log2(CD.bits / 8);

const FETCH_L1CD: FetchKind = {
  kind: TraceKind.L1CD,
  words64: 1,
  abortEvent: Event.F_CD_FETCH,
  abortReason: R.CD_FETCH,
};
const FETCH_CD: FetchKind = {
  kind: TraceKind.CD,
  words64: CD.bits / 64,
  abortEvent: Event.F_CD_FETCH,
  abortReason: R.CD_FETCH,
};

/** What a transaction's SubstreamID, or the lack of one, makes of stage 1. */
export const Substream = {
  /** It ends the transaction; `t` says how. */
  Refused: -2,
  /** Stage 1 is bypassed (S1DSS == 0b01). */
  Bypass: -1,
} as const;

/** The CD a transaction uses: an index from 0, or one of {@link Substream}. Only for an STE whose stage 1 translates. */
export function chooseContext(t: Translation, ste: Uint32Array, caps: Capabilities): number {
  const cdMax = caps.ssidSize === 0 ? 0 : STE.f.S1CDMax.get(ste, 0);
  if (cdMax === 0) {
    if (!t.ssv) return 0;
    t.fault(Event.C_BAD_SUBSTREAMID, R.SSID_DISABLED);
    return Substream.Refused;
  }
  const dss = STE.f.S1DSS.get(ste, 0);
  if (!t.ssv) {
    if (dss === 1) return Substream.Bypass;
    if (dss === 2) return 0;
    t.fault(Event.F_STREAM_DISABLED, R.SSID_REQUIRED);
    return Substream.Refused;
  }
  if (t.ssid >= 2 ** cdMax) {
    t.fault(Event.C_BAD_SUBSTREAMID, R.SSID_RANGE);
    return Substream.Refused;
  }
  if (dss === 2 && t.ssid === 0) {
    t.fault(Event.F_STREAM_DISABLED, R.SSID_ZERO_RESERVED);
    return Substream.Refused;
  }
  return t.ssid;
}

/** SubstreamID bits that index a level-2 CD table; null for a linear table or a single CD. */
function leafTableBits(ste: Uint32Array, caps: Capabilities): number | null {
  const cdMax = caps.ssidSize === 0 ? 0 : STE.f.S1CDMax.get(ste, 0);
  const format = STE.f.S1Fmt.get(ste, 0);
  if (cdMax === 0 || format === 0 || format === 3) return null;
  return format === 1 ? 6 : 10;
}

export class ContextFetch {
  readonly #memory: PhysicalMemory;
  readonly #stage2: Stage2;
  readonly #caps: Capabilities;
  readonly #l1cd = new Uint32Array(2);

  constructor(memory: PhysicalMemory, stage2: Stage2, caps: Capabilities) {
    this.#memory = memory;
    this.#stage2 = stage2;
    this.#caps = caps;
  }

  /**
   * Fetch CD number `index` into `cd` (16 words). Its validity is not looked at.
   * @returns false when the translation ended here: `t` says how
   */
  fetch(
    t: Translation,
    config: StreamConfig,
    trace: TraceRecorder | null,
    ste: Uint32Array,
    index: number,
    cd: Uint32Array,
  ): boolean {
    const caps = this.#caps;
    const tableHi = STE.f.S1ContextPtr.addressHi(ste, 0);
    const tableLo = STE.f.S1ContextPtr.addressLo(ste, 0);
    const leafBits = leafTableBits(ste, caps);
    const cdMax = caps.ssidSize === 0 ? 0 : STE.f.S1CDMax.get(ste, 0);
    // CHOICE(S1CONTEXTPTR_LOW): pointer bits that the table's size makes RES0 are taken as zero (§5.2, S1Fmt).
    if (leafBits === null) {
      const base = align(tableLo, CD_BYTES_LG2 + cdMax);
      return this.#read(t, config, trace, FETCH_CD, index, tableHi, base + (index << CD_BYTES_LG2), cd);
    }
    const l1 = index >>> leafBits;
    const base = align(tableLo, Math.max(6, cdMax - leafBits + 3));
    if (!this.#read(t, config, trace, FETCH_L1CD, l1, tableHi, base + l1 * 8, this.#l1cd)) return false;
    if (L1CD.f.V.get(this.#l1cd, 0) === 0) return this.#refuse(t, trace, R.L1CD_V);
    const leafHi = L1CD.f.L2Ptr.addressHi(this.#l1cd, 0);
    const leafLo = align(L1CD.f.L2Ptr.addressLo(this.#l1cd, 0), leafBits + CD_BYTES_LG2);
    // CHOICE(L2PTR): beyond the IAS under stage 2, the pointer goes to stage 2, which faults (§3.4.3 (4) b).
    if (!config.stage2 && beyond(leafHi, caps.oas)) return this.#refuse(t, trace, R.L1CD_L2PTR);
    if (trace !== null) trace.leadsTo(leafHi, leafLo);
    const below = index & (2 ** leafBits - 1);
    return this.#read(t, config, trace, FETCH_CD, below, leafHi, leafLo + (below << CD_BYTES_LG2), cd);
  }

  #refuse(t: Translation, trace: TraceRecorder | null, reason: number): false {
    if (trace !== null) trace.fail(TraceVerdict.Fault, reason);
    return t.fault(Event.C_BAD_SUBSTREAMID, reason);
  }

  #read(
    t: Translation,
    config: StreamConfig,
    trace: TraceRecorder | null,
    what: FetchKind,
    index: number,
    atHi: number,
    atLo: number,
    into: Uint32Array,
  ): boolean {
    let paHi = atHi;
    let paLo = atLo >>> 0;
    if (config.stage2) {
      if (!this.#stage2.translate(t, config, trace, atHi, atLo >>> 0, EventClass.CD)) return false;
      paHi = this.#stage2.paHi;
      paLo = this.#stage2.paLo;
    }
    return fetchStructure(this.#memory, t, trace, what, index, atHi, atLo >>> 0, paHi, paLo, into);
  }
}

const align = (lo: number, lg2: number): number => (lo & (-1 << lg2)) >>> 0;
