/** A stream with something attached to PASIDs, while nothing else is. */
import { expect, it } from "vitest";
import { PhysicalMemory } from "../../../engine/memory/physical_memory.ts";
import { ownMemory } from "../../../machine/kernel_memory.ts";
import { HWPT_ALLOC, IOAS_ALLOC, IOAS_MAP } from "../../iommufd/ioctls.ts";
import { DRIVER_BYTES, DRIVER_PA, HostWorld, MEMORY_LAYOUT, USER_PA, USER_VA } from "../../testing/host_world.ts";
import { UNITS } from "../../testing/units.ts";
import { VfioDeviceFile } from "../../vfio/device_file.ts";
import { DEVICE_ATTACH_IOMMUFD_PT, DEVICE_BIND_IOMMUFD, DEVICE_DETACH_IOMMUFD_PT } from "../../vfio/ioctls.ts";

const IOVA = 1n << 24n;

it("a PASID works before the device itself has something attached, and after that is gone", () => {
  const memory = new PhysicalMemory({ ...MEMORY_LAYOUT, zero: [...MEMORY_LAYOUT.zero] });
  const [unit, driver] = UNITS.smmuv3!(memory, ownMemory(memory, DRIVER_PA, DRIVER_BYTES));
  const device = { name: "a", group: 1, sid: 1, driver, maxPasidLog2: 4, ats: false, pri: false };
  const host = new HostWorld(memory, [device]);
  const fd = host.process.install(new VfioDeviceFile(host.kernel, device));
  const dev_id = host.device(fd, DEVICE_BIND_IOMMUFD, { iommufd: host.iommufd }).out.out_devid;
  const { out_ioas_id: ioas_id } = host.must(IOAS_ALLOC, {});
  host.must(IOAS_MAP, { flags: 7, ioas_id, user_va: USER_VA, length: 0x1000n, iova: IOVA });
  const { out_hwpt_id: pt_id } = host.must(HWPT_ALLOC, { flags: 8, dev_id, pt_id: ioas_id });
  const { out_hwpt_id: parent } = host.must(HWPT_ALLOC, { flags: 1, dev_id, pt_id: ioas_id });
  const reached = () =>
    [null, 0, 3, 4].map((ssid) => {
      const access = { sid: 1, ssid, iova: IOVA, privileged: false, instruction: false, write: false, length: 4 };
      const result = unit.transfer(access);
      return result.ok && result.pa !== null && BigInt(result.pa) === USER_PA;
    });
  const pasid = { flags: 1, pasid: 3 };

  expect(host.device(fd, DEVICE_ATTACH_IOMMUFD_PT, { ...pasid, pt_id }).returned).toBe(0);
  expect(reached()).toEqual([false, false, true, false]);
  expect(host.attach(fd, parent)).toBe("EINVAL");
  expect(host.attach(fd, pt_id)).toBe(0);
  expect(reached()).toEqual([true, false, true, false]);
  expect(host.detach(fd)).toBe(0);
  expect(reached()).toEqual([false, false, true, false]);
  expect(host.device(fd, DEVICE_DETACH_IOMMUFD_PT, pasid).returned).toBe(0);
  expect(reached()).toEqual([false, false, false, false]);
  expect(host.attach(fd, parent)).toBe(0);
  expect(reached()).toEqual([true, false, false, false]);
  expect(host.device(fd, DEVICE_ATTACH_IOMMUFD_PT, { ...pasid, pt_id }).returned).toBe("EINVAL");
});
