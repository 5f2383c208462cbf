/**
 * A kernel on hardware of its own, for tests: a machine, a platform over it, and the kernel's memory.
 */

import { OrderChecker } from "../../actors/guest/order_checker.ts";
import { Journal } from "../../actors/journal.ts";
import { OwnMemory } from "../../kernel/own_memory.ts";
import { PageAllocator } from "../../kernel/page_allocator.ts";
import type { Platform } from "../../kernel/platform.ts";
import type { MachineDescription } from "../../protocol/machine.ts";
import { kernelMemory } from "../kernel_memory.ts";
import { Machine } from "../machine.ts";
import type { Architecture } from "../unit.ts";

/** All memory of the machine: 64 MiB from 1 GiB on; the first half is the kernel's, buffers lie in the second. */
const RAM = 0x4000_0000;
const RAM_BYTES = 0x400_0000;
export const BUFFERS = RAM + RAM_BYTES / 2;

export class BareMetal {
  readonly machine: Machine;
  readonly platform: Platform;
  readonly journal = new Journal();
  readonly order = new OrderChecker(this.journal);
  readonly memory: OwnMemory;

  constructor(architecture: Architecture, description: Partial<MachineDescription>) {
    const whole: MachineDescription = {
      arch: architecture.arch,
      registers: {},
      memory: { outside: "abort", zero: [[BigInt(RAM), BigInt(RAM_BYTES)]], segments: [] },
      devices: [],
      ...description,
    };
    const fault = architecture.check(whole);
    if (fault !== null) throw new Error(`${fault.place}: ${fault.detail}`);
    const machine = new Machine(whole, architecture.make);
    this.machine = machine;
    this.platform = {
      memory: kernelMemory(machine.memory),
      registers: {
        read: (offset, width) => machine.unit.read(offset, width),
        write: (offset, value, width) => machine.unit.write(offset, value, width),
      },
    };
    this.memory = new OwnMemory(this.platform.memory, new PageAllocator(RAM, RAM_BYTES / 2), this.journal.of("guest"));
  }

  /** Where an access by a device goes; null where it is refused. */
  dma(sid: number, iova: number, write = false, ssid: number | null = null): number | null {
    const access = { sid, ssid, iova: BigInt(iova), write, privileged: false, instruction: false };
    const result = this.machine.unit.transfer({ ...access, length: 4 });
    return result.ok && result.pa !== null ? Number(result.pa) : null;
  }
}
