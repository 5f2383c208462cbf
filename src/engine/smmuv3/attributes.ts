/**
 * The memory type, shareability and allocation hints a transaction leaves with (IHI 0070 §13; DDI 0487 §D8.6).
 *
 * A type is a byte as in MAIR: 0b0000dd00 is Device (nGnRnE, nGnRE, nGRE, GRE); else bits 7:4 are the outer and 3:0 the
 * inner level of a Normal type, each Non-cacheable (0b0100) or Write-Through (0bxxx with bit 2 clear) or Write-Back with
 * the hints transient (bit 3 clear), Read-Allocate (bit 1) and Write-Allocate (bit 0). Shareability is that of
 * descriptors: 0 Non-shareable, 2 Outer, 3 Inner. Non-secure state only: NSCFG has no say (§5.2).
 *
 * Nothing here is worked out unless somebody asks. Fetches by the SMMU itself carry no attributes in this model, so that
 * S2PTW counts where it faults only, and IDR3.PTWNNC changes nothing that could be seen.
 */
import { CD } from "../../arch/smmuv3/cd.ts";
import { S1_PAGE, S2_PAGE } from "../../arch/smmuv3/descriptors.ts";
import { R } from "../../arch/smmuv3/reasons.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import { locate } from "../../base/layout.ts";
import type { Capabilities } from "./capabilities.ts";
import { effectiveDs } from "./cd_rules.ts";
import type { ResolvedStream } from "./config_resolver.ts";
import type { RegisterFile } from "./register_file.ts";
import { effectiveS2Ds } from "./ste_rules.ts";
import type { Translation } from "./translation.ts";

/** Shareability as descriptors encode it. */
export const Shareability = { Non: 0, Outer: 2, Inner: 3 } as const;

/** A type and a shareability in one number: the byte in bits 7:0, the shareability in 9:8. */
export type Attributes = number;
export const mairOf = (a: Attributes): number => a & 0xff;
export const shareabilityOf = (a: Attributes): number => a >>> 8;

const DEVICE_NAMES = ["Device-nGnRnE", "Device-nGnRE", "Device-nGRE", "Device-GRE"] as const;
const SHAREABILITY_NAMES = ["NSH", "NSH", "OSH", "ISH"] as const;
const NOT_CACHED = "Normal-iNC-oNC";

const NON_CACHEABLE = 0x44;
/** One level: Non-cacheable; Write-Back or -Through with both allocation hints and not transient. */
const NC = 0b0100;
const WB = 0b1111;
const WT = 0b1011;

/** Type and shareability of a leaf or a stage, as it says them by itself. */
interface Own {
  readonly type: string;
  readonly shareability: string;
}

const isDevice = (mair: number): boolean => (mair & 0xf0) === 0;
const isWriteBack = (level: number): boolean => level !== NC && (level & 0b0100) !== 0;
const isTransient = (level: number): boolean => (level & 0b1000) === 0;

/** A cacheable level. One that allocates nothing is not transient (§13.1.7). */
const cacheable = (writeBack: boolean, transient: boolean, allocate: number): number =>
  (writeBack ? 0b0100 : 0) | (transient && allocate !== 0 ? 0 : 0b1000) | allocate;

/** The two levels of a Normal type, each made from those of two others. */
function levels(a: number, b: number, make: (a: number, b: number) => number): number {
  return (make(a >>> 4, b >>> 4) << 4) | make(a & 15, b & 15);
}

/** What a byte of MAIR means: reserved encodings behave as others (§5.4, MAIR0). */
export function effectiveMair(byte: number): number {
  if (isDevice(byte)) return byte & 0x0c;
  // Inner 0b0000 is Write-Through transient, allocating on reads and writes.
  const mair = (byte & 15) === 0 ? byte | 3 : byte;
  return levels(mair, mair, (level) =>
    level === NC ? NC : cacheable(isWriteBack(level), isTransient(level), level & 3),
  );
}

/** Make attributes consistent: Device and Normal Non-cacheable are Outer Shareable (§13.1.7). */
export function attributes(mair: number, shareability: number): Attributes {
  const type = effectiveMair(mair);
  if (isDevice(type) || type === NON_CACHEABLE) return type | (Shareability.Outer << 8);
  // The reserved shareability behaves as 0.
  return type | ((shareability === 1 ? Shareability.Non : shareability) << 8);
}

const one = (level: number): number => [0, NC, WT, WB][level]!;

/**
 * The type that MemAttr[3:0] names, in a stage-2 descriptor without S2FWB, an STE or GBPA. Reserved ones are
 * Device-nGnRnE: as the SMMU has it for STEs (§5.2); CHOICE(MEMATTR_RESERVED): for descriptors and GBPA as well.
 */
export function memAttrType(memAttr: number): number {
  if (memAttr < 4) return memAttr << 2;
  return (memAttr & 3) === 0 ? 0 : (one(memAttr >>> 2) << 4) | one(memAttr & 3);
}

/** The stronger of two Device types, or the one there is. */
function strongest(a: number, b: number): number {
  if (!isDevice(a)) return b;
  return isDevice(b) ? Math.min(a, b) : a;
}

/** Stage 2 takes cacheability away, never gives it; hints are stage 1's (DDI 0487 §D8.6.5). */
const weakest = (first: number, second: number): number => {
  if (first === NC || second === NC) return NC;
  return cacheable(isWriteBack(first) && isWriteBack(second), isTransient(first), first & 3);
};

/** Write-Back, with stage 1's hints where it has any. */
const writeBack = (level: number): number => (level === NC ? WB : cacheable(true, isTransient(level), level & 3));

/** What stage 2 makes of the type before it where S2FWB is 1, by MemAttr[2:0] (DDI 0487 §D8.6.6). */
const FORCED: readonly ((type: number) => number)[] = [
  (type) => strongest(type, 0x00),
  (type) => strongest(type, 0x04),
  (type) => strongest(type, 0x08),
  (type) => strongest(type, 0x0c),
  // CHOICE(S2FWB_RESERVED): 0b100 is reserved and behaves as 0b101.
  (type) => (isDevice(type) ? type : NON_CACHEABLE),
  (type) => (isDevice(type) ? type : NON_CACHEABLE),
  (type) => (isDevice(type) ? 0xff : levels(type, type, writeBack)),
  (type) => type,
];

/**
 * The type of both stages together.
 * @param type what stage 1, or the transaction where stage 1 is off, says
 * @param memAttr MemAttr[3:0] of the stage-2 leaf; with `fwb` bit 3 says nothing
 * @param noTagAccess IDR3.MTEPERM: MemAttr 0b0100 is Write-Back (§3.23.1)
 */
export function combineTypes(type: number, memAttr: number, fwb: boolean, noTagAccess = false): number {
  if (fwb) return FORCED[memAttr & 7]!(type);
  const second = noTagAccess && memAttr === 4 ? 0xff : memAttrType(memAttr);
  return isDevice(type) || isDevice(second) ? strongest(type, second) : levels(type, second, weakest);
}

/** The wider of two domains: Outer, then Inner, then Non-shareable (DDI 0487 §D8.6.7). */
export function combineShareability(a: number, b: number): number {
  if (a === Shareability.Outer || b === Shareability.Outer) return Shareability.Outer;
  return a === Shareability.Inner || b === Shareability.Inner ? Shareability.Inner : Shareability.Non;
}

/** Attributes of both stages together; `sh` is that of stage 2. */
export function combine(first: Attributes, memAttr: number, sh: number, fwb: boolean, noTagAccess = false): Attributes {
  const type = combineTypes(mairOf(first), memAttr, fwb, noTagAccess);
  return attributes(type, combineShareability(shareabilityOf(first), sh === 1 ? Shareability.Non : sh));
}

/** Hints of the transaction pull those of stage 1 down, level by level, where both are cacheable (§13.4.2). */
export function combineHints(incoming: number, stage1: number): number {
  if (isDevice(incoming) || isDevice(stage1)) return stage1;
  return levels(incoming, stage1, (asked, level) => {
    if (asked === NC || level === NC) return level;
    return cacheable(isWriteBack(level), isTransient(asked) || isTransient(level), asked & level & 3);
  });
}

/** Overrides of a stream or of a disabled SMMU, as their fields say. */
export interface Overrides {
  readonly mtCfg: number;
  readonly memAttr: number;
  readonly allocCfg: number;
  readonly shCfg: number;
}

/**
 * What overrides make of a transaction's attributes (§13.1.4). This model's devices are none for which an implementation
 * leaves overrides out. CHOICE(ALLOCCFG_MTCFG): ALLOCCFG counts without MTCFG, too.
 */
export function override(incoming: Attributes, o: Overrides): Attributes {
  const asked = mairOf(incoming);
  let type = asked;
  if (o.mtCfg === 1) {
    type = memAttrType(o.memAttr);
    // A level that was not cacheable before brings no hints.
    if (!isDevice(type) && !isDevice(asked)) {
      type = levels(type, asked, (level, was) =>
        level === NC || was === NC ? level : cacheable(isWriteBack(level), isTransient(was), was & 3),
      );
    }
  }
  if ((o.allocCfg & 8) !== 0 && !isDevice(type)) {
    type = levels(type, type, (level) =>
      level === NC ? NC : cacheable(isWriteBack(level), (o.allocCfg & 1) !== 0, (o.allocCfg >>> 1) & 3),
    );
  }
  return attributes(type, o.shCfg === 1 ? shareabilityOf(incoming) : o.shCfg);
}

const ATTRINDX = locate(S1_PAGE, "AttrIndx");
const ATTRINDX3_SHIFT = 59 - 32;
const SH = locate(S1_PAGE, "SH");
const MEMATTR = locate(S2_PAGE, "MemAttr");

/** The byte of MAIR that a stage-1 leaf selects (§5.4): the last one for an index that AIE makes larger than 7. */
function mairByte(cd: Uint32Array, lo: number, hi: number, aie: boolean): number {
  const beyond = aie && ((hi >>> ATTRINDX3_SHIFT) & 1) === 1;
  const index = beyond ? 7 : (lo >>> ATTRINDX.shift) & 7;
  const mair = (index < 4 ? CD.f.MAIR0 : CD.f.MAIR1).get(cd, 0);
  return (mair >>> (8 * (index & 3))) & 0xff;
}

/** What the stage-1 leaf says. */
function stage1Says(t: Translation, c: ResolvedStream, caps: Capabilities): Attributes {
  const f = CD.f;
  const upper = c.twoHalves && (t.iovaHi & 0x00800000) !== 0;
  const base = upper ? c.ttb1 : c.ttb0;
  const mair = mairByte(c.cd, t.leaf1Lo, t.leaf1Hi, caps.aie && f.AIE.get(c.cd, 0) === 1);
  // 52-bit descriptors of small granules keep address bits where SH stands.
  const inCd = effectiveDs(c.cd, caps) && base.fmt!.granuleLg2 !== 16;
  const sh = inCd ? (upper ? f.SH1 : f.SH0).get(c.cd, 0) : (t.leaf1Lo >>> SH.shift) & 3;
  return attributes(effectiveMair(mair), sh);
}

/** The stage-2 leaf's MemAttr and shareability. */
function stage2Says(t: Translation, c: ResolvedStream, caps: Capabilities): { memAttr: number; sh: number } {
  const inSte = effectiveS2Ds(c.ste, caps) && c.s2.fmt!.granuleLg2 !== 16;
  const sh = inSte ? STE.f.S2SH0.get(c.ste, 0) : (t.leaf2Lo >>> SH.shift) & 3;
  return { memAttr: (t.leaf2Lo >>> MEMATTR.shift) & 15, sh };
}

/** What MemAttr[2:0] asks for where S2FWB is 1. */
const FORCED_NAMES = [...DEVICE_NAMES, NOT_CACHED, NOT_CACHED, "forces Write-Back", "as stage 1 says"] as const;

function stage2Words({ memAttr, sh }: { memAttr: number; sh: number }, c: ResolvedStream, caps: Capabilities): Own {
  const type = caps.mtePerm && memAttr === 4 ? 0xff : memAttrType(memAttr);
  const name = c.s2Fwb ? FORCED_NAMES[memAttr & 7]! : typeName(type);
  return { type: name, shareability: SHAREABILITY_NAMES[sh]! };
}

/** Told of each step on the way, in order: for somebody who wants to see where attributes come from. */
export interface AttributeSink {
  /** @param own what a stage says by itself, null where there is none */
  step(what: "incoming" | "override" | "stage 1" | "stage 2" | "No_snoop", now: Attributes, own: Own | null): void;
}

/**
 * Work out the attributes of a transaction that passed.
 * @param config the configuration it passed by; null where the SMMU is off and GBPA has its say (§13.2)
 */
export function outputAttributes(
  t: Translation,
  config: ResolvedStream | null,
  registers: RegisterFile,
  caps: Capabilities,
  sink: AttributeSink | null,
): Attributes {
  let now = attributes(t.inMair, t.inSh);
  if (sink !== null) sink.step("incoming", now, null);
  if (caps.attrTypesOvr) {
    now = override(now, config === null ? gbpaOverrides(registers) : steOverrides(config.ste));
    if (sink !== null) sink.step("override", now, null);
  }
  if (config?.stage1 === true) {
    const own = stage1Says(t, config, caps);
    // Hints of the transaction count; its type and shareability do not.
    now = attributes(combineHints(mairOf(now), mairOf(own)), shareabilityOf(own));
    if (sink !== null) sink.step("stage 1", now, attributesWords(own));
  }
  if (config?.stage2 === true) {
    const own = stage2Says(t, config, caps);
    now = combine(now, own.memAttr, own.sh, config.s2Fwb, caps.mtePerm);
    if (sink !== null) sink.step("stage 2", now, stage2Words(own, config, caps));
  }
  if (t.noSnoop && !isDevice(mairOf(now))) {
    now = attributes(NON_CACHEABLE, Shareability.Outer);
    if (sink !== null) sink.step("No_snoop", now, null);
  }
  return now;
}

/** The SMMU was off for this transaction. */
export const passedDisabled = (t: Translation): boolean => t.reason === R.SMMU_OFF;

function steOverrides(ste: Uint32Array): Overrides {
  const f = STE.f;
  return {
    mtCfg: f.MTCFG.get(ste, 0),
    memAttr: f.MemAttr.get(ste, 0),
    allocCfg: f.ALLOCCFG.get(ste, 0),
    shCfg: f.SHCFG.get(ste, 0),
  };
}

function gbpaOverrides(registers: RegisterFile): Overrides {
  const get = (field: string): number => registers.field("SMMU_GBPA", field);
  return { mtCfg: get("MTCFG"), memAttr: get("MemAttr"), allocCfg: get("ALLOCCFG"), shCfg: get("SHCFG") };
}

/** One level in the notation of §13.1.1, such as `WB/RAnWATR`. */
function levelName(level: number): string {
  if (level === NC) return "NC";
  const hint = (set: boolean, name: string): string => (set ? name : `n${name}`);
  const hints = [hint((level & 2) !== 0, "RA"), hint((level & 1) !== 0, "WA"), hint(isTransient(level), "TR")];
  return `${isWriteBack(level) ? "WB" : "WT"}/${hints.join("")}`;
}

/** A type in the notation of §13.1.1: `Device-nGnRE`, `Normal-iNC-oNC`, `Normal-iWB/RAWAnTR-oWB/RAWAnTR`. */
function typeName(type: number): string {
  return isDevice(type) ? DEVICE_NAMES[type >>> 2]! : `Normal-i${levelName(type & 15)}-o${levelName(type >>> 4)}`;
}

/** Type and shareability by their names. */
export function attributesWords(a: Attributes): Own {
  return { type: typeName(mairOf(a)), shareability: SHAREABILITY_NAMES[shareabilityOf(a)]! };
}

/** Both in one, as §13.1.1 writes them: what is Outer Shareable anyway goes without. */
export function attributesName(a: Attributes): string {
  const { type, shareability } = attributesWords(a);
  return isDevice(mairOf(a)) || mairOf(a) === NON_CACHEABLE ? type : `${type}-${shareability}`;
}
