/**
 * What an STE and a CD mean, worked out once for the hot path: formats, roots, limits and controls as numbers.
 */
import { TableRoot } from "../common/table_root.ts";
import type { SmmuCaches } from "./caches/smmu_caches.ts";

/** The tables behind one base address: one of stage 1's two, or stage 2's. */
export class TableBase extends TableRoot {
  /** Walks are disabled (EPD), or unprivileged accesses are kept out (E0PD); stage 1 only. */
  disabled = false;
  e0pd = false;
  topByteIgnored = false;
  /** Entries are big-endian (ENDI, S2ENDI). */
  bigEndian = false;
  /** Mask of table-descriptor bits [63:32] that bind what lies below; 0 where HAD switches them off. */
  hierarchy = 0;
}

/** StreamWorld of a Non-secure stream (IHI 0070 §5.2, STE.STRW). */
export const StreamWorld = { EL1: 0, EL2: 1, EL2_E2H: 2 } as const;
export type StreamWorld = (typeof StreamWorld)[keyof typeof StreamWorld];

/** A stream's configuration. */
export class StreamConfig {
  /** Caches that this stream's translations go through: of a `CachedStream` only. */
  caches: SmmuCaches | null = null;
  stage1 = false;
  stage2 = false;
  world: StreamWorld = StreamWorld.EL1;
  vmid = 0;
  asid = 0;
  /** Effective STE.PRIVCFG and INSTCFG: 2 or 3 replace the incoming attribute. */
  privCfg = 0;
  instCfg = 0;

  readonly s2 = new TableBase();
  s2AccessFlagFaults = true;
  /** Effective S2HA, S2HD and S2HAFT: hardware updates Access flags, dirty state, Access flags of tables (§3.13). */
  s2Ha = false;
  s2Hd = false;
  s2Haft = false;
  /** Stage-1 structures in Device memory are refused (S2PTW). */
  s2ProtectWalks = false;
  s2Fwb = false;
  s2Record = false;
  /** Faults of stage 2, and of stage 1, stall the transaction (S2S, S). */
  s2Stall = false;

  /** Stage 1: bases for the lower and the upper half of the address space. */
  readonly ttb0 = new TableBase();
  readonly ttb1 = new TableBase();
  /** There is an upper half, told from the lower by address bit 55. */
  twoHalves = false;
  s1AccessFlagFaults = true;
  /** Effective HA, HD and HAFT. */
  ha = false;
  hd = false;
  haft = false;
  s1Record = false;
  s1Stall = false;
  s1Abort = false;
  wxn = false;
  pan = false;
  epan = false;

  /** PARTID and PMG of its transactions (§17.2). */
  partid = 0;
  pmg = 0;
  /** The PARTID came from a VMS, which is not cached. */
  mapsPartid = false;
}
