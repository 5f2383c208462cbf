/**
 * A log of an AMD IOMMU in memory: events or page requests, in one buffer or in two by turns. 48882 revision 3.10, §2.5,
 * §2.6 and the registers of the logs.
 *
 * A log runs while it is enabled. A record that finds no room is lost, sets the overflow bit and stops the log; it runs
 * again once software has cleared that bit and written 1 to the enable.
 */
import type { LogBuffer, LogNames } from "../../arch/amdvi/logs.ts";
import { OffsetRing, RING_ABORT, RING_FULL, type RingMemory } from "../common/offset_ring.ts";
import type { RegisterBit, RegisterFile } from "../common/register_file.ts";
import type { Interrupts } from "./interrupts.ts";

/** What became of a record. */
export const LogStatus = {
  Written: 0,
  /** The log is off or stopped: the record is lost in silence. */
  Off: 1,
  /** There was no room: the record is lost, and the log stops. */
  Full: 2,
  /** Nothing answered at the log: the record is lost. */
  Aborted: 3,
} as const;
export type LogStatus = (typeof LogStatus)[keyof typeof LogStatus];

/** 32-bit words of a record, events and page requests alike. */
const RECORD_WORDS = 4;
const RECORD_BYTES_LG2 = 4;
/** log2 of the entries of the smallest buffer. */
const SMALLEST = 8;
/** Values of the field that says which buffer is in use; anything else is buffer A. */
const ONLY_B = 1;
const SWAP = 2;

export class RecordLog {
  readonly #registers: RegisterFile;
  readonly #interrupts: Pick<Interrupts, "set">;
  readonly #names: LogNames;
  readonly #ring: OffsetRing;
  readonly #iommuEn: RegisterBit;
  readonly #enable: RegisterBit;
  readonly #run: RegisterBit;
  readonly #active: RegisterBit;

  constructor(registers: RegisterFile, memory: RingMemory, interrupts: Pick<Interrupts, "set">, names: LogNames) {
    this.#registers = registers;
    this.#interrupts = interrupts;
    this.#names = names;
    this.#ring = new OffsetRing(memory, RECORD_WORDS);
    this.#iommuEn = registers.bit("CONTROL", "IommuEn");
    this.#enable = registers.bit("CONTROL", names.enable);
    this.#run = registers.bit("STATUS", names.run);
    this.#active = registers.bit("STATUS", names.active);
    for (const { base, head, tail } of names.buffers) {
      // A new base makes the buffer empty, whichever half of the register is written.
      for (const word of [0, 1]) registers.onWrite(base, word, () => this.#empty(head, tail));
    }
  }

  /** Records are taken. */
  get running(): boolean {
    return this.#is(this.#run);
  }

  /** CONTROL was written: start or stop. */
  control(): void {
    const enabled = this.#is(this.#iommuEn) && this.#is(this.#enable);
    const mode = this.#registers.get("CONTROL", this.#names.dual);
    if (mode === ONLY_B) this.#put(this.#active, true);
    else if (mode !== SWAP) this.#put(this.#active, false);
    this.#put(this.#run, enabled && !this.#overflowed(this.#which));
  }

  /**
   * Write one record and publish it.
   * @param record words, from index `from` on
   */
  write(record: ArrayLike<number>, from = 0): LogStatus {
    if (!this.running) return LogStatus.Off;
    const status = this.#append(record, from);
    // CHOICE(log-swap): a full buffer is marked as overflowed and the other one taken, unless that is marked too.
    if (status !== LogStatus.Full || this.#registers.get("CONTROL", this.#names.dual) !== SWAP) return status;
    const other = 1 - this.#which;
    if (this.#overflowed(other)) return status;
    this.#put(this.#active, other === 1);
    this.#put(this.#run, true);
    return this.#append(record, from);
  }

  get #which(): number {
    return this.#is(this.#active) ? 1 : 0;
  }

  #append(record: ArrayLike<number>, from: number): LogStatus {
    const registers = this.#registers;
    const ring = this.#ring;
    const names = this.#names.buffers[this.#which]!;
    const at = registers.at(names.base);
    const words = registers.words;
    const entriesLg2 = Math.max(SMALLEST, registers.get(names.base, names.length));
    ring.place(words[at + 1]! & 0xfffff, words[at]! & ~0xfff, 1 << (entriesLg2 + RECORD_BYTES_LG2));
    const head = ring.offsetOf(words[registers.at(names.head)]!);
    const tail = ring.append(head, ring.offsetOf(words[registers.at(names.tail)]!), record, from);
    if (tail === RING_FULL) {
      this.#put(this.#run, false);
      this.#interrupts.set(registers.bit("STATUS", names.overflow).mask);
      return LogStatus.Full;
    }
    if (tail === RING_ABORT) {
      this.#lost(record, from);
      return LogStatus.Aborted;
    }
    words[registers.at(names.tail)] = tail;
    this.#warn(names, ring.used(head, tail));
    this.#interrupts.set(registers.bit("STATUS", this.#names.interrupt).mask);
    return LogStatus.Written;
  }

  /** The early warning: so many entries are in the buffer. */
  #warn({ early }: LogBuffer, used: number): void {
    if (early === null) return;
    const [register, status] = early;
    const registers = this.#registers;
    if (registers.get(register, "En") === 0 || used < registers.get(register, "Threshold")) return;
    this.#interrupts.set(registers.bit("STATUS", status).mask);
  }

  /**
   * The record could not be written: it goes to the hardware event registers, if they exist and hold none.
   * CHOICE(hardware-event): an event that these registers hold is the record that could not be written.
   */
  #lost(record: ArrayLike<number>, from: number): void {
    const registers = this.#registers;
    const status = registers.at("HW_EVT_STATUS");
    const { words } = registers;
    if (!this.#hasHardwareEvents) return;
    if ((words[status]! & 1) !== 0) {
      words[status]! |= 2;
      return;
    }
    const [upper, lower] = [registers.at("HW_EVT_UPPER"), registers.at("HW_EVT_LOWER")];
    words[upper] = record[from]!;
    words[upper + 1] = record[from + 1]!;
    words[lower] = record[from + 2]!;
    words[lower + 1] = record[from + 3]!;
    words[status] = 1;
  }

  get #hasHardwareEvents(): boolean {
    return this.#registers.get("EFR", "HESup") !== 0;
  }

  #empty(head: string, tail: string): void {
    const { words } = this.#registers;
    words[this.#registers.at(head)] = 0;
    words[this.#registers.at(tail)] = 0;
  }

  #overflowed(which: number): boolean {
    return this.#is(this.#registers.bit("STATUS", this.#names.buffers[which]!.overflow));
  }

  #is({ at, mask }: RegisterBit): boolean {
    return (this.#registers.words[at]! & mask) !== 0;
  }

  #put({ at, mask }: RegisterBit, on: boolean): void {
    const { words } = this.#registers;
    words[at] = on ? words[at]! | mask : words[at]! & ~mask;
  }
}
