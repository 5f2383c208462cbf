/**
 * Which PARTID and PMG a transaction carries: those of the STE or of the CD, a guest's PARTID mapped by the Virtual
 * Machine Structure (IHI 0070 §5.6, §17.2).
 *
 * CHOICE(vms-fetch): the VMS is read after the CD, where both stages translate, and only then (§5.6.1, §7.3.20).
 * CHOICE(vms-cache): it is cached nowhere (§5.6.2), so that CMD_CFGI_VMS_PIDM has nothing to drop.
 * CHOICE(partid-max): a PARTID or PMG beyond SMMU_MPAMIDR, which is then UNKNOWN, is 0.
 */
import { CD } from "../../arch/smmuv3/cd.ts";
import { R } from "../../arch/smmuv3/reasons.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import { MAPPED_PARTIDS, VMS } from "../../arch/smmuv3/vms.ts";
import { TraceKind } from "../../protocol/trace.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import type { PhysicalMemory } from "../memory/physical_memory.ts";
import type { Capabilities } from "./capabilities.ts";
import type { ResolvedStream } from "./config_resolver.ts";
import { Event } from "./event_record.ts";
import { type FetchKind, fetchStructure } from "./structure_fetch.ts";
import type { Translation } from "./translation.ts";

const FETCH_VMS: FetchKind = {
  kind: TraceKind.VMS,
  words64: VMS.bits / 64,
  abortEvent: Event.F_VMS_FETCH,
  abortReason: R.VMS_FETCH,
};

const MAP = Array.from({ length: MAPPED_PARTIDS }, (_, id) => VMS.f[`PARTID${id}`]!);

export class PartitionIds {
  readonly #memory: PhysicalMemory;
  readonly #caps: Capabilities;
  readonly #vms = new Uint32Array(VMS.bits / 32);

  constructor(memory: PhysicalMemory, caps: Capabilities) {
    this.#memory = memory;
    this.#caps = caps;
  }

  /** Those of the STE. */
  ofStream(config: ResolvedStream): void {
    config.mapsPartid = false;
    this.#set(config, STE.f.PARTID.get(config.ste, 0), STE.f.PMG.get(config.ste, 0));
  }

  /**
   * Those of the CD, where STE.S1MPAM says so.
   * @returns false when the transaction ended here: `t` says how
   */
  ofContext(t: Translation, trace: TraceRecorder | null, config: ResolvedStream): boolean {
    const { ste, cd } = config;
    if (!this.#caps.mpam || STE.f.S1MPAM.get(ste, 0) === 0) return true;
    const partid = CD.f.PARTID.get(cd, 0);
    const pmg = CD.f.PMG.get(cd, 0);
    config.mapsPartid = config.stage2 && this.#caps.vms;
    if (!config.mapsPartid) {
      this.#set(config, partid, pmg);
      return true;
    }
    const hi = STE.f.VMSPtr.addressHi(ste, 0);
    const lo = STE.f.VMSPtr.addressLo(ste, 0);
    const vms = this.#vms;
    if (!fetchStructure(this.#memory, t, trace, FETCH_VMS, 0, hi, lo, hi, lo, vms)) return false;
    if (trace !== null) trace.done();
    this.#set(config, MAP[partid & (MAPPED_PARTIDS - 1)]!.get(vms, 0), pmg);
    return true;
  }

  #set(config: ResolvedStream, partid: number, pmg: number): void {
    config.partid = partid > this.#caps.partidMax ? 0 : partid;
    config.pmg = pmg > this.#caps.pmgMax ? 0 : pmg;
  }
}
