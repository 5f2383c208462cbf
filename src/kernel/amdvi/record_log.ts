/**
 * A kernel's side of a log that an AMD IOMMU writes: events or page requests. 48882 §2.5, §2.6; Linux 7.2,
 * drivers/iommu/amd/iommu.c (amd_iommu_handle_irq, amd_iommu_restart_log).
 */
import type { LogNames } from "../../arch/amdvi/logs.ts";
import type { FieldNumbers } from "../../base/encode.ts";
import type { OwnMemory } from "../own_memory.ts";
import type { KernelRegisters } from "../registers.ts";
import { ringOffsets } from "../ring_offsets.ts";

/** log2 of the records, of the one buffer that a kernel has of each log: 512, two pages. */
const RECORDS_LG2 = 9;

/** What was in a log: words of records, oldest first, and whether it ran over. */
interface TakenRecords {
  readonly records: readonly Uint32Array[];
  readonly overflowed: boolean;
}

const NOTHING: TakenRecords = { records: [], overflowed: false };

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
    const { base: register, address, length, head, tail } = names.buffers[0];
    registers.writeFields(register, { [address]: base, [length]: RECORDS_LG2 });
    registers.write(head, 0n);
    registers.write(tail, 0n);
    return new RecordLog(registers, memory, names, base);
  }

  /** Fields of CONTROL that have it run, and interrupt. */
  get enabled(): FieldNumbers {
    return { [this.#names.enable]: 1, [this.#names.interrupts]: 1 };
  }

  /** Take the records that STATUS tells of; a log that overflowed runs again. */
  take(): TakenRecords {
    const [registers, names] = [this.#registers, this.#names];
    const [buffer] = names.buffers;
    const status = registers.fields("STATUS", names.interrupt, buffer.overflow);
    const overflowed = status[buffer.overflow] === 1;
    if (status[names.interrupt] === 0 && !overflowed) return NOTHING;
    const bytes = recordBytes(names);
    registers.writeFields("STATUS", { [names.interrupt]: 1 });
    const tail = registers.read(buffer.tail);
    const offsets = ringOffsets(Number(registers.read(buffer.head)), Number(tail), bytes * 2 ** RECORDS_LG2, bytes);
    const records = offsets.map((at) => this.#memory.readWords(this.#base + at, names.record));
    if (records.length > 0) registers.write(buffer.head, tail);
    if (overflowed) this.#restart();
    return { records, overflowed };
  }

  /** A log that overflowed has to be switched off and on again (§2.5, §2.6). */
  #restart(): void {
    const { enable, buffers } = this.#names;
    this.#registers.update("CONTROL", { [enable]: 0 });
    this.#registers.writeFields("STATUS", { [buffers[0].overflow]: 1 });
    this.#registers.update("CONTROL", { [enable]: 1 });
  }
}

const recordBytes = ({ record }: LogNames): number => record.bits / 8;
