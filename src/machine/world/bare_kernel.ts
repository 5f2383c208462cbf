/**
 * A kernel on hardware of its own, without anybody beneath it: for lessons that need one stage and a driver, on any
 * architecture.
 */
import { makeAmdDriver } from "../../actors/guest/amdvi/driver.ts";
import { GuestKernel, type MakeDriver } from "../../actors/guest/guest_kernel.ts";
import { makeSmmuDriver } from "../../actors/guest/smmuv3/driver.ts";
import { makeVtdDriver } from "../../actors/guest/vtd/driver.ts";
import type { Journal } from "../../actors/journal.ts";
import type { FurtherIommu, RegisterPages } from "../../kernel/platform.ts";
import type { Arch, MachineDescription } from "../../protocol/machine.ts";
import type { SoftwareDescription } from "../../protocol/software.ts";
import { ofUnit, unitNumbers } from "../../protocol/unit_names.ts";
import { kernelMemory } from "../kernel_memory.ts";
import type { Machine } from "../machine.ts";
import { PLACES } from "../software_memory.ts";
import { type EffectRecorder, registerPages } from "./effects.ts";

/** Drivers of kernels, on hardware or in a virtual machine. */
export const DRIVERS: Readonly<Record<Arch, MakeDriver>> = {
  smmuv3: makeSmmuDriver,
  vtd: makeVtdDriver,
  amdvi: makeAmdDriver,
};

/** Boot a kernel on the machine. @returns why not, as a sentence */
export function bootBareKernel(
  machine: Machine,
  recorder: EffectRecorder,
  { arch, devices }: MachineDescription,
  software: SoftwareDescription,
  journal: Journal,
): GuestKernel | string {
  const registersOf = (block: string | null): RegisterPages => registerPages(machine, recorder, block)!;
  const further = unitNumbers(devices)
    .slice(1)
    .map((unit): FurtherIommu => {
      const behind = new Set(devices.filter(({ iommu }) => iommu === unit).map(({ sid }) => sid));
      return { name: ofUnit(unit), registers: registersOf(ofUnit(unit)), behind };
    });
  const options = {
    mistakes: new Set(software.mistakes),
    ats: new Set(devices.filter((d) => d.ats !== undefined).map((d) => d.sid)),
    lazy: software.lazy,
  };
  const ram = { at: PLACES.guest, bytes: software.guestBytes };
  const kernel = GuestKernel.boot(
    ram,
    { memory: kernelMemory(machine.memory), registers: registersOf(null), further },
    DRIVERS[arch],
    options,
    journal,
  );
  return kernel instanceof GuestKernel ? kernel : kernel.refused;
}
