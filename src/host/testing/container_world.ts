/** A process with VFIO containers in an era of the kernel, for tests: one group for each device. */
import { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import { ownMemory } from "../../machine/kernel_memory.ts";
import type { Unit } from "../../machine/unit.ts";
import type { HostDevice, IommuDriver } from "../drivers/driver.ts";
import type { EraName } from "../eras/eras.ts";
import type { Returned } from "../errno.ts";
import type { StructField, UapiStruct, Values } from "../uapi_struct.ts";
import { Type1Container } from "../vfio/container.ts";
import { VfioGroupFile } from "../vfio/group_file.ts";
import { DmaFlag, GROUP_GET_DEVICE_FD, GROUP_SET_CONTAINER, IOMMU_MAP_DMA, SET_IOMMU } from "../vfio/ioctls.ts";
import type { MediatedPart } from "../vfio/mediated.ts";
import { DRIVER_BYTES, DRIVER_PA, HostWorld, MEMORY_LAYOUT, USER_BYTES, USER_VA } from "./host_world.ts";
import { UNITS } from "./units.ts";

/** Where the guest of a container has its memory. */
export const GUEST_PA = 0x4000_0000n;

export class ContainerWorld {
  readonly memory: PhysicalMemory;
  readonly unit: Unit;
  readonly driver: IommuDriver & { interrupt(): void };
  readonly devices: readonly HostDevice[];
  readonly host: HostWorld;

  /** @param arch of {@link UNITS} */
  constructor(arch: string, era: EraName, mediated: readonly MediatedPart[] = []) {
    this.memory = new PhysicalMemory({ ...MEMORY_LAYOUT, zero: [...MEMORY_LAYOUT.zero] });
    const [unit, driver] = UNITS[arch]!(this.memory, ownMemory(this.memory, DRIVER_PA, DRIVER_BYTES));
    this.unit = unit;
    this.driver = driver;
    this.devices = [1, 2].map(
      (sid): HostDevice => ({ name: `${sid}`, group: sid, sid, driver, maxPasidLog2: 4, ats: false, pri: false }),
    );
    this.host = new HostWorld(this.memory, this.devices, era, { mediated });
  }

  open(): number {
    return this.host.process.install(new Type1Container(this.host.kernel));
  }

  /** Put a device's group into a container: the group's file, or why not. */
  join(container: number, device: HostDevice): { readonly fd: number; readonly returned: Returned } {
    const { process, kernel } = this.host;
    const file = VfioGroupFile.open(kernel, device.group);
    if (typeof file === "string") return { fd: -1, returned: file };
    const fd = process.install(file);
    const at = this.host.put(new Uint8Array(new Int32Array([container]).buffer));
    return { fd, returned: process.ioctl(fd, GROUP_SET_CONTAINER, at) };
  }

  deviceOf(group: number, name: string): Returned {
    const at = this.host.put(Uint8Array.from(`${name}\0`, (c) => c.charCodeAt(0)));
    return this.host.process.ioctl(group, GROUP_GET_DEVICE_FD, at);
  }

  setIommu(container: number, type: number): Returned {
    return this.host.process.ioctl(container, SET_IOMMU, BigInt(type));
  }

  /** Map all of the user's memory as the guest's. */
  mapGuest(container: number): Returned {
    const flags = DmaFlag.READ | DmaFlag.WRITE;
    return this.call(container, IOMMU_MAP_DMA, { flags, vaddr: USER_VA, iova: GUEST_PA, size: USER_BYTES }).returned;
  }

  /** A call of a structure that begins with argsz. */
  call<F extends readonly StructField[]>(
    fd: number,
    struct: UapiStruct<F> & { readonly request: number },
    values: Partial<Values<F>>,
  ): { readonly returned: Returned; readonly out: Values<F> } {
    return this.host.device(fd, struct, values);
  }

  /** Write words of 64 bits to the guest's memory. */
  guest(gpa: bigint, ...words: bigint[]): void {
    const bytes = new Uint8Array(new BigUint64Array(words).buffer);
    this.host.process.write(USER_VA + (gpa - GUEST_PA), bytes);
  }

  /** A DMA read of four bytes, with the interrupts it leads to. @returns where it went, null where it was refused */
  dma(sid: number, iova: bigint, ssid: number | null = null): bigint | null {
    const access = { sid, ssid, iova, privileged: false, instruction: false, write: false };
    const result = this.unit.transfer({ ...access, length: 4 });
    this.driver.interrupt();
    return result.ok && result.pa !== null ? BigInt(result.pa) : null;
  }

  /** Physical address of a guest physical one; -1 outside the guest. */
  hostAddress(gpa: bigint): bigint {
    return this.host.process.translate(USER_VA + (gpa - GUEST_PA), false) ?? -1n;
  }
}
