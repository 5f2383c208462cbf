/**
 * A VT-d unit that a kernel has set up: its tables and queues. VT-d §6.5.2, §11.4; the order is that of Linux 7.2,
 * drivers/iommu/intel/iommu.c (init_dmars).
 */
import type { OwnMemory } from "../own_memory.ts";
import type { RegisterPages } from "../platform.ts";
import type { KernelRegisters } from "../registers.ts";
import { type TakenFaults, takeFaultRecords } from "./fault_records.ts";
import { GlobalCommands } from "./global_commands.ts";
import { type Descriptor, InvalidationQueue } from "./invalidation_queue.ts";
import { Invalidations } from "./invalidations.ts";
import { PageRequestQueue } from "./page_request_queue.ts";
import { openVtdRegisters, switchInterruptOn, type VtdRegisters } from "./registers.ts";
import { RemappingTables } from "./remapping_tables.ts";

/** Vectors of the unit's own interrupts. */
const [FAULT_VECTOR, PAGE_VECTOR] = [0x21, 0x22];

interface Parts {
  readonly registers: VtdRegisters;
  readonly has: RemappingUnit["has"];
  readonly commands: GlobalCommands;
  readonly queue: InvalidationQueue;
  readonly tables: RemappingTables;
  readonly pageRequests: PageRequestQueue | null;
}

export class RemappingUnit {
  readonly registers: KernelRegisters;
  /** A field of CAP or ECAP; each is read once. */
  readonly has: (register: "CAP" | "ECAP", field: string) => number;
  readonly commands: GlobalCommands;
  readonly queue: InvalidationQueue;
  readonly tables: RemappingTables;
  /** What to queue for a change. */
  readonly drop: Invalidations;
  /** Null where the unit takes no page requests. */
  readonly pageRequests: PageRequestQueue | null;
  readonly #found: VtdRegisters;

  private constructor(parts: Parts) {
    this.#found = parts.registers;
    this.registers = parts.registers.registers;
    this.has = parts.has;
    this.commands = parts.commands;
    this.queue = parts.queue;
    this.tables = parts.tables;
    this.pageRequests = parts.pageRequests;
    this.drop = new Invalidations(parts.has, parts.tables.scalable);
  }

  /**
   * Set up; translation is left off.
   * @param scalable whether scalable mode is to be used, given what the unit offers
   * @returns why it does not come up, as a sentence
   */
  static start(
    pages: RegisterPages,
    memory: OwnMemory,
    scalable: (has: RemappingUnit["has"]) => boolean,
  ): RemappingUnit | string {
    const found = openVtdRegisters(pages, memory.notes);
    const { registers } = found;
    const has = registers.constant();
    if (has("ECAP", "QI") === 0) return "The unit has no invalidation queue (ECAP.QI).";
    const mode = scalable(has);
    const pri = mode && has("ECAP", "PRS") === 1;
    const queue = InvalidationQueue.make(registers, memory, mode);
    const tables = RemappingTables.make(memory, mode);
    const pageRequests = pri ? PageRequestQueue.make(registers, memory) : null;
    if (queue === null || tables === null || (pri && pageRequests === null))
      return "There is no memory for tables and queues.";
    const commands = new GlobalCommands(registers);
    if (!commands.give("QIE")) return "The unit does not take the invalidation queue into use.";
    registers.writeFields("RTADDR", { RTA: tables.root, TTM: mode ? 1 : 0 });
    commands.give("SRTP");
    const unit = new RemappingUnit({ registers: found, has, commands, queue, tables, pageRequests });
    if (!unit.run(...unit.drop.everything())) return "The unit stopped at the first invalidations.";
    switchInterruptOn(registers, "FE", FAULT_VECTOR);
    if (pri) switchInterruptOn(registers, "PE", PAGE_VECTOR);
    return unit;
  }

  /** Run descriptors and wait until they are complete. @returns false where one was refused */
  run(...descriptors: readonly Descriptor[]): boolean {
    this.queue.issue(...descriptors);
    return this.queue.sync();
  }

  /** Take the fault records that are there. */
  takeFaults(): TakenFaults {
    return takeFaultRecords(this.#found);
  }
}
