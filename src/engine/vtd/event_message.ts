/**
 * An event of a VT-d unit and the message it sends: fault, invalidation completion, page request
 * (VT-d §5.1.6 and the registers xxCTL, xxDATA, xxADDR, xxUADDR of §11.4).
 *
 * The unit's own messages are not remapped. Where the address is of the interrupt range (0xFEEx_xxxx) memory does not
 * answer: the message then is only counted.
 */

import { writeMessage } from "../common/message.ts";
import type { RingMemory } from "../common/offset_ring.ts";
import type { RegisterBit, RegisterFile } from "../common/register_file.ts";

/** Messages and the prefix of their registers. */
export type EventPrefix = "FE" | "IE" | "PE";

export class EventMessage {
  /** Messages sent so far. */
  sent = 0;
  readonly #registers: RegisterFile;
  readonly #memory: RingMemory;
  readonly #pending: RegisterBit;
  readonly #masked: RegisterBit;
  readonly #data: number;
  readonly #address: number;
  readonly #upper: number;

  constructor(registers: RegisterFile, memory: RingMemory, prefix: EventPrefix) {
    this.#registers = registers;
    this.#memory = memory;
    this.#pending = registers.bit(`${prefix}CTL`, "IP");
    this.#masked = registers.bit(`${prefix}CTL`, "IM");
    this.#data = registers.at(`${prefix}DATA`);
    this.#address = registers.at(`${prefix}ADDR`);
    this.#upper = registers.at(`${prefix}UADDR`);
    registers.onWrite(`${prefix}CTL`, 0, () => this.#unmask());
  }

  /** A condition arose: send the message, or keep it pending while it is held back. */
  raise(): void {
    const { words } = this.#registers;
    if ((words[this.#masked.at]! & this.#masked.mask) === 0) this.#send();
    else words[this.#pending.at]! |= this.#pending.mask;
  }

  /** Software has dealt with every condition: nothing is pending any more. */
  cancel(): void {
    this.#registers.words[this.#pending.at]! &= ~this.#pending.mask;
  }

  #unmask(): void {
    const { words } = this.#registers;
    if ((words[this.#masked.at]! & this.#masked.mask) !== 0) return;
    if ((words[this.#pending.at]! & this.#pending.mask) === 0) return;
    this.cancel();
    this.#send();
  }

  #send(): void {
    const { words } = this.#registers;
    this.sent++;
    writeMessage(this.#memory, words[this.#upper]!, words[this.#address]!, words[this.#data]!);
  }
}
