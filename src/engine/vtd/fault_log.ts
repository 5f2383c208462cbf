/**
 * Primary fault logging of a VT-d unit: the fault recording registers, FSTS and the fault event (VT-d §7.2, §7.3,
 * §11.4).
 */
import { FRCD } from "../../arch/vtd/fault_record.ts";
import type { Digest } from "../../base/digest.ts";
import { locate } from "../../base/layout.ts";
import type { RegisterBit, RegisterFile } from "../common/register_file.ts";
import type { PhysicalMemory } from "../memory/physical_memory.ts";
import { EventMessage } from "./event_message.ts";
import { frcdNames } from "./registers.ts";

/** 32-bit words of a fault record. */
export const RECORD_WORDS = 4;

/** Most records kept for people to look at. */
const KEPT = 1 << 16;

const F_WORD = locate(FRCD, "F").word;
const F_MASK = 1 << locate(FRCD, "F").shift;
const SID = locate(FRCD, "SID");

/** Errors of the invalidation queue, fields of FSTS. */
export type QueueError = "IQE" | "ICE" | "ITE";

/** A saved state, besides the registers. */
export interface FaultLogImage {
  readonly next: number;
  readonly listed: Uint8Array;
  readonly records: number;
  readonly sent: number;
}

export class FaultLog {
  readonly event: EventMessage;
  /** Called when software has cleared an error of the invalidation queue. */
  onErrorCleared: () => void = () => {};
  /** Records in the order in which they came; those from {@link #count} on are of a time that was left. */
  readonly #records: Uint32Array[] = [];
  #count = 0;
  readonly #registers: RegisterFile;
  /** Index of the first word of each recording register. */
  readonly #slots: readonly number[];
  /** Of each recording register: it was listed since it was filled. */
  readonly #listed: Uint8Array;
  #next = 0;
  readonly #overflow: RegisterBit;
  readonly #pending: RegisterBit;
  readonly #status: number;
  readonly #errors: Readonly<Record<QueueError, RegisterBit>>;
  /** Bits of FSTS that tell of a condition. */
  readonly #conditions: number;

  /** @param nfr CAP.NFR */
  constructor(registers: RegisterFile, memory: PhysicalMemory, nfr: number) {
    this.#registers = registers;
    this.event = new EventMessage(registers, memory, "FE");
    const names = frcdNames(registers, nfr);
    this.#slots = names.map((name) => registers.at(name));
    this.#listed = new Uint8Array(names.length);
    const bit = (field: string): RegisterBit => registers.bit("FSTS", field);
    this.#overflow = bit("PFO");
    this.#pending = bit("PPF");
    this.#errors = { IQE: bit("IQE"), ICE: bit("ICE"), ITE: bit("ITE") };
    this.#status = this.#overflow.at;
    this.#conditions = ["PFO", "PPF", "IQE", "ICE", "ITE"].reduce((mask, field) => mask | bit(field).mask, 0);
    for (const name of names) registers.onWrite(name, F_WORD, () => this.#cleared());
    const errors = this.#errors.IQE.mask | this.#errors.ICE.mask | this.#errors.ITE.mask;
    registers.onWrite("FSTS", 0, (written) => {
      this.#settle();
      if ((written & errors) !== 0) this.onErrorCleared();
    });
  }

  /**
   * Record a fault: four words as FRCD has them, F clear. A requester that has a record pending gets no second one; a
   * fault that finds no free register is lost and sets PFO, and until that is cleared so is every other (§7.3).
   * CHOICE(collapse): the pending record may be in any register, and of any reason.
   * @returns whether it was recorded
   */
  record(record: Uint32Array): boolean {
    const { words } = this.#registers;
    if (this.has("PFO") || this.#isPending(record[SID.word]! & SID.mask)) return false;
    const at = this.#slots[this.#next];
    if (at === undefined || (words[at + F_WORD]! & F_MASK) !== 0) {
      this.#set(this.#overflow.mask);
      return false;
    }
    words.set(record, at);
    words[at + F_WORD]! |= F_MASK;
    this.#listed[this.#next] = 0;
    if (!this.has("PPF")) this.#registers.set("FSTS", "FRI", this.#next);
    if (this.#count < KEPT) this.#records[this.#count++] = words.slice(at, at + RECORD_WORDS);
    this.#set(this.#pending.mask);
    this.#next = (this.#next + 1) % this.#slots.length;
    return true;
  }

  /** The invalidation queue has an error. */
  queueError(error: QueueError): void {
    this.#set(this.#errors[error].mask);
  }

  /** Whether a status field of FSTS is set. */
  has(field: QueueError | "PFO" | "PPF"): boolean {
    const bit = field === "PFO" ? this.#overflow : field === "PPF" ? this.#pending : this.#errors[field];
    return (this.#registers.words[bit.at]! & bit.mask) !== 0;
  }

  /** Records that are in a recording register and were not listed before. */
  takeRecords(): Uint32Array[] {
    const { words } = this.#registers;
    const taken: Uint32Array[] = [];
    for (const [i, at] of this.#slots.entries()) {
      if ((words[at + F_WORD]! & F_MASK) === 0 || this.#listed[i] === 1) continue;
      this.#listed[i] = 1;
      taken.push(words.slice(at, at + RECORD_WORDS));
    }
    return taken;
  }

  /** How many records there were so far, as far as they are kept. */
  get recordCount(): number {
    return this.#count;
  }

  /** Every record so far, oldest first. */
  get records(): readonly Uint32Array[] {
    return this.#records.slice(0, this.#count);
  }

  snapshot(): FaultLogImage {
    return {
      next: this.#next,
      listed: this.#listed.slice(),
      records: this.#count,
      sent: this.event.sent,
    };
  }

  /** Take back what {@link snapshot} gave. */
  restore(image: FaultLogImage): void {
    this.#next = image.next;
    this.#listed.set(image.listed);
    this.#count = image.records;
    this.event.sent = image.sent;
  }

  digest(into: Digest): void {
    into.word(this.#next).words(this.#listed).word(this.event.sent);
  }

  #isPending(sid: number): boolean {
    const { words } = this.#registers;
    for (const at of this.#slots) {
      if ((words[at + F_WORD]! & F_MASK) !== 0 && (words[at + SID.word]! & SID.mask) === sid) return true;
    }
    return false;
  }

  /** Set a status field; the event is raised unless another status field is set already. */
  #set(mask: number): void {
    const { words } = this.#registers;
    const before = words[this.#status]! & this.#conditions;
    words[this.#status]! |= mask;
    if (before === 0) this.event.raise();
  }

  /** Software cleared the F of a recording register: PPF says whether any is left. */
  #cleared(): void {
    const { words } = this.#registers;
    if (this.#slots.some((at) => (words[at + F_WORD]! & F_MASK) !== 0)) return;
    words[this.#status]! &= ~this.#pending.mask;
    this.#settle();
  }

  #settle(): void {
    if ((this.#registers.words[this.#status]! & this.#conditions) === 0) this.event.cancel();
  }
}
