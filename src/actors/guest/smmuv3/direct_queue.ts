/**
 * A kernel's driver of the Tegra241 CMDQV: a second command queue, in a virtual interface of the kernel's own, for the
 * commands that the hardware lets a guest give. As in Linux 7.2, drivers/iommu/arm/arm-smmu-v3/tegra241-cmdqv.c.
 */

import { cmdqvRegisterByName, VCMDQ_ERRORS } from "../../../arch/smmuv3/cmdqv.ts";
import { commandOf } from "../../../arch/smmuv3/commands.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { RegisterPages } from "../../../kernel/platform.ts";
import { KernelRegisters } from "../../../kernel/registers.ts";
import { CommandQueue, type CommandWords, type QueueDoor } from "../../../kernel/smmuv3/command_queue.ts";

/** What the hardware carries out for a guest. */
const FOR_GUESTS: ReadonlySet<string> = new Set(["CMD_TLBI_NH_ASID", "CMD_TLBI_NH_VA", "CMD_ATC_INV"]);

/** The queue's CMD_SYNCs give no signal: its read index is polled. */
const doorOf = (queue: string): QueueDoor => ({
  base: `${queue}_BASE`,
  prod: `${queue}_PROD_INDX`,
  cons: `${queue}_CONS_INDX`,
  error: `${queue}_GERROR`,
  acknowledge: `${queue}_GERRORN`,
  errors: VCMDQ_ERRORS,
  CS: 0,
});

export class DirectQueue {
  readonly commands: CommandQueue;
  readonly #registers: KernelRegisters;
  readonly #guest: boolean;

  private constructor(registers: KernelRegisters, commands: CommandQueue, guest: boolean) {
    this.#registers = registers;
    this.commands = commands;
    this.#guest = guest;
  }

  /** Set the extension up. @returns null where it does not come up; the kernel does without it then */
  static start(pages: RegisterPages, memory: OwnMemory, log2Most: number): DirectQueue | null {
    const r = new KernelRegisters(pages, memory.notes, cmdqvRegisterByName);
    r.writeFields("CMDQV_CONFIG", { CMDQV_EN: 1 });
    if (r.field("CMDQV_STATUS", "CMDQV_ENABLED") === 0) return null;
    // Whoever asks to own the interface as a hypervisor and does not get it is a guest.
    r.writeFields("VINTF0_CONFIG", { HYP_OWN: 1 });
    r.writeFields("VINTF0_CONFIG", { HYP_OWN: 1, ENABLE: 1 });
    if (r.field("VINTF0_STATUS", "ENABLE_OK") === 0) return null;
    const guest = r.field("VINTF0_CONFIG", "HYP_OWN") === 0;
    r.writeFields("CMDQV_CMDQ_ALLOC_MAP_0", { ALLOC: 1, LVCMDQ: 0, VIRT_INTF_INDX: 0 });
    const queue = "VINTF0_LVCMDQ0";
    const commands = CommandQueue.make(r, memory, log2Most, doorOf(queue));
    if (commands === null) return null;
    r.writeFields(`${queue}_CONFIG`, { CMDQ_EN: 1 });
    if (r.field(`${queue}_STATUS`, "CMDQ_EN_OK") === 0) return null;
    return new DirectQueue(r, commands, guest);
  }

  /** Whether a command may stand in this queue. */
  takes(words: CommandWords): boolean {
    return !this.#guest || FOR_GUESTS.has(commandOf(words)?.name ?? "");
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
