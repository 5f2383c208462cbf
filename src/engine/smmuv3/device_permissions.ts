/**
 * The Device Permission Table: whether a device may access a physical address that it says it was given
 * (IHI 0070 §3.24, §6.3.46 to §6.3.48).
 *
 * CHOICE(DPT_TLB): nothing of the table is cached, so that every check walks it.
 */
import { DPT_L0_BLOCK, DPT_L0_TABLE, DPT_L1, DptL0Type } from "../../arch/smmuv3/dpt.ts";
import { SMMU_DPT_BASE, SMMU_DPT_BASE_CFG, SMMU_DPT_CFG_FAR } from "../../arch/smmuv3/queue_registers.ts";
import { R } from "../../arch/smmuv3/reasons.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import { highHalf } from "../../base/address.ts";
import type { FieldAccess, Layout } from "../../base/layout.ts";
import type { TraceRecorder } from "../common/trace_recorder.ts";
import { MemoryStatus, type PhysicalMemory } from "../memory/physical_memory.ts";
import type { Capabilities } from "./capabilities.ts";
import { Event } from "./event_record.ts";
import { GlobalError, type GlobalErrors } from "./global_errors.ts";
import type { RegisterFile } from "./register_file.ts";
import { beyond, granuleOfTg0 } from "./ste_rules.ts";
import type { Translation } from "./translation.ts";

/** DPT_CFG_FAR.DPT_FAULTCODE. */
const FaultCode = { Disabled: 0, Walk: 1, ExternalAbort: 3 } as const;

/** Address bits of DPTPS, L0DPTSZ and Contig; undefined for reserved codes. */
const DPTPS_BITS = [32, 36, 40, 42, 44, 48, 52];
const L0DPTSZ_BITS: Readonly<Record<number, number>> = { 0: 30, 4: 34, 6: 36, 9: 39 };
const CONTIG_BITS = [0, 16, 21, 25, 29, 30, 34, 36];

/** Shape of the table, as DPT_BASE_CFG gives it: all in address bits. */
interface Shape {
  readonly protectedBits: number;
  readonly level0Bits: number;
  readonly granuleBits: number;
}

/** What a lookup found: who may access, or that nobody may. */
interface Found {
  readonly ac: number;
  readonly write: boolean;
  readonly vmid: number;
}

/** How a lookup ended: with an entry, with no access, or it could not be made. */
type Lookup =
  | { readonly end: "entry"; readonly entry: Found }
  | { readonly end: "no access" }
  | { readonly end: "fault"; readonly code: number; readonly level: 0 | 1 }
  | { readonly end: "unknown"; readonly hi: number; readonly lo: number };

const NO_ACCESS: Lookup = { end: "no access" };
const fault = (code: number, level: 0 | 1): Lookup => ({ end: "fault", code, level });

export class DevicePermissions {
  readonly #regs: RegisterFile;
  readonly #memory: PhysicalMemory;
  readonly #caps: Capabilities;
  readonly #errors: GlobalErrors;
  readonly #entry = new Uint32Array(2);

  constructor(regs: RegisterFile, memory: PhysicalMemory, caps: Capabilities, errors: GlobalErrors) {
    this.#regs = regs;
    this.#memory = memory;
    this.#caps = caps;
    this.#errors = errors;
  }

  /**
   * Check the physical address of a translated transaction.
   * @returns false when the transaction ended here: `t` says how
   */
  check(t: Translation, ste: Uint32Array, trace: TraceRecorder | null): boolean {
    const lookup = this.#lookup(t.iovaHi, t.iovaLo);
    if (lookup.end === "unknown") return t.unknown(lookup.hi, lookup.lo);
    if (lookup.end === "fault") {
      this.#report(lookup.code, lookup.level, t.iovaHi, t.iovaLo);
      return refuse(t, trace, R.DPT_LOOKUP);
    }
    if (lookup.end === "no access" || !permits(lookup.entry, t.write, ste)) return refuse(t, trace, R.DPT_NO_ACCESS);
    return true;
  }

  #lookup(hi: number, lo: number): Lookup {
    const regs = this.#regs;
    if (regs.field("SMMU_CR0", "DPT_WALK_EN") === 0) return fault(FaultCode.Disabled, 0);
    const shape = this.#shape();
    if (shape === null) return fault(FaultCode.Walk, 0);
    const { protectedBits, level0Bits, granuleBits } = shape;
    if (beyond(hi, protectedBits)) return NO_ACCESS;
    const base = regs.at("SMMU_DPT_BASE");
    const failed0 = this.#fetch(
      SMMU_DPT_BASE.f.BADDR.addressHi(regs.words, base),
      SMMU_DPT_BASE.f.BADDR.addressLo(regs.words, base),
      Math.max(12, protectedBits - level0Bits + 3),
      bitsOf(hi, lo, protectedBits - 1, level0Bits),
      0,
    );
    if (failed0 !== null) return failed0;
    const type = DPT_L0_TABLE.f.Type.get(this.#entry, 0);
    if (type === DptL0Type.NoAccess) return this.#entry[0] === 0 && this.#entry[1] === 0 ? NO_ACCESS : badEntry(0);
    if (type === DptL0Type.Block) return this.#block();
    if (type !== DptL0Type.Table || !mustBeZero(DPT_L0_TABLE, this.#entry)) return badEntry(0);
    const tableHi = DPT_L0_TABLE.f.Address.addressHi(this.#entry, 0);
    if (beyond(tableHi, this.#caps.oas)) return badEntry(0);
    const failed1 = this.#fetch(
      tableHi,
      DPT_L0_TABLE.f.Address.addressLo(this.#entry, 0),
      level0Bits - granuleBits - 1 + 3,
      bitsOf(hi, lo, level0Bits - 1, granuleBits + 1),
      1,
    );
    return failed1 ?? this.#level1(bitsOf(hi, lo, granuleBits, granuleBits) as 0 | 1, shape);
  }

  /** DPT_BASE_CFG, or null for a configuration that is not valid (§3.24.4). */
  #shape(): Shape | null {
    const f = SMMU_DPT_BASE_CFG.f;
    const at = this.#regs.at("SMMU_DPT_BASE_CFG");
    const { words } = this.#regs;
    const protectedBits = DPTPS_BITS[f.DPTPS.get(words, at)];
    const level0Bits = L0DPTSZ_BITS[f.L0DPTSZ.get(words, at)];
    const granuleBits = granuleOfTg0(f.DPTGS.get(words, at));
    if (protectedBits === undefined || level0Bits === undefined || granuleBits === null) return null;
    if (protectedBits > this.#caps.oas || level0Bits > protectedBits) return null;
    return this.#caps.granules.has(granuleBits) ? { protectedBits, level0Bits, granuleBits } : null;
  }

  /** Read entry `index` of a table of 2^sizeLg2 bytes into #entry. @returns null when it was read */
  #fetch(tableHi: number, tableLo: number, sizeLg2: number, index: number, level: 0 | 1): Lookup | null {
    const hi = sizeLg2 > 32 ? tableHi & (-1 << (sizeLg2 - 32)) : tableHi;
    const lo = sizeLg2 >= 32 ? 0 : tableLo & (-1 << sizeLg2);
    const offset = index * 8;
    const atHi = (hi | highHalf(offset)) >>> 0;
    const atLo = (lo | offset) >>> 0;
    const status = this.#memory.read64(atHi, atLo);
    if (status === MemoryStatus.Unknown) return { end: "unknown", hi: atHi, lo: atLo };
    if (status !== MemoryStatus.Ok) return fault(FaultCode.ExternalAbort, level);
    this.#entry[0] = this.#memory.lo;
    this.#entry[1] = this.#memory.hi;
    return null;
  }

  #block(): Lookup {
    const f = DPT_L0_BLOCK.f;
    const w = this.#entry;
    const entry = { ac: f.AC.get(w, 0), write: f.W.get(w, 0) === 1, vmid: f.VMID.get(w, 0) };
    return mustBeZero(DPT_L0_BLOCK, w) && this.#legal(entry) ? { end: "entry", entry } : badEntry(0);
  }

  #level1(half: 0 | 1, { level0Bits, granuleBits }: Shape): Lookup {
    const f = DPT_L1.f;
    const w = this.#entry;
    const a = f.A.get(w, 0);
    const contig = f.Contig.get(w, 0);
    const lower = { ac: f.AC0.get(w, 0), write: f.W0.get(w, 0) === 1, vmid: f.VMID0.get(w, 0) };
    const upper = { ac: f.AC1.get(w, 0), write: f.W1.get(w, 0) === 1, vmid: f.VMID1.get(w, 0) };
    const run = CONTIG_BITS[contig];
    const contiguous = a === 3 && contig !== 0;
    const runFits = run !== undefined && run <= level0Bits && !(run === 16 && granuleBits === 16);
    const unused = (entry: Found): boolean => entry.ac === 0 && !entry.write && entry.vmid === 0;
    const halfLegal = (on: boolean, entry: Found): boolean => (on ? this.#legal(entry) : unused(entry));
    const legal =
      mustBeZero(DPT_L1, w) &&
      (a === 3 ? contig === 0 || runFits : contig === 0) &&
      halfLegal((a & 1) !== 0, lower) &&
      halfLegal((a & 2) !== 0 && !contiguous, upper);
    if (!legal) return badEntry(1);
    if (contiguous) return { end: "entry", entry: lower };
    return ((a >>> half) & 1) === 0 ? NO_ACCESS : { end: "entry", entry: half === 0 ? lower : upper };
  }

  /** Access control is not reserved, and the VMID is as wide as it may be. */
  #legal({ ac, vmid }: Found): boolean {
    return ac !== 3 && (ac !== 2 || vmid === 0) && (this.#caps.vmid16 || vmid <= 0xff);
  }

  /** Put a lookup fault into DPT_CFG_FAR unless one stands there, and raise the global error (§3.24.4). */
  #report(code: number, level: 0 | 1, hi: number, lo: number): void {
    const f = SMMU_DPT_CFG_FAR.f;
    const { words } = this.#regs;
    const at = this.#regs.at("SMMU_DPT_CFG_FAR");
    if (f.FAULT.get(words, at) === 1) return;
    f.FAULT.set(words, at, 1);
    f.LEVEL.set(words, at, level);
    f.DPT_FAULTCODE.set(words, at, code);
    f.FADDR.set(words, at, ((lo >>> 12) | (hi << 20)) >>> 0, hi >>> 12);
    this.#errors.activate(GlobalError.DPT_ERR);
  }
}

const badEntry = (level: 0 | 1): Lookup => fault(FaultCode.Walk, level);

function refuse(t: Translation, trace: TraceRecorder | null, reason: number): false {
  if (trace !== null) trace.check(0, reason, t.iovaHi, t.iovaLo);
  return t.fault(Event.F_TRANSL_FORBIDDEN, reason);
}

/** The entry lets a stream with this STE access the address (§3.24.1). */
function permits(entry: Found, write: boolean, ste: Uint32Array): boolean {
  if (write && !entry.write) return false;
  const code = STE.f.DPT_VMATCH.get(ste, 0);
  const vmatch = code === 3 ? 0 : code;
  const checked = vmatch === 2 ? false : vmatch === 1 ? entry.ac === 0 : entry.ac <= 1;
  return !checked || entry.vmid === STE.f.S2VMID.get(ste, 0);
}

/** Bits [top:bottom] of an address, fewer than 32 of them. */
function bitsOf(hi: number, lo: number, top: number, bottom: number): number {
  const shifted = bottom >= 32 ? hi >>> (bottom - 32) : bottom === 0 ? lo : (lo >>> bottom) | (hi << (32 - bottom));
  return (shifted & (2 ** (top - bottom + 1) - 1)) >>> 0;
}

/** Every reserved bit of an entry is 0. */
function mustBeZero(l: Layout, words: Uint32Array): boolean {
  const access = l.f as Readonly<Record<string, FieldAccess>>;
  return l.fields.every(
    ({ name, form }) => form !== "reserved" || (access[name]!.get(words, 0) | access[name]!.getHi(words, 0)) === 0,
  );
}
