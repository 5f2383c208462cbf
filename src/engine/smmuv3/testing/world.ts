/**
 * An SMMUv3 with memory, put together field by field for tests. Addresses are whole numbers, exact below 2^53.
 */
import { CD } from "../../../arch/smmuv3/cd.ts";
import { registerByName } from "../../../arch/smmuv3/registers.ts";
import { STE } from "../../../arch/smmuv3/ste.ts";
import type { FieldAccess, Layout } from "../../../base/layout.ts";
import type { TraceRecorder } from "../../common/trace_recorder.ts";
import { type MemoryLayout, PhysicalMemory } from "../../memory/physical_memory.ts";
import { type CacheOptions, NO_CACHE_OPTIONS } from "../caches/options.ts";
import { RegisterFile } from "../register_file.ts";
import { Smmuv3 } from "../smmu.ts";
import { Translation } from "../translation.ts";

/** Field values by name, as the layout spells them; an address field takes the address. */
export type Fields = Readonly<Record<string, number>>;

/** Where a world keeps its stream table; tables and pages follow from {@link FREE} on. */
export const STREAM_TABLE = 0x1000_0000;
const FREE = 0x2000_0000;

const high = (at: number): number => Math.floor(at / 2 ** 32);
const low = (at: number): number => (at % 2 ** 32) >>> 0;

/** Words of a structure with these fields, the others zero. @throws for a field the layout lacks: a mistake in a test */
export function encode(layout: Layout, fields: Fields): Uint32Array {
  const words = new Uint32Array(layout.bits / 32);
  const access = layout.f as Readonly<Record<string, FieldAccess>>;
  for (const [name, value] of Object.entries(fields)) {
    const d = layout.fields.find((f) => f.name === name);
    if (d === undefined) throw new Error(`${layout.name} has no field ${name}`);
    const plain = d.form === "address" ? Math.floor(value / 2 ** (d.lo & 63)) : value;
    access[name]!.set(words, 0, low(plain), high(plain));
  }
  return words;
}

/** Capabilities and state by register: all that is modelled, 48-bit addresses, translation and events on. */
const REGISTERS = {
  IDR0: { S1P: 1, S2P: 1, TTF: 2, Hyp: 1, ASID16: 1, VMID16: 1, CD2L: 1, ST_LEVEL: 1 },
  IDR1: { SIDSIZE: 16, SSIDSIZE: 20, EVENTQS: 8, ATTR_PERMS_OVR: 1 },
  IDR3: { HAD: 1, XNX: 1, FWB: 1, STT: 1, E0PD: 1, EPAN: 1 },
  IDR5: { OAS: 5, GRAN4K: 1, GRAN16K: 1, GRAN64K: 1 },
  AIDR: { ArchMinorRev: 2 },
  CR0: { SMMUEN: 1, EVENTQEN: 1 },
  CR2: { RECINVSID: 1 },
  STRTAB_BASE: { ADDR: STREAM_TABLE },
  STRTAB_BASE_CFG: { LOG2SIZE: 8 },
} as const satisfies Readonly<Record<string, Fields>>;

/** What changes 48-bit addresses of {@link REGISTERS} to 52-bit ones. */
export const WIDE = { IDR5: { OAS: 6, DS: 1, VAX: 1 } } as const;

/** A legal STE for both stages: one CD, 4 KiB tables at stage 2, four levels. */
export const NESTED_STE: Fields = { V: 1, Config: 7, S2T0SZ: 16, S2SL0: 2, S2PS: 5, S2AA64: 1, S2R: 1 };

/** A legal CD: 48 bits below, nothing above, faults recorded and answered with an abort. */
export const PLAIN_CD: Fields = { V: 1, AA64: 1, T0SZ: 16, EPD1: 1, IPS: 5, A: 1, R: 1 };

/** One transaction; what is left out is a plain read by stream 1. */
export interface Request {
  readonly sid?: number;
  readonly ssid?: number;
  /** Input address: a number, or two halves for one beyond 2^53. */
  readonly va: number | readonly [hi: number, lo: number];
  readonly write?: boolean;
  readonly privileged?: boolean;
  readonly instruction?: boolean;
}

export class World {
  readonly memory: PhysicalMemory;
  /** Ranges `[address, bytes]` that read as zero until written. */
  readonly zero: MemoryLayout["zero"];
  readonly registers = new RegisterFile();
  readonly smmu: Smmuv3;
  readonly t = new Translation();
  #next = FREE;

  /**
   * @param registers fields that differ from {@link REGISTERS}, by register
   * @param memory what differs from memory that reads as zero below 2^40 and does not answer beyond
   * @param caches which caches the SMMU has; none by default
   */
  constructor(
    registers: Readonly<Record<string, Fields>> = {},
    memory: Partial<MemoryLayout> = {},
    caches: CacheOptions = NO_CACHE_OPTIONS,
  ) {
    const layout: MemoryLayout = { outside: "abort", zero: [[0, 2 ** 40]], segments: [], ...memory };
    this.memory = new PhysicalMemory(layout);
    this.zero = layout.zero;
    const base: Readonly<Record<string, Fields>> = REGISTERS;
    for (const name of new Set([...Object.keys(base), ...Object.keys(registers)])) {
      this.load(name, { ...base[name], ...registers[name] });
    }
    this.smmu = new Smmuv3(this.memory, this.registers, caches);
  }

  /** Set a register as the hardware would. Capabilities are read once: pass those to the constructor. */
  load(name: string, fields: Fields): void {
    const register = registerByName(name);
    if (register === undefined) throw new Error(`no register ${name}`);
    const [lo, hi] = encode(register.layout, fields);
    this.registers.load(register, lo!, hi ?? 0);
  }

  /** An address that is free and aligned to `bytes`, a power of two. */
  allocate(bytes: number): number {
    const at = Math.ceil(this.#next / bytes) * bytes;
    this.#next = at + bytes;
    return at;
  }

  write(at: number, lo: number, hi: number): void {
    this.memory.write64(high(at), low(at), hi, lo);
  }

  /** Write a structure with these fields. @returns its address */
  put(layout: Layout, at: number, fields: Fields): number {
    this.memory.writeBytes(at, new Uint8Array(encode(layout, fields).buffer));
    return at;
  }

  /** Write the STE of a stream into the linear table. @returns its address */
  ste(sid: number, fields: Fields): number {
    return this.put(STE, STREAM_TABLE + (sid * STE.bits) / 8, fields);
  }

  /** Write a CD somewhere. @returns its address */
  cd(fields: Fields): number {
    return this.put(CD, this.allocate(CD.bits / 8), fields);
  }

  /** Make `t` the transaction, without translating it. */
  request(r: Request): Translation {
    const { t } = this;
    const [hi, lo] = typeof r.va === "number" ? [high(r.va), low(r.va)] : r.va;
    t.sid = r.sid ?? 1;
    t.ssv = r.ssid !== undefined;
    t.ssid = r.ssid ?? 0;
    t.iovaHi = hi | 0;
    t.iovaLo = lo | 0;
    t.write = r.write ?? false;
    t.privileged = r.privileged ?? false;
    t.instruction = r.instruction ?? false;
    return t;
  }

  /** Translate a transaction; the answer is overwritten by the next. */
  translate(r: Request, trace: TraceRecorder | null = null): Translation {
    this.smmu.translate(this.request(r), trace);
    return this.t;
  }

  /** Translate, and the address it came to; null where it did not go through. */
  output(r: Request): number | null {
    const t = this.translate(r);
    return t.end === 0 ? (t.paHi >>> 0) * 2 ** 32 + (t.paLo >>> 0) : null;
  }
}
