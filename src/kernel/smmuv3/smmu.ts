/**
 * An SMMU that a kernel has reset and set up: its tables and queues. IHI 0070 §3.11, §6.3.9; the order is that of Linux
 * 7.2, drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c (arm_smmu_device_reset).
 */
import { registerByName } from "../../arch/smmuv3/registers.ts";
import { IdPool } from "../id_pool.ts";
import type { OwnMemory } from "../own_memory.ts";
import type { RegisterPages } from "../platform.ts";
import { KernelRegisters } from "../registers.ts";
import { CommandQueue, command } from "./command_queue.ts";
import { RecordQueue } from "./record_queue.ts";
import { StreamTable } from "./stream_table.ts";

/** Inner shareable, write-back: attributes of queues and tables. */
const CR1 = { TABLE_SH: 3, TABLE_OC: 1, TABLE_IC: 1, QUEUE_SH: 3, QUEUE_OC: 1, QUEUE_IC: 1 };
/** Range of CMD_CFGI_STE_RANGE that stands for every StreamID. */
const EVERY_STREAM = 31;

/** ASIDs of a kernel, of which none has 0. */
export const asidPool = (): IdPool => new IdPool(1, 0x10000);

/** What an SMMU leads to in memory. */
interface Parts {
  readonly streams: StreamTable;
  readonly commands: CommandQueue;
  readonly events: RecordQueue;
  /** Null where the SMMU has no PRI queue. */
  readonly pageRequests: RecordQueue | null;
}

export class Smmu {
  readonly registers: KernelRegisters;
  /** A field of an ID register; each of those is read once. */
  readonly id: (register: string, field: string) => number;
  /** Tags of translations that the kernel has in use; of several SMMUs all have those of stage 1 in common. */
  readonly asids: IdPool;
  /** One past the last ASID that this one has. */
  readonly asidEnd: number;
  readonly vmids: IdPool;
  readonly streams: StreamTable;
  readonly commands: CommandQueue;
  readonly events: RecordQueue;
  readonly pageRequests: RecordQueue | null;

  private constructor(registers: KernelRegisters, id: Smmu["id"], asids: IdPool, parts: Parts) {
    this.registers = registers;
    this.id = id;
    this.asids = asids;
    this.asidEnd = id("IDR0", "ASID16") === 1 ? 0x10000 : 0x100;
    this.vmids = new IdPool(1, id("IDR0", "VMID16") === 1 ? 0x10000 : 0x100);
    this.streams = parts.streams;
    this.commands = parts.commands;
    this.events = parts.events;
    this.pageRequests = parts.pageRequests;
  }

  /**
   * Reset and set up; translation is left off.
   * @param broadcasts it is to take part in broadcast TLB maintenance, where it can (IHI 0070 §3.17)
   * @param asids of all SMMUs of the kernel (arm_smmu_asid_xa); absent: it is the only one
   * @returns why it does not come up, as a sentence
   */
  static start(pages: RegisterPages, memory: OwnMemory, broadcasts = false, asids = asidPool()): Smmu | string {
    const r = new KernelRegisters(pages, memory.notes, registerByName);
    const id = r.constant();
    r.write("CR0", 0n);
    r.writeFields("CR1", CR1);
    r.writeFields("CR2", { PTM: broadcasts && id("IDR0", "BTM") === 1 ? 0 : 1, RECINVSID: 1 });
    const streams = StreamTable.make(r, memory);
    const commands = CommandQueue.make(r, memory, id("IDR1", "CMDQS"));
    const pri = id("IDR0", "PRI") === 1;
    const events = RecordQueue.make(r, memory, "EVENTQ");
    const pageRequests = pri ? RecordQueue.make(r, memory, "PRIQ") : null;
    if (streams === null || commands === null || events === null || (pri && pageRequests === null))
      return "There is no memory for tables and queues.";
    r.writeFields("CR0", { CMDQEN: 1 });
    const [error] = commands.run([
      command("CMD_CFGI_STE_RANGE", { Range: EVERY_STREAM }),
      command("CMD_TLBI_NSNH_ALL"),
    ]);
    if (error !== undefined) return `The SMMU stopped at the first commands with ${error}.`;
    r.writeFields("IRQ_CTRL", { EVENTQ_IRQEN: 1, GERROR_IRQEN: 1, ...(pri ? { PRIQ_IRQEN: 1 } : {}) });
    const smmu = new Smmu(r, id, asids, { streams, commands, events, pageRequests });
    smmu.translate(false);
    return smmu;
  }

  /** Switch translation on or off; the queues stay on. */
  translate(on: boolean): void {
    this.registers.writeFields("CR0", {
      CMDQEN: 1,
      EVENTQEN: 1,
      ...(this.pageRequests === null ? {} : { PRIQEN: 1 }),
      ...(this.id("IDR0", "ATS") === 1 ? { ATSCHK: 1 } : {}),
      ...(on ? { SMMUEN: 1 } : {}),
    });
  }
}
