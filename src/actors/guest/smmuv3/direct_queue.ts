/**
 * A kernel's driver of the Tegra241 CMDQV: a second command queue, in a virtual interface of the kernel's own, for the
 * commands that the hardware lets a guest give. As in Linux 7.2, drivers/iommu/arm/arm-smmu-v3/tegra241-cmdqv.c.
 */
import { cmdqvRegisterByName, VCMDQ_ERRORS } from "../../../arch/smmuv3/cmdqv.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { RegisterPages } from "../../../kernel/platform.ts";
import { KernelRegisters } from "../../../kernel/registers.ts";
import { CommandProducer, type QueueDoor } from "./commands.ts";

/** What the hardware carries out for a guest. */
const FOR_GUESTS: ReadonlySet<string> = new Set(["CMD_TLBI_NH_ASID", "CMD_TLBI_NH_VA", "CMD_ATC_INV"]);
const COMMAND_BYTES = 16;

/** The queue's CMD_SYNCs give no signal: its read index is polled. */
const doorOf = (queue: string): QueueDoor => ({
  prod: `${queue}_PROD_INDX`,
  cons: `${queue}_CONS_INDX`,
  error: `${queue}_GERROR`,
  acknowledge: `${queue}_GERRORN`,
  errors: VCMDQ_ERRORS,
  CS: 0,
});

export class DirectQueue {
  readonly commands: CommandProducer;
  readonly #registers: KernelRegisters;
  readonly #guest: boolean;

  private constructor(registers: KernelRegisters, commands: CommandProducer, guest: boolean) {
    this.#registers = registers;
    this.commands = commands;
    this.#guest = guest;
  }

  /** Set the extension up. @returns null where it does not come up; the kernel does without it then */
  static start(pages: RegisterPages, memory: OwnMemory, log2Size: number): DirectQueue | null {
    const r = new KernelRegisters(pages, memory.notes, cmdqvRegisterByName);
    r.writeFields("CMDQV_CONFIG", { CMDQV_EN: 1 });
    if (r.field("CMDQV_STATUS", "CMDQV_ENABLED") === 0) return null;
    // Whoever asks to own the interface as a hypervisor and does not get it is a guest.
    r.writeFields("VINTF0_CONFIG", { HYP_OWN: 1 });
    r.writeFields("VINTF0_CONFIG", { HYP_OWN: 1, ENABLE: 1 });
    if (r.field("VINTF0_STATUS", "ENABLE_OK") === 0) return null;
    const guest = r.field("VINTF0_CONFIG", "HYP_OWN") === 0;
    r.writeFields("CMDQV_CMDQ_ALLOC_MAP_0", { ALLOC: 1, LVCMDQ: 0, VIRT_INTF_INDX: 0 });
    const base = memory.allocate(COMMAND_BYTES * 2 ** log2Size);
    if (base === null) return null;
    const queue = "VINTF0_LVCMDQ0";
    r.writeFields(`${queue}_BASE`, { ADDR: base, LOG2SIZE: log2Size });
    r.write(`${queue}_PROD_INDX`, 0n);
    r.write(`${queue}_CONS_INDX`, 0n);
    r.writeFields(`${queue}_CONFIG`, { CMDQ_EN: 1 });
    if (r.field(`${queue}_STATUS`, "CMDQ_EN_OK") === 0) return null;
    const producer = new CommandProducer(r, memory, { base, log2Size }, doorOf(queue));
    return new DirectQueue(r, producer, guest);
  }

  /** Whether a command may stand in this queue. */
  takes(command: string): boolean {
    return !this.#guest || FOR_GUESTS.has(command);
  }

  /** The extension has interrupted: put a command that stopped the queue out of its way. @returns the line Linux logs */
  takeError(): string | null {
    const map = this.#registers.read("CMDQV_VI_ERR_MAP_0");
    if (map === 0n) return null;
    const hex = (value: bigint, digits: number): string => value.toString(16).padStart(digits, "0");
    const queues = [3, 2, 1, 0].map((n) => hex(this.#registers.read(`CMDQV_CMDQ_ERR_MAP_${n}`), 8));
    this.commands.skipStopped();
    return `unexpected error reported. vintf_map: ${hex(map, 16)}, vcmdq_map ${queues.join(":")}`;
  }
}
