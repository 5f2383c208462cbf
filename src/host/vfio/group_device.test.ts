import { describe, expect, it } from "vitest";
import type { EraName } from "../eras/eras.ts";
import { EventFile } from "../kernel.ts";
import { ContainerWorld } from "../testing/container_world.ts";
import { DEVICE_SET_IRQS, Extension } from "./ioctls.ts";

const MSI = 1;
const TRIGGER = 0x24;
/** Where devices on Arm look for doorbells, and the doorbell within its page. */
const DOORBELL = 0x800_0040;
const PHYSICAL = 0x809_0040;

function opened(arch: string, era: EraName, type: number) {
  const world = new ContainerWorld(arch, era);
  const { process } = world.host;
  const device = world.devices[0]!;
  const container = world.open();
  const group = world.join(container, device).fd;
  expect(world.setIommu(container, type)).toBe(0);
  const fd = world.deviceOf(group, device.name) as number;
  const event = process.install(new EventFile());
  const enable = (file = event, values: { index?: number; count?: number; flags?: number } = {}) => {
    const head = DEVICE_SET_IRQS.encode({
      argsz: DEVICE_SET_IRQS.size + 4,
      flags: TRIGGER,
      index: MSI,
      count: 1,
      ...values,
    });
    const at = world.host.put(new Uint8Array([...head, ...new Uint8Array(new Int32Array([file]).buffer)]));
    return process.ioctl(fd, DEVICE_SET_IRQS.request, at);
  };
  const write = (iova: number) => {
    const access = { sid: device.sid, ssid: null, iova: BigInt(iova), privileged: false, instruction: false };
    const result = world.unit.transfer({ ...access, write: true, length: 4 });
    return result.ok ? result.pa : null;
  };
  return { world, process, device, container, group, fd, enable, write };
}

describe.each<[EraName, number]>([
  ["Linux 7.2", Extension.TYPE1v2_IOMMU],
  ["SMMUv3 nesting over VFIO v16", Extension.NESTING_IOMMU],
  ["Linux 5.15", Extension.NESTING_IOMMU],
])("The interrupt of a device in a container, %s", (era, type) => {
  it("finds the doorbell in the host's window, and nothing beside it", () => {
    const { world, device, enable, write } = opened("smmuv3", era, type);
    expect(write(DOORBELL)).toBeNull();
    expect([enable(), enable()]).toEqual([0, 0]);
    expect(world.host.kernel.messageOf(device)).toMatchObject({ address: BigInt(DOORBELL), data: device.sid });
    expect(write(DOORBELL)).toBe(BigInt(PHYSICAL));
    expect(write(DOORBELL + 0x1000)).toBeNull();
  });

  it("goes with its file, and the doorbell with the container", () => {
    const { world, process, device, group, fd, enable, write } = opened("smmuv3", era, type);
    expect(enable()).toBe(0);
    process.close(fd);
    expect(world.host.kernel.messageOf(device)).toBeNull();
    process.close(group);
    expect(write(DOORBELL)).toBeNull();
  });
});

it("A device behind VT-d has its interrupt remapped, and no doorbell mapped", () => {
  const { world, device, enable } = opened("vtd", "vSVA over VFIO v8", Extension.NESTING_IOMMU);
  expect(enable()).toBe(0);
  const { address } = world.host.kernel.messageOf(device)!;
  expect(address >> 20n).toBe(0xfeen);
});

it("Only the first message can be enabled, with an eventfd", () => {
  const { container, enable } = opened("smmuv3", "Linux 7.2", Extension.TYPE1v2_IOMMU);
  expect(enable(container)).toBe("EINVAL");
  expect(enable(99)).toBe("EBADF");
  for (const wrong of [{ index: 2 }, { count: 2 }, { flags: 1 }]) expect(enable(undefined, wrong)).toBe("EINVAL");
});
