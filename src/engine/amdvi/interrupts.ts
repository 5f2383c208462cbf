/**
 * Interrupts of an AMD IOMMU: bits of STATUS that CONTROL lets through, as messages. 48882 revision 3.10, §2.7 and MMIO
 * offsets 0018h, 0170h to 0180h, 2020h.
 *
 * An interrupt is raised when a bit of STATUS that is enabled becomes set, or is enabled while set. What is raised is
 * counted; a message is a write to memory, and where nothing answers there is an interrupt controller.
 */

import { writeMessage } from "../common/message.ts";
import type { RegisterBit, RegisterFile } from "../common/register_file.ts";
import type { PhysicalMemory } from "../memory/physical_memory.ts";

/** Who interrupts. */
export const InterruptSource = { General: 0, Ppr: 1 } as const;
export type InterruptSource = (typeof InterruptSource)[keyof typeof InterruptSource];

/** A bit of STATUS, and what lets it through. */
interface Line {
  readonly status: number;
  readonly enable: RegisterBit;
  readonly source: InterruptSource;
}

/** Bits of STATUS and the field that enables them. */
const LINES: readonly (readonly [status: string, register: string, enable: string, source: InterruptSource])[] = [
  ["EventOverflow", "CONTROL", "EventIntEn", InterruptSource.General],
  ["EventLogInt", "CONTROL", "EventIntEn", InterruptSource.General],
  ["EventOvrflwB", "CONTROL", "EventIntEn", InterruptSource.General],
  ["ComWaitInt", "CONTROL", "ComWaitIntEn", InterruptSource.General],
  ["PprOverflow", "CONTROL", "PprIntEn", InterruptSource.Ppr],
  ["PprInt", "CONTROL", "PprIntEn", InterruptSource.Ppr],
  ["PprOvrflwB", "CONTROL", "PprIntEn", InterruptSource.Ppr],
  ["PprOvrflwEarly", "PPR_EARLY", "IntEn", InterruptSource.Ppr],
  ["PprOvrflwEarlyB", "PPR_EARLY_B", "IntEn", InterruptSource.Ppr],
];

const MSI_BASE = 0xfee00000;

export class Interrupts {
  /** Interrupts raised so far, by {@link InterruptSource}. */
  readonly raised = new Uint32Array(2);
  readonly #registers: RegisterFile;
  readonly #memory: PhysicalMemory;
  readonly #lines: readonly Line[];
  readonly #status: number;
  /** Bits of STATUS that are set and enabled. */
  #high = 0;

  constructor(registers: RegisterFile, memory: PhysicalMemory) {
    this.#registers = registers;
    this.#memory = memory;
    this.#status = registers.at("STATUS");
    this.#lines = LINES.map(([status, register, enable, source]) => ({
      status: registers.bit("STATUS", status).mask,
      enable: registers.bit(register, enable),
      source,
    }));
  }

  /** Set bits of STATUS, and interrupt if that makes one of them pass. */
  set(bits: number): void {
    this.#registers.words[this.#status]! |= bits;
    this.update();
  }

  /** STATUS or an enable changed: interrupt for the bits that pass now and did not before. */
  update(): void {
    const before = this.#high;
    this.settle();
    const rising = this.#high & ~before;
    if (rising === 0) return;
    for (const source of [InterruptSource.General, InterruptSource.Ppr] as const) {
      if (this.#lines.some((line) => line.source === source && (line.status & rising) !== 0)) this.#raise(source);
    }
  }

  /** Take over what the registers say without interrupting: after a state was restored. */
  settle(): void {
    const { words } = this.#registers;
    this.#high = 0;
    for (const { status, enable } of this.#lines) {
      if ((words[this.#status]! & status) !== 0 && (words[enable.at]! & enable.mask) !== 0) this.#high |= status;
    }
  }

  #raise(source: InterruptSource): void {
    this.raised[source]!++;
    if (this.#registers.get("CONTROL", "IntCapXTEn") !== 0) this.#extended(source);
    else this.#message(source);
  }

  /** CHOICE(xt-message): an interrupt with an x2APIC destination is a message to the extended address of that APIC. */
  #extended(source: InterruptSource): void {
    const registers = this.#registers;
    const name = source === InterruptSource.General ? "XT_GEN_INT" : "XT_PPR_INT";
    const low = registers.get(name, "Destination_23_0");
    const hi = ((registers.get(name, "Destination_31_24") << 24) | (low & 0xffff00)) >>> 0;
    const lo = (MSI_BASE | ((low & 0xff) << 12) | (registers.get(name, "DestMode") << 2)) >>> 0;
    const data = registers.get(name, "Vector") | (registers.get(name, "DeliveryMode") << 8);
    writeMessage(this.#memory, hi, lo, data);
  }

  /** The number of a message replaces as many low bits of the data as messages are granted. */
  #message(source: InterruptSource): void {
    const registers = this.#registers;
    if (registers.get("MSI_HEADER", "MsiEn") === 0) return;
    const number = registers.get("PCICAP_MISC0", source === InterruptSource.General ? "MsiNum" : "MsiNumPPR");
    const granted = (1 << registers.get("MSI_HEADER", "MsiMultMessEn")) - 1;
    const data = (registers.get("MSI_DATA", "MsiData") & ~granted) | (number & granted);
    const lo = (registers.get("MSI_ADDR_LO", "MsiAddr") << 2) >>> 0;
    writeMessage(this.#memory, registers.get("MSI_ADDR_HI", "MsiAddr"), lo, data);
  }
}
