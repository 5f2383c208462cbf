/**
 * An AMD IOMMU that a kernel has set up: its device table, command buffer and logs. 48882 §2.4 to §2.6, chapter 3; the
 * order is that of Linux 7.2, drivers/iommu/amd/init.c (early_enable_iommu).
 */
import { EVENT_LOG } from "../../arch/amdvi/logs.ts";
import { registerByName } from "../../arch/amdvi/registers.ts";
import type { FieldNumbers } from "../../base/encode.ts";
import type { OwnMemory } from "../own_memory.ts";
import type { RegisterPages } from "../platform.ts";
import { KernelRegisters } from "../registers.ts";
import { type Command, CommandBuffer } from "./command_buffer.ts";
import { DeviceTable } from "./device_table.ts";
import { dropAll } from "./invalidations.ts";
import { PageRequestLog } from "./page_requests.ts";
import { RecordLog } from "./record_log.ts";

interface Parts {
  readonly registers: KernelRegisters;
  readonly has: AmdIommu["has"];
  readonly devices: DeviceTable;
  readonly commands: CommandBuffer;
  readonly events: RecordLog;
  readonly pageRequests: PageRequestLog | null;
}

export class AmdIommu {
  readonly registers: KernelRegisters;
  /** A field of a feature register, or of the capability's header; each of those is read once. */
  readonly has: (register: "EFR" | "EFR2" | "PCICAP_HEADER", field: string) => number;
  readonly devices: DeviceTable;
  readonly commands: CommandBuffer;
  readonly events: RecordLog;
  /** Null where the IOMMU takes no page requests. */
  readonly pageRequests: PageRequestLog | null;

  private constructor(parts: Parts) {
    this.registers = parts.registers;
    this.has = parts.has;
    this.devices = parts.devices;
    this.commands = parts.commands;
    this.events = parts.events;
    this.pageRequests = parts.pageRequests;
  }

  /**
   * Set up and switch on, every device blocked.
   * @param control fields of CONTROL besides those that what is made here needs, given what the IOMMU offers
   * @returns why it does not come up, as a sentence
   */
  static start(
    pages: RegisterPages,
    memory: OwnMemory,
    control: (has: AmdIommu["has"]) => FieldNumbers,
  ): AmdIommu | string {
    const registers = new KernelRegisters(pages, memory.notes, registerByName);
    const has = registers.constant();
    registers.write("CONTROL", 0n);
    const devices = DeviceTable.make(registers, memory);
    const commands = CommandBuffer.make(registers, memory);
    const events = RecordLog.make(registers, memory, EVENT_LOG);
    const takesPages = has("EFR", "PPRSup") === 1;
    const pageRequests = takesPages ? PageRequestLog.make(registers, memory) : null;
    if (devices === null || commands === null || events === null || (takesPages && pageRequests === null))
      return "There is no memory for tables, buffers and logs.";
    registers.writeFields("CONTROL", {
      IommuEn: 1,
      CmdBufEn: 1,
      Coherent: 1,
      ...events.enabled,
      ...pageRequests?.enabled,
      ...control(has),
    });
    const iommu = new AmdIommu({ registers, has, devices, commands, events, pageRequests });
    // Without it nothing has to go: the IOMMU was off, and what it learns from now on is of this table.
    const first = has("EFR", "IASup") === 1 ? [dropAll] : [];
    return iommu.run(...first) ? iommu : "The IOMMU stopped at the first commands.";
  }

  /** Run commands and wait until they are complete. @returns false where the IOMMU stopped at one of them */
  run(...commands: readonly Command[]): boolean {
    this.commands.issue(...commands);
    return this.commands.sync();
  }
}
