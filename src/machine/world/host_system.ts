/**
 * A host kernel on a machine: its SMMUv3 driver over the machine's registers and memory, its devices, and processes that
 * open its files.
 */
import type { Journal } from "../../actors/journal.ts";
import type { SystemCalls } from "../../actors/vmm/user_space.ts";
import type { HostDevice } from "../../host/drivers/driver.ts";
import { KernelMemory } from "../../host/drivers/kernel_memory.ts";
import type { RegisterPages } from "../../host/drivers/register_door.ts";
import { SmmuDriver } from "../../host/drivers/smmuv3/smmu_driver.ts";
import type { IommufdFile } from "../../host/iommufd/file.ts";
import { HostKernel } from "../../host/kernel.ts";
import { Process, type UserRegion } from "../../host/process.ts";
import { VfioDeviceFile } from "../../host/vfio/device_file.ts";
import type { DeviceDescription } from "../../protocol/machine.ts";
import type { KernelObjectRow } from "../../protocol/software.ts";
import type { Machine } from "../machine.ts";
import type { EffectRecorder } from "./effects.ts";
import { kernelObjects } from "./kernel_objects.ts";

/** Sizes of a server's pages, in bytes. */
const SIZES = { page: 0x1000n, hugePage: 0x20_0000n };
/** Doorbell of an interrupt controller. */
const DOORBELL = 0x809_0040n;
const PCI_PASIDS_LG2 = 6;

/** Where the kernel's own memory lies. */
export interface KernelPlace {
  readonly at: number;
  readonly bytes: number;
}

export class HostSystem {
  readonly kernel: HostKernel;
  readonly driver: SmmuDriver;
  /** Every /dev/iommu that was opened. */
  readonly #files: IommufdFile[] = [];

  private constructor(kernel: HostKernel, driver: SmmuDriver) {
    this.kernel = kernel;
    this.driver = driver;
  }

  /** Boot: the driver sets the SMMU up. @returns null without memory for its tables */
  static boot(
    machine: Machine,
    recorder: EffectRecorder,
    devices: readonly DeviceDescription[],
    place: KernelPlace,
    journal: Journal,
  ): HostSystem | null {
    const { unit } = machine;
    const pages: RegisterPages = {
      register: (name) => unit.register(name),
      read: (offset, width) => {
        const value = unit.read(offset, width);
        journal.note(
          "host",
          "register read",
          "SMMU register",
          offset,
          Number(value >> 32n),
          Number(value & 0xffff_ffffn),
        );
        return value;
      },
      write: (offset, value, width) => {
        const [hi, lo] = [Number(value >> 32n), Number(value & 0xffff_ffffn)];
        journal.during(
          "host",
          "register write",
          "SMMU register",
          () => recorder.writeRegister(offset, value, width),
          offset,
          hi,
          lo,
        );
      },
    };
    const config = { pageLg2: 12, coherentRootComplex: true, sva: true };
    const driver = SmmuDriver.start(config, pages, new KernelMemory(machine.memory, place.at, place.bytes));
    if (driver === null) return null;
    const hostDevices = devices.map(
      (device, group): HostDevice => ({
        name: device.bdf,
        group,
        sid: device.sid,
        driver,
        maxPasidLog2: PCI_PASIDS_LG2,
        ats: false,
        pri: false,
      }),
    );
    for (const device of hostDevices) driver.addDevice(device);
    const facts = { sizes: SIZES, mayChangeLimits: false, coherent: true, msiIsolated: true, doorbell: DOORBELL };
    return new HostSystem(new HostKernel(facts, hostDevices), driver);
  }

  /** Objects of every open iommufd. */
  objects(): KernelObjectRow[] {
    return this.#files.flatMap(({ context }) => kernelObjects(context));
  }

  /** A process with these pieces of physical memory. */
  process(machine: Machine, regions: readonly UserRegion[]): SystemCalls {
    const process = new Process(machine.memory, regions);
    const { kernel } = this;
    return {
      open: (path) => {
        if (path === "/dev/iommu") {
          const file = kernel.openIommufd();
          this.#files.push(file);
          return process.install(file);
        }
        const device = kernel.devices.find((d) => path === `/dev/vfio/devices/${d.name}`);
        return device === undefined ? "ENOENT" : process.install(new VfioDeviceFile(kernel, device));
      },
      close: (fd) => {
        process.close(fd);
      },
      ioctl: (fd, request, argument) => process.ioctl(fd, request, argument),
      read: (fd, count) => process.file(fd)?.read?.(count, 0n) ?? "EBADF",
      load: (va, length) => process.read(va, length),
      store: (va, bytes) => process.write(va, bytes),
    };
  }
}
