import { describe, expect, it } from "vitest";
import { CMDQV_STRIDE } from "../../../arch/smmuv3/cmdqv.ts";
import { commandByName } from "../../../arch/smmuv3/commands.ts";
import { encodeFields, type FieldNumbers } from "../../../base/encode.ts";
import { PhysicalMemory } from "../../../engine/memory/physical_memory.ts";
import { ownMemory } from "../../../machine/kernel_memory.ts";
import { SMMUV3 } from "../../../machine/smmuv3/architecture.ts";
import {
  DESTROY,
  GET_HW_INFO,
  HW_QUEUE_ALLOC,
  HWPT_ALLOC,
  HwptFlag,
  IOAS_ALLOC,
  IOAS_MAP,
  IOAS_UNMAP,
  VDEVICE_ALLOC,
  VEVENTQ_ALLOC,
  VIOMMU_ALLOC,
} from "../../iommufd/ioctls.ts";
import { DRIVER_BYTES, DRIVER_PA, HostWorld, MEMORY_LAYOUT, USER_BYTES, USER_VA } from "../../testing/host_world.ts";
import type { HostDevice } from "../driver.ts";
import { SmmuDriver } from "../smmuv3/smmu_driver.ts";

const BASE = 0x1_0000_0000n;
const GUEST_IPA = 0x4000_0000n;
const VIRTUAL_SID = 0x28n;
const QUEUE = 0x1_0000n;
const TEGRA = 2;

/** An SMMU with the extension as Grace has it, and a guest's vIOMMU with a device. */
function makeWorld() {
  const memory = new PhysicalMemory({ ...MEMORY_LAYOUT, zero: [...MEMORY_LAYOUT.zero] });
  const description = {
    arch: "smmuv3",
    memory: { outside: "abort", zero: [], segments: [] },
    devices: [],
  } as const;
  const cmdqv = { vcmdqsLg2: 7, vintfsLg2: 6, sidsLg2: 4 };
  const registers = { IDR0: 0xd44141bn, IDR1: 0x2730010n, IDR3: 0x1514n, IDR5: 0x74n, AIDR: 2n };
  const unit = SMMUV3.make({ ...description, registers, cmdqv }, memory);
  const config = { pageLg2: 12, coherentRootComplex: true, sva: false };
  const pages = unit.blocks!.cmdqv!;
  const own = ownMemory(memory, DRIVER_PA, DRIVER_BYTES);
  const driver = SmmuDriver.start(config, unit, own, { pages, base: BASE })!;
  const device: HostDevice = {
    name: "0000:00:03.0",
    group: 1,
    sid: 3,
    driver,
    maxPasidLog2: 0,
    ats: false,
    pri: false,
  };
  const host = new HostWorld(memory, [device]);
  const { id } = host.bind(device);
  const ioas = host.must(IOAS_ALLOC, {}).out_ioas_id;
  host.must(IOAS_MAP, { flags: 7, ioas_id: ioas, user_va: USER_VA, length: USER_BYTES, iova: GUEST_IPA });
  const parent = host.must(HWPT_ALLOC, { flags: HwptFlag.NEST_PARENT, dev_id: id, pt_id: ioas }).out_hwpt_id;
  const data_uptr = host.put(new Uint8Array(16));
  const viommu = host.must(VIOMMU_ALLOC, { type: TEGRA, dev_id: id, hwpt_id: parent, data_len: 16, data_uptr });
  const words = new BigUint64Array(host.process.read(data_uptr, 16)!.buffer);
  return { host, pages, driver, id, ioas, parent, viommu: viommu.out_viommu_id, offset: words[0]!, length: words[1]! };
}

type World = ReturnType<typeof makeWorld>;

const openQueue = (
  { host, viommu }: World,
  index: number,
  at = GUEST_IPA + QUEUE * BigInt(index + 1),
  length = 0x1000n,
) => host.call(HW_QUEUE_ALLOC, { viommu_id: viommu, type: 1, index, nesting_parent_iova: at, length });

/** Write to the page that the guest has mapped: registers of one of its queues. */
const guestWrite = ({ pages }: World, queue: number, offset: number, value: number): void => {
  const page = Number(0x3_0000 + CMDQV_STRIDE.VINTF_PAGES);
  pages.write(page + CMDQV_STRIDE.VCMDQ * queue + offset, BigInt(value), 4);
};

const guestRead = ({ pages }: World, queue: number, offset: number): number =>
  Number(pages.read(0x3_0000 + CMDQV_STRIDE.VINTF_PAGES + CMDQV_STRIDE.VCMDQ * queue + offset, 4));

function putCommand({ host }: World, slot: number, name: string, fields: FieldNumbers): void {
  const { layout, opcode } = commandByName(name)!;
  const words = encodeFields(layout, { Opcode: opcode, ...fields });
  host.process.write(USER_VA + QUEUE + BigInt(16 * slot), new Uint8Array(words.buffer));
}

describe("a guest's queues of the Tegra241 CMDQV", () => {
  it("the kernel tells what an interface has", () => {
    const { host, id } = makeWorld();
    const info = { flags: 1, dev_id: id, data_type: 3, data_len: 8, data_uptr: host.put(new Uint8Array(8)) };
    expect(host.must(GET_HW_INFO, info).data_len).toBe(8);
    expect([...host.process.read(info.data_uptr, 8)!]).toEqual([0, 0, 0, 0, 1, 1, 4, 0]);
  });

  it("hand out the interface's first page, and keep the vIOMMU while it is mapped", () => {
    const { host, viommu, offset, length } = makeWorld();
    const file = host.process.file(host.iommufd)!;
    expect([offset, length]).toEqual([0x1000n, 0x1_0000n]);
    expect(file.mmap!(offset, length, { shared: false, executable: false })).toBe("EINVAL");
    expect(file.mmap!(offset, length, { shared: true, executable: true })).toBe("EPERM");
    expect(file.mmap!(offset + 0x1000n, length, { shared: true, executable: false })).toBe("ENXIO");
    expect(file.mmap!(offset, length, { shared: true, executable: false })).toBeNull();
    expect(host.call(DESTROY, { id: viommu }).returned).toBe("EBUSY");
    file.munmap!(offset);
    expect(host.call(DESTROY, { id: viommu }).returned).toBe(0);
  });

  it("are opened in ascending order, over memory of a size and place that suits", () => {
    const world = makeWorld();
    expect(openQueue(world, 1).returned).toBe("EIO");
    expect(openQueue(world, 2).returned).toBe("EINVAL");
    expect(openQueue(world, 0, GUEST_IPA, 0x1800n).returned).toBe("EINVAL");
    expect(openQueue(world, 0, GUEST_IPA, 16n).returned).toBe("EINVAL");
    expect(openQueue(world, 0, GUEST_IPA + 0x1000n, 0x2000n).returned).toBe("EINVAL");
    expect(openQueue(world, 0).returned).toBe(0);
    expect(openQueue(world, 0).returned).toBe("EEXIST");
    const second = openQueue(world, 1);
    expect(second.returned).toBe(0);
    const { host, ioas } = world;
    expect(host.call(IOAS_UNMAP, { ioas_id: ioas, iova: GUEST_IPA, length: USER_BYTES }).returned).toBe("EBUSY");
  });

  it("go from the highest index down, and give their memory back", () => {
    const world = makeWorld();
    const { host, ioas } = world;
    const [first, second] = [openQueue(world, 0).out.out_hw_queue_id, openQueue(world, 1).out.out_hw_queue_id];
    expect(host.call(DESTROY, { id: first }).returned).toBe("EBUSY");
    expect(host.call(DESTROY, { id: second }).returned).toBe(0);
    expect(host.call(DESTROY, { id: first }).returned).toBe(0);
    expect(host.call(IOAS_UNMAP, { ioas_id: ioas, iova: GUEST_IPA, length: USER_BYTES }).returned).toBe(0);
  });

  it("run the guest's commands without the kernel, with its VMID and StreamIDs in them", () => {
    const world = makeWorld();
    const { host, viommu, id } = world;
    host.must(VDEVICE_ALLOC, { viommu_id: viommu, dev_id: id, virt_id: VIRTUAL_SID });
    openQueue(world, 0);
    putCommand(world, 0, "CMD_TLBI_NH_ASID", { ASID: 1, VMID: 0x77 });
    putCommand(world, 1, "CMD_ATC_INV", { StreamID: Number(VIRTUAL_SID), Size: 52 });
    putCommand(world, 2, "CMD_SYNC", { CS: 0 });
    guestWrite(world, 0, 8, 1);
    guestWrite(world, 0, 4, 3);
    expect([guestRead(world, 0, 0), guestRead(world, 0, 0x10)]).toEqual([3, 0]);
  });

  it("an error stops the queue and reaches the guest as a map of its queues, at each interrupt", () => {
    const world = makeWorld();
    const { host, viommu, driver } = world;
    const queue = host.must(VEVENTQ_ALLOC, { viommu_id: viommu, type: TEGRA, veventq_depth: 4 }).out_veventq_fd;
    openQueue(world, 0);
    putCommand(world, 0, "CMD_TLBI_NSNH_ALL", {});
    guestWrite(world, 0, 8, 1);
    guestWrite(world, 0, 4, 1);
    driver.extensionInterrupt();
    const events = (): number[] => {
      const bytes = host.process.file(queue)!.read!(100, 0n) as Uint8Array;
      return [...new Uint32Array(bytes.slice().buffer)];
    };
    expect(events()).toEqual([0, 0, 1, 0, 0, 0]);
    driver.extensionInterrupt();
    expect(events()).toEqual([0, 1, 1, 0, 0, 0]);
  });

  it("a StreamID of more than 20 bits cannot be matched", () => {
    const { host, viommu, id } = makeWorld();
    const values = { viommu_id: viommu, dev_id: id };
    expect(host.call(VDEVICE_ALLOC, { ...values, virt_id: 1n << 20n }).returned).toBe("EINVAL");
    expect(host.call(VDEVICE_ALLOC, { ...values, virt_id: (1n << 20n) - 1n }).returned).toBe(0);
  });

  it("there is none without the driver's data, of just that length", () => {
    const { host, id, parent } = makeWorld();
    const values = { type: TEGRA, dev_id: id, hwpt_id: parent };
    expect(host.call(VIOMMU_ALLOC, values).returned).toBe("EINVAL");
    const data_uptr = host.put(new Uint8Array(24));
    expect(host.call(VIOMMU_ALLOC, { ...values, data_len: 24, data_uptr }).returned).toBe("EINVAL");
  });
});
