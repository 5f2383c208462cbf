import { describe, expect, it } from "vitest";
import { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import { ownMemory } from "../../machine/kernel_memory.ts";
import { SMMUV3 } from "../../machine/smmuv3/architecture.ts";
import { VTD } from "../../machine/vtd/architecture.ts";
import {
  FAULT_QUEUE_ALLOC,
  HWPT_ALLOC,
  HwptDataType,
  HwptFlag,
  IOAS_ALLOC,
  VDEVICE_ALLOC,
  VIOMMU_ALLOC,
  ViommuType,
} from "../iommufd/ioctls.ts";
import { DRIVER_BYTES, DRIVER_PA, HostWorld, MEMORY_LAYOUT } from "../testing/host_world.ts";
import { DEVICE_ATTACH_IOMMUFD_PT } from "../vfio/ioctls.ts";
import type { HostDevice, IommuDriver } from "./driver.ts";
import { SmmuDriver } from "./smmuv3/smmu_driver.ts";
import { VtdDriver } from "./vtd/vtd_driver.ts";

const SID = 5;
const NOTHING = { memory: { outside: "abort", zero: [], segments: [] }, devices: [] } as const;

/** A host with one device that is bound, an IOAS and a fault queue. */
function makeWorld(memory: PhysicalMemory, driver: IommuDriver) {
  const device: HostDevice = { name: "5", group: 1, sid: SID, driver, maxPasidLog2: 4, ats: false, pri: false };
  const host = new HostWorld(memory, [device]);
  const { fd, id: dev_id } = host.bind(device);
  const pt_id = host.must(IOAS_ALLOC, {}).out_ioas_id;
  const fault_id = host.must(FAULT_QUEUE_ALLOC, {}).out_fault_id;
  const attach = (hwpt: number, pasid: number | null = null) =>
    host.device(fd, DEVICE_ATTACH_IOMMUFD_PT, { pt_id: hwpt, flags: pasid === null ? 0 : 1, pasid: pasid ?? 0 })
      .returned;
  return { host, dev_id, pt_id, fault_id, attach };
}

const makeMemory = () => new PhysicalMemory({ ...MEMORY_LAYOUT, zero: [...MEMORY_LAYOUT.zero] });

describe("an attachment with two faults is refused for the first that Linux finds", () => {
  it("SMMUv3: another SMMU, PASIDs in use, no vDEVICE, then a kernel without SVA (arm_smmu_attach_prepare)", () => {
    const memory = makeMemory();
    const registers = { IDR0: 0xd44101bn, IDR1: 0x2730010n | (4n << 6n), IDR3: 0x1514n, IDR5: 0x74n, AIDR: 1n };
    const unit = SMMUV3.make({ arch: "smmuv3", registers, ...NOTHING }, memory);
    const config = { pageLg2: 12, coherentRootComplex: true, sva: false };
    const driver = SmmuDriver.start(config, unit, ownMemory(memory, DRIVER_PA, DRIVER_BYTES))!;
    const { host, dev_id, pt_id, fault_id, attach } = makeWorld(memory, driver);
    const make = (flags: number, under = pt_id, data = {}) =>
      host.must(HWPT_ALLOC, { flags, dev_id, pt_id: under, fault_id, ...data }).out_hwpt_id;
    const parent = make(HwptFlag.NEST_PARENT);
    const type = ViommuType.ARM_SMMUV3;
    const { out_viommu_id: viommu_id } = host.must(VIOMMU_ALLOC, { type, dev_id, hwpt_id: parent });
    const words = host.put(new Uint8Array(new BigUint64Array([0xbn, 0n]).buffer));
    const data = { data_type: HwptDataType.ARM_SMMUV3, data_len: 16, data_uptr: words };
    const nested = make(HwptFlag.FAULT_ID_VALID, viommu_id, data);
    expect(attach(nested)).toBe("ENOENT");
    host.must(VDEVICE_ALLOC, { viommu_id, dev_id, virt_id: 7n });
    expect(attach(nested)).toBe("EOPNOTSUPP");
    const own = make(HwptFlag.PASID);
    expect([attach(own), attach(own, 3)]).toEqual([0, 0]);
    expect(attach(make(HwptFlag.PASID | HwptFlag.FAULT_ID_VALID), 4)).toBe("EOPNOTSUPP");
  });

  it("VT-d: a unit without PASIDs, tables that it cannot walk, a device without page requests, then the guest's data", () => {
    const memory = makeMemory();
    const registers = { VER: 0x10n, CAP: 0x80d2008c222f0606n, ECAP: 0x1e99884f00f4an & ~(1n << 40n) };
    const unit = VTD.make({ arch: "vtd", registers, ...NOTHING }, memory);
    const driver = VtdDriver.start(unit, ownMemory(memory, DRIVER_PA, DRIVER_BYTES))!;
    const { host, dev_id, pt_id, fault_id, attach } = makeWorld(memory, driver);
    const make = (flags: number, under = pt_id, data = {}) =>
      host.must(HWPT_ALLOC, { flags, dev_id, pt_id: under, fault_id, ...data }).out_hwpt_id;
    const parent = make(HwptFlag.NEST_PARENT);
    const stage1 = host.put(new Uint8Array(new BigUint64Array([0n, 0n, 39n]).buffer));
    const data = { data_type: HwptDataType.VTD_S1, data_len: 24, data_uptr: stage1 };
    expect(attach(make(HwptFlag.FAULT_ID_VALID, parent, data))).toBe("ENODEV");
    expect(attach(make(0, parent, data))).toBe("EINVAL");
    const own = make(HwptFlag.PASID);
    expect([attach(own), attach(own, 3)]).toEqual([0, "EOPNOTSUPP"]);
  });
});
