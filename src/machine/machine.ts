/**
 * The composition root: memory, an IOMMU and the events it recorded, changed only by `apply`.
 *
 * 64-bit values are bigint on this side and halves on the engine's.
 */
import { registerByName } from "../arch/smmuv3/registers.ts";
import { Digest } from "../base/digest.ts";
import type { TraceRecorder } from "../engine/common/trace_recorder.ts";
import { DeviceSet, type DeviceSetImage } from "../engine/device/device_set.ts";
import { type MemoryImage, MemoryStatus, PhysicalMemory } from "../engine/memory/physical_memory.ts";
import { mairOf, shareabilityOf } from "../engine/smmuv3/attributes.ts";
import { type CacheOptions, NO_CACHE_OPTIONS } from "../engine/smmuv3/caches/options.ts";
import type { SmmuCachesImage } from "../engine/smmuv3/caches/smmu_caches.ts";
import { Cmdqv, type CmdqvImage } from "../engine/smmuv3/cmdqv/cmdqv.ts";
import { linkTo } from "../engine/smmuv3/device_link.ts";
import { EVENT_WORDS, encodeEvent } from "../engine/smmuv3/event_record.ts";
import { type InterfaceImage, ProgrammingInterface } from "../engine/smmuv3/programming_interface.ts";
import { RegisterFile } from "../engine/smmuv3/register_file.ts";
import { Smmuv3 } from "../engine/smmuv3/smmu.ts";
import { Translation, Updates } from "../engine/smmuv3/translation.ts";
import type { Access, Action, MachineDescription } from "../protocol/machine.ts";
import { Pcie } from "./pcie.ts";
import {
  type Dma,
  type DmaResult,
  type TransactionHost,
  Transactions,
  type TransactionsImage,
} from "./transactions.ts";

/** A saved state of a machine; only meaningful to the machine that made it. */
export interface MachineImage {
  readonly memory: MemoryImage;
  readonly registers: Uint32Array;
  readonly control: InterfaceImage;
  readonly transactions: TransactionsImage;
  readonly devices: DeviceSetImage;
  readonly cmdqv: CmdqvImage | null;
  /** What the SMMU's caches hold: going back brings back stale entries, too. */
  readonly caches: SmmuCachesImage | null;
  readonly events: number;
}

/** Most events a machine keeps; later ones are not recorded. */
const MAX_EVENTS = 1 << 20;

const low = (value: bigint): number => Number(value & 0xffffffffn);
const high = (value: bigint): number => Number((value >> 32n) & 0xffffffffn);
const join = (hi: number, lo: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

export class Machine {
  readonly memory: PhysicalMemory;
  readonly smmu: Smmuv3;
  readonly #registers = new RegisterFile();
  /** Registers as software reaches them, and what stands behind them. */
  readonly control: ProgrammingInterface;
  /** Devices with ATS and PRI, and their messages. */
  readonly pcie: Pcie;
  /** More command queues beside the SMMU's own; null without the extension. */
  readonly cmdqv: Cmdqv | null;
  readonly #transactions: Transactions;
  readonly #t = new Translation();
  /** Records that reached the Event queue, EVENT_WORDS words each, oldest first. */
  #events = new Uint32Array(16 * EVENT_WORDS);
  #eventCount = 0;
  #taken = 0;
  /** The record being posted. */
  readonly #posted = new Uint32Array(EVENT_WORDS);

  /** @param caches which caches the SMMU has; by default none, so that everything is read from memory every time */
  constructor(description: MachineDescription, caches: CacheOptions = NO_CACHE_OPTIONS) {
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
    this.smmu = new Smmuv3(this.memory, this.#registers, caches);
    const devices = new DeviceSet();
    this.control = new ProgrammingInterface(this.smmu, this.memory, { devices: linkTo(devices) });
    const host: TransactionHost = {
      memory: this.memory,
      control: this.control,
      translate: (access, updates) => {
        const t = this.translate(access, null, updates ? Updates.Make : Updates.Show);
        if (!updates) this.smmu.details(t);
        return t;
      },
      record: (t) => this.#record(t),
    };
    this.#transactions = new Transactions(host);
    this.pcie = new Pcie({
      ...host,
      devices,
      smmu: this.smmu,
      dma: (access) => this.dma(access),
      post: (encode) => this.#post(encode),
    });
    this.cmdqv =
      description.cmdqv === undefined
        ? null
        : new Cmdqv(description.cmdqv, {
            memory: this.memory,
            largestLg2: this.#registers.field("SMMU_IDR1", "CMDQS"),
            execute: (command, at) => this.control.processor.execute(command, at),
          });
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
        if (register !== undefined) {
          this.writeRegister(this.#registers.offsetOf(register), action.value, register.widthBytes);
        }
        return null;
      }
    }
  }

  /** Write a register at a byte offset from page 0. What the write sets in motion has happened when this returns. */
  writeRegister(offset: number, value: bigint, width: 4 | 8): void {
    this.control.write(offset, width, high(value), low(value));
    this.#transactions.settle();
  }

  /** Read a register at a byte offset from page 0. */
  readRegister(offset: number, width: 4 | 8): bigint {
    this.control.read(offset, width);
    return join(this.control.hi, this.control.lo);
  }

  /** Write a register of the CMDQV, at a byte offset from its first page; ignored without the extension. */
  writeCmdqv(offset: number, value: bigint, width: 4 | 8): void {
    this.cmdqv?.write(offset, width, high(value), low(value));
    this.#transactions.settle();
  }

  /** Read a register of the CMDQV; 0 without the extension. */
  readCmdqv(offset: number, width: 4 | 8): bigint {
    this.cmdqv?.read(offset, width);
    return this.cmdqv === null ? 0n : join(this.cmdqv.hi, this.cmdqv.lo);
  }

  /** The value of a register by name, with or without `SMMU_`; 0 for an unknown name. */
  registerValue(name: string): bigint {
    const register = registerByName(name);
    return register === undefined ? 0n : this.readRegister(this.#registers.offsetOf(register), register.widthBytes);
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
   * One transaction: split at 4 KiB pages, each part translated by itself; the first part that does not pass ends it, or
   * stalls it.
   */
  dma(access: Dma): DmaResult {
    return this.#transactions.start(access);
  }

  /** What became of stall number `number`: null while it is stalled, or where it was long ago. */
  stallResult(number: number): DmaResult | null {
    return this.#transactions.resultOf(number);
  }

  /** STAG of stall number `number`; null once it is answered, or while its event waits for the Event queue. */
  stallTag(number: number): number | null {
    return this.#transactions.tagOf(number);
  }

  /**
   * Translate without any effect on the machine, unless `updates` has hardware updates of descriptors made.
   * The answer is overwritten by the next call.
   */
  translate(access: Access, trace: TraceRecorder | null, updates: Updates = Updates.Show): Translation {
    const t = this.#t;
    t.updates = updates;
    t.sid = access.sid >>> 0;
    t.ssv = access.ssid !== null;
    t.ssid = access.ssid ?? 0;
    t.iovaHi = high(access.iova) | 0;
    t.iovaLo = low(access.iova) | 0;
    t.write = access.write;
    t.privileged = access.privileged;
    t.instruction = access.instruction;
    t.inMair = access.attributes?.mair ?? 0xff;
    t.inSh = access.attributes?.sh ?? 0;
    t.noSnoop = access.noSnoop ?? false;
    this.smmu.translate(t, trace);
    return t;
  }

  /** Memory type (a MAIR byte) and shareability that the last translated access left with, if it passed. */
  attributes(): { readonly mair: number; readonly sh: number } {
    const a = this.smmu.attributes(this.#t);
    return { mair: mairOf(a), sh: shareabilityOf(a) };
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
    return {
      memory: this.memory.snapshot(),
      registers: this.#registers.words.slice(),
      control: this.control.snapshot(),
      transactions: this.#transactions.snapshot(),
      devices: this.pcie.snapshot(),
      cmdqv: this.cmdqv === null ? null : this.cmdqv.snapshot(),
      caches: this.smmu.caches === null ? null : this.smmu.caches.snapshot(),
      events: this.#eventCount,
    };
  }

  restore(image: MachineImage): void {
    this.memory.restore(image.memory);
    this.#registers.words.set(image.registers);
    this.control.restore(image.control);
    this.#transactions.restore(image.transactions);
    this.pcie.restore(image.devices);
    if (image.cmdqv !== null) this.cmdqv?.restore(image.cmdqv);
    if (image.caches !== null) this.smmu.caches?.restore(image.caches);
    this.#eventCount = image.events;
    this.#taken = Math.min(this.#taken, image.events);
  }

  /** Sixteen hexadecimal digits over registers, memory and events. */
  digest(): string {
    const digest = new Digest().words(this.#registers.words).words(this.events);
    this.memory.digest(digest);
    this.control.digest(digest);
    this.#transactions.digest(digest);
    this.pcie.digest(digest);
    this.cmdqv?.digest(digest);
    this.smmu.caches?.digest(digest);
    return digest.hex();
  }

  #record(t: Translation): void {
    this.#post((words, at) => encodeEvent(t, words, at));
  }

  /** Put a record into the Event queue, and keep it if it got there: what was kept in a later state stays whole. */
  #post(encode: (words: Uint32Array, at: number) => void): void {
    if (this.#eventCount >= MAX_EVENTS) return;
    encode(this.#posted, 0);
    if (!this.control.events.write(this.#posted, 0)) return;
    const at = this.#eventCount++ * EVENT_WORDS;
    if (at >= this.#events.length) {
      const grown = new Uint32Array(this.#events.length * 2);
      grown.set(this.#events);
      this.#events = grown;
    }
    this.#events.set(this.#posted, at);
  }
}
