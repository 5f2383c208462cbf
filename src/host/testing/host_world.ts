/** A host kernel with one process, for tests: calls by name, with scratch memory for their structures. */
import type { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import type { HostDevice } from "../drivers/driver.ts";
import { ERA_RULES, type EraName } from "../eras/eras.ts";
import type { Returned } from "../errno.ts";
import type { IommufdContext } from "../iommufd/context.ts";
import type { IommufdFile } from "../iommufd/file.ts";
import type { Ioctl } from "../iommufd/ioctls.ts";
import { HostKernel, type KernelConfig } from "../kernel.ts";
import { Process } from "../process.ts";
import type { StructField, UapiStruct, Values } from "../uapi_struct.ts";
import { VfioDeviceFile } from "../vfio/device_file.ts";
import { DEVICE_ATTACH_IOMMUFD_PT, DEVICE_BIND_IOMMUFD, DEVICE_DETACH_IOMMUFD_PT } from "../vfio/ioctls.ts";

/** Physical memory of such a world: the driver's, the user's, scratch; the rest belongs to nobody here. */
export const DRIVER_PA = 0x4000_0000;
export const DRIVER_BYTES = 0x400_0000;
export const USER_PA = 0x8000_0000n;
export const USER_VA = 0x4000_0000n;
export const USER_BYTES = 0x20_0000n;
export const SCRATCH_PA = 0x9000_0000n;
const SCRATCH_VA = 0x7f00_0000_0000n;
export const SCRATCH_BYTES = 0x10_0000n;
/** Where data behind pointers goes. */
const DATA_VA = SCRATCH_VA + 0x8000n;

export const MEMORY_LAYOUT = {
  outside: "abort",
  zero: [[DRIVER_PA, 0x6000_0000]],
  segments: [],
} as const;

const SIZES = { page: 0x1000n, hugePage: 0x20_0000n };

interface Answer<F extends readonly StructField[]> {
  readonly returned: Returned;
  readonly out: Values<F>;
}

export class HostWorld {
  readonly kernel: HostKernel;
  readonly process: Process;
  readonly iommufd: number;

  constructor(
    memory: PhysicalMemory,
    devices: readonly HostDevice[],
    era: EraName = "Linux 7.2",
    more: Pick<KernelConfig, "mediated" | "kvm"> = {},
  ) {
    const facts = { sizes: SIZES, mayChangeLimits: true, coherent: true, msiIsolated: true, doorbell: 0x809_0040n };
    this.kernel = new HostKernel({ ...facts, era: ERA_RULES[era], ...more }, devices);
    this.process = new Process(memory, [
      { va: USER_VA, bytes: USER_BYTES, pa: USER_PA, writable: true },
      { va: SCRATCH_VA, bytes: SCRATCH_BYTES, pa: SCRATCH_PA, writable: true },
    ]);
    this.iommufd = this.process.install(this.kernel.openIommufd());
  }

  /** What its open of /dev/iommu stands for. */
  get context(): IommufdContext {
    return (this.process.file(this.iommufd) as IommufdFile).context;
  }

  /** Make a call of /dev/iommu. */
  call<F extends readonly StructField[]>(ioctl: Ioctl<F>, values: Partial<Values<F>>): Answer<F> {
    return this.#struct(this.iommufd, ioctl, ioctl.request, { size: ioctl.size, ...values } as Partial<Values<F>>);
  }

  /** Make a call that must succeed. */
  must<F extends readonly StructField[]>(ioctl: Ioctl<F>, values: Partial<Values<F>>): Values<F> {
    const { returned, out } = this.call(ioctl, values);
    if (returned !== 0) throw new Error(`${ioctl.name}: ${returned}`);
    return out;
  }

  /** Open a device and bind it: descriptor and object id. */
  bind(device: HostDevice): { readonly fd: number; readonly id: number } {
    const fd = this.process.install(new VfioDeviceFile(this.kernel, device));
    const { out } = this.device(fd, DEVICE_BIND_IOMMUFD, { iommufd: this.iommufd });
    return { fd, id: out.out_devid };
  }

  attach(fd: number, id: number): Returned {
    return this.device(fd, DEVICE_ATTACH_IOMMUFD_PT, { pt_id: id }).returned;
  }

  detach(fd: number): Returned {
    return this.device(fd, DEVICE_DETACH_IOMMUFD_PT, {}).returned;
  }

  /** Make a call of a device file. */
  device<F extends readonly StructField[]>(
    fd: number,
    call: UapiStruct<F> & { readonly request: number },
    values: Partial<Values<F>>,
  ): Answer<F> {
    return this.#struct(fd, call, call.request, { argsz: call.size, ...values } as Partial<Values<F>>);
  }

  /** Make a call whose structure is given whole, lengths included. */
  raw<F extends readonly StructField[]>(
    fd: number,
    call: UapiStruct<F> & { readonly request: number },
    values: Partial<Values<F>>,
  ): Returned {
    return this.#struct(fd, call, call.request, values).returned;
  }

  /** What the last call left behind its structure. */
  scratch(length: number): Uint8Array<ArrayBuffer> {
    return this.process.read(SCRATCH_VA, length)!;
  }

  /** Another process, with memory of its own. */
  stranger(): Process {
    return new Process(this.process.memory, []);
  }

  /** Put data where pointers may lead: its address. */
  put(bytes: Uint8Array, at = DATA_VA): bigint {
    this.process.write(at, bytes);
    return at;
  }

  #struct<F extends readonly StructField[]>(
    fd: number,
    struct: UapiStruct<F>,
    request: number,
    values: Partial<Values<F>>,
  ): Answer<F> {
    this.process.write(SCRATCH_VA, struct.encode(values));
    const returned = this.process.ioctl(fd, request, SCRATCH_VA);
    return { returned, out: struct.decode(this.process.read(SCRATCH_VA, struct.size)!) };
  }
}
