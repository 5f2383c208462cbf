/**
 * The composition root: memory, an IOMMU and the events it recorded, changed only by `apply`.
 *
 * 64-bit values are bigint on this side and halves on the engine's.
 */
import { registerByName } from "../arch/smmuv3/registers.ts";
import { Digest } from "../base/digest.ts";
import { type MemoryImage, MemoryStatus, PhysicalMemory } from "../engine/memory/physical_memory.ts";
import { EventQueue } from "../engine/smmuv3/event_queue.ts";
import { EVENT_WORDS, encodeEvent } from "../engine/smmuv3/event_record.ts";
import { RegisterFile } from "../engine/smmuv3/register_file.ts";
import { Smmuv3 } from "../engine/smmuv3/smmu.ts";
import type { TraceRecorder } from "../engine/smmuv3/trace_recorder.ts";
import { End, Translation } from "../engine/smmuv3/translation.ts";
import type { Access, Action, MachineDescription } from "../protocol/machine.ts";

/** What became of a transaction. */
export type DmaResult =
  /** It went to `pa`; `data` is what a read brought, absent where nothing answers at `pa`. */
  | { readonly ok: true; readonly pa: bigint; readonly data?: Uint8Array }
  /** It was terminated; `unknown` is the address of memory the session lacks, where that was the cause. */
  | { readonly ok: false; readonly unknown?: bigint; readonly razwi: boolean };

/** A saved state of a machine; only meaningful to the machine that made it. */
export interface MachineImage {
  readonly memory: MemoryImage;
  readonly registers: Uint32Array;
  readonly events: number;
}

/** Most events a machine keeps; later ones are not recorded. */
const MAX_EVENTS = 1 << 20;
const PAGE = 4096n;

const low = (value: bigint): number => Number(value & 0xffffffffn);
const high = (value: bigint): number => Number((value >> 32n) & 0xffffffffn);
const join = (hi: number, lo: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

export class Machine {
  readonly memory: PhysicalMemory;
  readonly smmu: Smmuv3;
  readonly #registers = new RegisterFile();
  readonly #eventQueue: EventQueue;
  readonly #t = new Translation();
  /** Records that reached the Event queue, EVENT_WORDS words each, oldest first. */
  #events = new Uint32Array(16 * EVENT_WORDS);
  #eventCount = 0;
  #taken = 0;

  constructor(description: MachineDescription) {
    const { memory, registers } = description;
    this.memory = new PhysicalMemory({
      outside: memory.outside,
      zero: memory.zero.map(([at, bytes]) => [Number(at), Number(bytes)]),
      segments: memory.segments.map(({ at, bytes }) => ({ at: Number(at), bytes })),
    });
    for (const [name, value] of Object.entries(registers)) {
      const register = registerByName(name);
      if (register !== undefined) this.#registers.load(register, low(value), high(value));
    }
    this.smmu = new Smmuv3(this.memory, this.#registers);
    this.#eventQueue = new EventQueue(this.#registers, this.memory);
  }

  /** Records of all events so far, EVENT_WORDS words each. */
  get events(): Uint32Array {
    return this.#events.subarray(0, this.#eventCount * EVENT_WORDS);
  }

  /** Do one action. @returns the outcome of a transaction, null for anything else */
  apply(action: Action): DmaResult | null {
    switch (action.do) {
      case "dma":
        return this.dma(action);
      case "write":
        this.writeMemory(action.at, action.bytes);
        return null;
      case "toggle": {
        const [hi, lo] = [high(action.at), low(action.at)];
        if (this.memory.read64(hi, lo) !== MemoryStatus.Ok) return null;
        const bit = (n: number): number => (n >= 0 && n < 32 ? 1 << n : 0);
        this.memory.write64(hi, lo, this.memory.hi ^ bit(action.bit - 32), this.memory.lo ^ bit(action.bit));
        return null;
      }
      case "register": {
        const register = registerByName(action.name);
        if (register !== undefined) this.writeRegister(register.offset, action.value, register.widthBytes);
        return null;
      }
    }
  }

  /** Write a register at a byte offset from page 0, a multiple of 4. */
  writeRegister(offset: number, value: bigint, width: 4 | 8): void {
    this.#registers.write32(offset, low(value));
    if (width === 8) this.#registers.write32(offset + 4, high(value));
  }

  /** Read a register at a byte offset from page 0, a multiple of 4. */
  readRegister(offset: number, width: 4 | 8): bigint {
    return join(width === 8 ? this.#registers.read32(offset + 4) : 0, this.#registers.read32(offset));
  }

  /** The value of a register by name, with or without `SMMU_`; 0 for an unknown name. */
  registerValue(name: string): bigint {
    const register = registerByName(name);
    return register === undefined ? 0n : this.readRegister(register.offset, register.widthBytes);
  }

  /** @returns false where nothing answers, or the session may hold no more memory */
  writeMemory(at: bigint, bytes: Uint8Array): boolean {
    return this.memory.writeBytes(Number(at), bytes) === MemoryStatus.Ok;
  }

  /** @returns null where some of the bytes do not answer or are not known */
  readMemory(at: bigint, length: number): Uint8Array | null {
    const bytes = new Uint8Array(length);
    return this.memory.readBytes(Number(at), bytes) === MemoryStatus.Ok ? bytes : null;
  }

  /**
   * One transaction: split at 4 KiB pages, each part translated by itself; the first part that does not pass ends it.
   * `data` is what a write sends; without it nothing is written.
   */
  dma(access: Access & { readonly length: number; readonly data?: Uint8Array }): DmaResult {
    const read = access.write ? null : new Uint8Array(access.length);
    let first: bigint | null = null;
    let answered = true;
    for (let done = 0; done < access.length || first === null; ) {
      const iova = BigInt.asUintN(64, access.iova + BigInt(done));
      const size = Math.min(Math.max(access.length - done, 1), Number(PAGE - (iova % PAGE)));
      const t = this.translate({ ...access, iova }, null);
      if (t.end !== End.Ok) {
        if (t.end === End.Fault) this.#record(t);
        const failed = { ok: false, razwi: t.razwi } as const;
        return t.end === End.Unknown ? { ...failed, unknown: join(t.fetchHi, t.fetchLo) } : failed;
      }
      const pa = join(t.paHi, t.paLo);
      first ??= pa;
      if (read !== null) {
        answered &&= this.memory.readBytes(Number(pa), read.subarray(done, done + size)) === MemoryStatus.Ok;
      } else if (access.data !== undefined) this.memory.writeBytes(Number(pa), access.data.subarray(done, done + size));
      done += size;
    }
    return read !== null && answered ? { ok: true, pa: first, data: read } : { ok: true, pa: first };
  }

  /** Translate without any effect on the machine. The answer is overwritten by the next call. */
  translate(access: Access, trace: TraceRecorder | null): Translation {
    const t = this.#t;
    t.sid = access.sid >>> 0;
    t.ssv = access.ssid !== null;
    t.ssid = access.ssid ?? 0;
    t.iovaHi = high(access.iova) | 0;
    t.iovaLo = low(access.iova) | 0;
    t.write = access.write;
    t.privileged = access.privileged;
    t.instruction = access.instruction;
    this.smmu.translate(t, trace);
    return t;
  }

  /** Event records posted since the last call, 32 bytes each in memory order. */
  takeEvents(): Uint8Array[] {
    const records: Uint8Array[] = [];
    for (; this.#taken < this.#eventCount; this.#taken++) {
      const from = this.#taken * EVENT_WORDS;
      records.push(new Uint8Array(this.#events.slice(from, from + EVENT_WORDS).buffer));
    }
    return records;
  }

  snapshot(): MachineImage {
    return { memory: this.memory.snapshot(), registers: this.#registers.words.slice(), events: this.#eventCount };
  }

  restore(image: MachineImage): void {
    this.memory.restore(image.memory);
    this.#registers.words.set(image.registers);
    this.#eventCount = image.events;
    this.#taken = Math.min(this.#taken, image.events);
  }

  /** Sixteen hexadecimal digits over registers, memory and events. */
  digest(): string {
    const digest = new Digest().words(this.#registers.words).words(this.events);
    this.memory.digest(digest);
    return digest.hex();
  }

  #record(t: Translation): void {
    if (this.#eventCount >= MAX_EVENTS) return;
    const at = this.#eventCount * EVENT_WORDS;
    if (at >= this.#events.length) {
      const grown = new Uint32Array(this.#events.length * 2);
      grown.set(this.#events);
      this.#events = grown;
    }
    encodeEvent(t, this.#events, at);
    if (this.#eventQueue.write(this.#events, at)) this.#eventCount++;
  }
}
