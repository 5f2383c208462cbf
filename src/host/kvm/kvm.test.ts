/** Virtual machines of KVM whose devices are behind an SMMU that hears their TLBI instructions. */
import { describe, expect, it } from "vitest";
import { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import { ownMemory } from "../../machine/kernel_memory.ts";
import { SMMUV3 } from "../../machine/smmuv3/architecture.ts";
import type { Unit } from "../../machine/unit.ts";
import type { HostDevice } from "../drivers/driver.ts";
import { SmmuDriver } from "../drivers/smmuv3/smmu_driver.ts";
import type { Returned } from "../errno.ts";
import { DESTROY, HWPT_ALLOC, HwptFlag, IOAS_ALLOC } from "../iommufd/ioctls.ts";
import { DRIVER_BYTES, DRIVER_PA, HostWorld, MEMORY_LAYOUT } from "../testing/host_world.ts";
import { VfioDeviceFile } from "../vfio/device_file.ts";
import { DEVICE_BIND_IOMMUFD } from "../vfio/ioctls.ts";
import { KvmFile } from "./files.ts";
import { CREATE_DEVICE, KVM_CREATE_VM, KVM_DEV_TYPE_VFIO, SET_DEVICE_ATTR } from "./ioctls.ts";
import { KvmHost } from "./kvm.ts";

const ADD = { group: 1, attr: 1n };
const nothing = { outside: "abort", zero: [], segments: [] } as const;

class World {
  readonly unit: Unit;
  readonly kvm: KvmHost;
  readonly devices: readonly HostDevice[];
  readonly host: HostWorld;

  constructor() {
    const memory = new PhysicalMemory({ ...MEMORY_LAYOUT, zero: [...MEMORY_LAYOUT.zero] });
    const registers = { IDR0: 0xd44103bn, IDR1: 0x2730010n, IDR3: 0x1514n, IDR5: 0x74n, AIDR: 1n };
    this.unit = SMMUV3.make({ arch: "smmuv3", registers, memory: nothing, devices: [] }, memory);
    this.kvm = new KvmHost(this.unit.blocks!.pe!, 8, true);
    const config = { pageLg2: 12, coherentRootComplex: true, sva: false, kvm: this.kvm };
    const driver = SmmuDriver.start(config, this.unit, ownMemory(memory, DRIVER_PA, DRIVER_BYTES))!;
    this.devices = [1, 2].map((sid) => {
      return { name: `0000:00:0${sid}.0`, group: sid, sid, driver, maxPasidLog2: 0, ats: false, pri: false };
    });
    this.host = new HostWorld(memory, this.devices, "Linux 7.2", { kvm: this.kvm });
  }

  /** Make a virtual machine. @returns the file by which it learns of VFIO's */
  makeVm(): number {
    const { host } = this;
    const vm = host.process.ioctl(host.process.install(new KvmFile(this.kvm)), KVM_CREATE_VM, 0n) as number;
    host.raw(vm, CREATE_DEVICE, { type: KVM_DEV_TYPE_VFIO });
    return CREATE_DEVICE.decode(host.scratch(CREATE_DEVICE.size)).fd;
  }

  open(device: HostDevice): number {
    return this.host.process.install(new VfioDeviceFile(this.host.kernel, device));
  }

  tell(vfio: number, fd: number): Returned {
    const addr = this.host.put(new Uint8Array(new Int32Array([fd]).buffer));
    return this.host.raw(vfio, SET_DEVICE_ATTR, { ...ADD, addr });
  }

  /** Bind a device's file and ask for a parent over an IOAS. */
  parentFor(fd: number): { readonly returned: Returned; readonly id: number } {
    const { host } = this;
    const { out } = host.device(fd, DEVICE_BIND_IOMMUFD, { iommufd: host.iommufd });
    const pt_id = host.must(IOAS_ALLOC, {}).out_ioas_id;
    const made = host.call(HWPT_ALLOC, { flags: HwptFlag.NEST_PARENT, dev_id: out.out_devid, pt_id });
    return { returned: made.returned, id: made.out.out_hwpt_id };
  }

  /** VMID in a device's stream table entry. */
  vmidOf(device: HostDevice): number | undefined {
    const row = this.unit.inspect.streams([], new Map()).find(({ sid }) => sid === device.sid);
    return row?.tags.find(({ name }) => name === "VMID")?.value;
  }

  /** VMID that the processor runs with. */
  get running(): bigint {
    return this.unit.blocks!.pe!.read(0, 8) >> 48n;
  }
}

describe("A virtual machine's devices", () => {
  it("have its VMID in their stream table entries, and those of another have another's", () => {
    const world = new World();
    const vmids = world.devices.map((device) => {
      const vfio = world.makeVm();
      const fd = world.open(device);
      expect(world.tell(vfio, fd)).toBe(0);
      const { id } = world.parentFor(fd);
      expect(world.host.attach(fd, id)).toBe(0);
      expect(world.running).toBe(BigInt(world.vmidOf(device)!));
      return world.vmidOf(device);
    });
    expect(new Set(vmids).size).toBe(2);
  });

  it("keep it as long as there is a stage 2 with it", () => {
    const world = new World();
    const fd = world.open(world.devices[0]!);
    world.tell(world.makeVm(), fd);
    const { id } = world.parentFor(fd);
    const [before] = [world.running];
    expect(world.kvm.beginAnew()).toBe(Number(before));
    world.host.must(DESTROY, { id });
    expect(world.kvm.beginAnew()).not.toBe(Number(before));
  });

  it("have no stage 2 if they are no virtual machine's: its VMID would be somebody's", () => {
    const world = new World();
    world.makeVm();
    expect(world.parentFor(world.open(world.devices[0]!)).returned).toBe("ENOSPC");
  });
});

describe("KVM's files", () => {
  it("take files of VFIO, each once", () => {
    const world = new World();
    const [vfio, other] = [world.makeVm(), world.makeVm()];
    const fd = world.open(world.devices[0]!);
    expect(world.tell(vfio, 99)).toBe("EBADF");
    expect(world.tell(vfio, world.host.iommufd)).toBe("EINVAL");
    expect(world.tell(vfio, fd)).toBe(0);
    expect(world.tell(other, fd)).toBe("EEXIST");
  });

  it("refuse what they do not know, and pointers that lead nowhere", () => {
    const { host, kvm } = new World();
    const { process } = host;
    const file = process.install(new KvmFile(kvm));
    expect(process.ioctl(file, 0, 0n)).toBe("ENOTTY");
    expect(process.ioctl(file, KVM_CREATE_VM, 7n)).toBe("EINVAL");
    const vm = process.ioctl(file, KVM_CREATE_VM, 0n) as number;
    expect(process.ioctl(vm, 0, 0n)).toBe("ENOTTY");
    expect(process.ioctl(vm, CREATE_DEVICE.request, 0n)).toBe("EFAULT");
    expect(host.raw(vm, CREATE_DEVICE, { type: 5 })).toBe("ENODEV");
    expect(host.raw(vm, CREATE_DEVICE, { type: KVM_DEV_TYPE_VFIO })).toBe(0);
    const { fd } = CREATE_DEVICE.decode(host.scratch(CREATE_DEVICE.size));
    expect(process.ioctl(fd, 0, 0n)).toBe("ENOTTY");
    expect(process.ioctl(fd, SET_DEVICE_ATTR.request, 0n)).toBe("EFAULT");
    expect(host.raw(fd, SET_DEVICE_ATTR, { ...ADD, addr: 0n })).toBe("EFAULT");
    expect(host.raw(fd, SET_DEVICE_ATTR, { ...ADD, attr: 9n })).toBe("ENXIO");
  });
});
