/**
 * A kernel's side of a log that an AMD IOMMU writes: events or page requests. 48882 §2.5, §2.6; Linux 7.2,
 * drivers/iommu/amd/iommu.c (amd_iommu_restart_log).
 */
import { IO_PAGE_FAULT } from "../../arch/amdvi/events.ts";
import { PAGE_SERVICE_REQUEST } from "../../arch/amdvi/ppr.ts";
import type { FieldNumbers } from "../../base/encode.ts";
import type { Layout } from "../../base/layout.ts";
import type { OwnMemory } from "../own_memory.ts";
import type { KernelRegisters } from "../registers.ts";
import { ringOffsets } from "../ring_offsets.ts";

/** Names of a log's registers, and of its fields in them. */
interface LogNames {
  readonly base: readonly [register: string, address: string, length: string];
  readonly head: string;
  readonly tail: string;
  /** Fields of CONTROL. */
  readonly enable: string;
  readonly interrupts: string;
  /** Fields of STATUS, written to clear. */
  readonly interrupt: string;
  readonly overflow: string;
  /** A record; all of a log are equally long. */
  readonly record: Layout;
}

export const EVENT_LOG: LogNames = {
  base: ["EVT_BASE", "EventBase", "EventLen"],
  head: "EVT_HEAD",
  tail: "EVT_TAIL",
  enable: "EventLogEn",
  interrupts: "EventIntEn",
  interrupt: "EventLogInt",
  overflow: "EventOverflow",
  record: IO_PAGE_FAULT.layout,
};

export const PPR_LOG: LogNames = {
  base: ["PPR_BASE", "PPRLogBase", "PPRLogLen"],
  head: "PPR_HEAD",
  tail: "PPR_TAIL",
  enable: "PPRLogEn",
  interrupts: "PprIntEn",
  interrupt: "PprInt",
  overflow: "PprOverflow",
  record: PAGE_SERVICE_REQUEST,
};

/** log2 of the records: 512, two pages. */
const RECORDS_LG2 = 9;

export class RecordLog {
  readonly #registers: KernelRegisters;
  readonly #memory: OwnMemory;
  readonly #names: LogNames;
  readonly #base: number;

  private constructor(registers: KernelRegisters, memory: OwnMemory, names: LogNames, base: number) {
    this.#registers = registers;
    this.#memory = memory;
    this.#names = names;
    this.#base = base;
  }

  /** Make the log and tell the IOMMU; it runs once it is enabled in CONTROL. @returns null without memory */
  static make(registers: KernelRegisters, memory: OwnMemory, names: LogNames): RecordLog | null {
    const base = memory.allocate(recordBytes(names) * 2 ** RECORDS_LG2);
    if (base === null) return null;
    const [register, address, length] = names.base;
    registers.writeFields(register, { [address]: base, [length]: RECORDS_LG2 });
    registers.write(names.head, 0n);
    registers.write(names.tail, 0n);
    return new RecordLog(registers, memory, names, base);
  }

  /** Fields of CONTROL that have it run, and interrupt. */
  get enabled(): FieldNumbers {
    return { [this.#names.enable]: 1, [this.#names.interrupts]: 1 };
  }

  /** Take the records that are there; a log that overflowed runs again. @returns words, oldest first */
  take(): { readonly records: readonly Uint32Array[]; readonly overflowed: boolean } {
    const [registers, names] = [this.#registers, this.#names];
    const bytes = recordBytes(names);
    registers.writeFields("STATUS", { [names.interrupt]: 1 });
    const tail = registers.read(names.tail);
    const offsets = ringOffsets(Number(registers.read(names.head)), Number(tail), bytes * 2 ** RECORDS_LG2, bytes);
    const records = offsets.map((at) => this.#memory.readWords(this.#base + at, names.record));
    if (records.length > 0) registers.write(names.head, tail);
    const overflowed = registers.field("STATUS", names.overflow) === 1;
    if (overflowed) this.#restart();
    return { records, overflowed };
  }

  /** A log that overflowed has to be switched off and on again (§2.5, §2.6). */
  #restart(): void {
    const { enable, overflow } = this.#names;
    this.#registers.update("CONTROL", { [enable]: 0 });
    this.#registers.writeFields("STATUS", { [overflow]: 1 });
    this.#registers.update("CONTROL", { [enable]: 1 });
  }
}

const recordBytes = ({ record }: LogNames): number => record.bits / 8;
