/** Virtual machines on kernels of other eras: the same guests, by other calls. */
import { describe, expect, it } from "vitest";
import type { Door, Era } from "../../protocol/software.ts";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import { TestVm } from "../testing/test_vm.ts";
import { VTD } from "../vtd/architecture.ts";

const PAGE = 4096;
const RIGHTS = { read: true, write: true, execute: false, user: true };
const NIC = { virtual: 0x10, physical: 0x20 };
const NVME = { virtual: 0x18, physical: 0x28 };
const IOVA = 0x10_0000;

const onSmmu = (era: Era, door?: Door) =>
  TestVm.startIn(door === undefined ? { era } : { era, door }, SMMUV3, "grace", "nested, trapped");
const onVtd = (era: Era) => TestVm.startIn({ era }, VTD, "sapphire-rapids", "nested, trapped");

/** Calls that the VMM made, from an entry of the journal on. */
const calls = ({ journal }: TestVm, from = 0): string[] =>
  journal.entries.filter((e) => e.id >= from && e.deed === "ioctl").map((e) => e.about);

describe("A guest on SMMUv3 nesting over VFIO v16", () => {
  it("has its DMA translated in two stages, and taken away again", () => {
    const world = onSmmu("SMMUv3 nesting over VFIO v16");
    const { vm, dma, stale } = world;
    expect(calls(world).slice(0, 5)).toEqual([
      "VFIO_GROUP_SET_CONTAINER",
      "VFIO_CHECK_EXTENSION",
      "VFIO_SET_IOMMU",
      "VFIO_IOMMU_MAP_DMA",
      "VFIO_GROUP_GET_DEVICE_FD",
    ]);
    const nic = world.mappings(NIC.virtual);
    const buffer = vm.kernel.buffers.allocate(4 * PAGE)!;
    nic.map(IOVA, buffer, 4 * PAGE, RIGHTS);
    for (let i = 0; i < 4; i++) expect(dma(NIC.physical, IOVA + i * PAGE)).toBe(vm.hostAddress(buffer + i * PAGE));
    expect(calls(world)).toContain("VFIO_IOMMU_SET_PASID_TABLE");
    const from = world.journal.count;
    nic.unmap(IOVA, 4 * PAGE);
    // Once for the container of each device.
    expect(calls(world, from)).toEqual(["VFIO_IOMMU_CACHE_INVALIDATE", "VFIO_IOMMU_CACHE_INVALIDATE"]);
    expect(dma(NIC.physical, IOVA)).toBeNull();
    expect([stale(), vm.iommu.refused]).toEqual([[], []]);
  });

  it("keeps its devices' address spaces apart", () => {
    const { vm, mappings, dma } = onSmmu("SMMUv3 nesting over VFIO v16");
    const buffers = [NIC, NVME].map(({ virtual }) => {
      const buffer = vm.kernel.buffers.allocate(PAGE)!;
      mappings(virtual).map(IOVA, buffer, PAGE, RIGHTS);
      return vm.hostAddress(buffer);
    });
    expect([dma(NIC.physical, IOVA), dma(NVME.physical, IOVA)]).toEqual(buffers);
  });

  it("is told of faults out of the device's region, as they were", () => {
    const { vm, mappings, dma } = onSmmu("SMMUv3 nesting over VFIO v16");
    const buffer = vm.kernel.buffers.allocate(PAGE)!;
    mappings(NIC.virtual).map(IOVA, buffer, PAGE, RIGHTS);
    dma(NIC.physical, 0x20_0000, true);
    const faults = vm.kernel.driver.takeFaults();
    expect(faults).toHaveLength(1);
    const text = faults[0]!.lines().join("\n");
    expect(text).toContain("F_TRANSLATION");
    expect(text).toContain("0x200000");
    expect(vm.kernel.driver.takeFaults()).toEqual([]);
  });

  it("turns its SMMU off and on again", () => {
    const { vm, mappings, dma } = onSmmu("SMMUv3 nesting over VFIO v16");
    const buffer = vm.kernel.buffers.allocate(PAGE)!;
    mappings(NIC.virtual).map(IOVA, buffer, PAGE, RIGHTS);
    const { driver } = vm.kernel;
    driver.switchTo("bypass");
    expect(dma(NIC.physical, buffer)).toBe(vm.hostAddress(buffer));
    driver.switchTo("abort");
    expect(dma(NIC.physical, buffer)).toBeNull();
    driver.switchTo("translate");
    expect(dma(NIC.physical, IOVA)).toBe(vm.hostAddress(buffer));
    expect(vm.iommu.refused).toEqual([]);
  });
});

describe("A VMM of v16 on a kernel without it", () => {
  it.each([
    ["Linux 5.15", undefined],
    ["Linux 7.2", "VFIO container"],
  ] as const)("%s: is refused, and the journal says why", (era, door) => {
    const world = onSmmu(era, door);
    const { vm, dma, journal } = world;
    const buffer = vm.kernel.buffers.allocate(PAGE)!;
    world.mappings(NIC.virtual).map(IOVA, buffer, PAGE, RIGHTS);
    expect(vm.iommu.refused).toContainEqual({ step: "VFIO_IOMMU_SET_PASID_TABLE", errno: "ENOTTY" });
    const said = journal.entries.filter((e) => e.actor === "host" && e.about.startsWith("ENOTTY")).map((e) => e.about);
    const reason = `${era} has no call 118 on a vfio container; that is VFIO_IOMMU_SET_PASID_TABLE of`;
    expect(said).toContainEqual(expect.stringContaining(reason));
    // What the guest maps means nothing to its devices: they reach its memory as it is.
    expect(dma(NIC.physical, IOVA)).toBeNull();
    expect(dma(NIC.physical, buffer)).toBe(vm.hostAddress(buffer));
  });
});

describe.each(["vSVA over VFIO v8", "vSVA over VFIO v7"] as const)("A guest on %s", (era) => {
  it("has a process's address space bound to a PASID of the system's", () => {
    const world = onVtd(era);
    const { vm, dma, stale } = world;
    const process = world.mappings(NIC.virtual, 5);
    const buffer = vm.kernel.buffers.allocate(2 * PAGE)!;
    process.map(IOVA, buffer, 2 * PAGE, RIGHTS);
    expect(calls(world)).toContain(era === "vSVA over VFIO v8" ? "IOASID_REQUEST_ALLOC" : "VFIO_IOMMU_PASID_REQUEST");
    expect(dma(NIC.physical, IOVA, false, 5)).toBe(vm.hostAddress(buffer));
    expect(dma(NIC.physical, IOVA, false, 6)).toBeNull();
    const objects = world.host.objects().map(({ type }) => type);
    expect(objects).toContain("BOUND_TABLE");
    const from = world.journal.count;
    process.unmap(IOVA, PAGE);
    expect(calls(world, from)).toEqual(["VFIO_IOMMU_NESTING_OP"]);
    expect(dma(NIC.physical, IOVA, false, 5)).toBeNull();
    expect(dma(NIC.physical, IOVA + PAGE, false, 5)).toBe(vm.hostAddress(buffer + PAGE));
    expect([stale(), vm.iommu.refused]).toEqual([[], []]);
    vm.kernel.detach(NIC.virtual, 5);
    expect(dma(NIC.physical, IOVA + PAGE, false, 5)).toBeNull();
    expect(world.host.kernel.pasids.ownerOf(5)).toBeNull();
  });

  it("reaches all of its memory without a PASID, as the kernel binds nothing to those requests", () => {
    const { vm, mappings, dma } = onVtd(era);
    const buffer = vm.kernel.buffers.allocate(PAGE)!;
    mappings(NIC.virtual).map(IOVA, buffer, PAGE, RIGHTS);
    expect(dma(NIC.physical, IOVA)).toBeNull();
    expect(dma(NIC.physical, buffer)).toBe(vm.hostAddress(buffer));
    expect(vm.iommu.refused).toContainEqual({ step: "VFIO_IOMMU_NESTING_OP", errno: "EINVAL" });
  });
});

describe("Queues of hardware as they were first posted", () => {
  it("do the same for a guest by another call, which keeps nothing where it is", () => {
    const run = (era: Era) => {
      const world = TestVm.startIn({ era }, SMMUV3, "grace", "nested, direct");
      const { vm, mappings, dma } = world;
      const nic = mappings(NIC.virtual);
      const buffer = vm.kernel.buffers.allocate(PAGE)!;
      nic.map(IOVA, buffer, PAGE, RIGHTS);
      expect(dma(NIC.physical, IOVA)).toBe(vm.hostAddress(buffer));
      nic.unmap(IOVA, PAGE);
      expect(dma(NIC.physical, IOVA)).toBeNull();
      expect(vm.iommu.refused).toEqual([]);
      const accesses = world.host.objects().filter(({ type }) => type === "ACCESS").length;
      return { calls: calls(world).filter((name) => name.includes("Q")), accesses };
    };
    const queues = ["IOMMU_VEVENTQ_ALLOC", "IOMMU_VEVENTQ_ALLOC"];
    const merged = run("Linux 7.2");
    const posted = run("vCMDQ as posted");
    expect(merged.calls).toEqual([...queues, ...merged.calls.slice(2).map(() => "IOMMU_HW_QUEUE_ALLOC")]);
    expect(posted.calls).toEqual([...queues, ...merged.calls.slice(2).map(() => "IOMMU_VCMDQ_ALLOC")]);
    expect([merged.accesses > 0, posted.accesses]).toEqual([true, 0]);
  });
});
