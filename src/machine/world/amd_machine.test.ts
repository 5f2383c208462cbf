import { describe, expect, it } from "vitest";
import type { Mistake } from "../../protocol/software.ts";
import { AMDVI } from "../amdvi/architecture.ts";
import { TestVm, VM_RAM } from "../testing/test_vm.ts";

const PAGE = 4096;
const RIGHTS = { read: true, write: true, execute: false, user: true };
const NIC = { virtual: 0x10, physical: 0x20 };
const NVME = { virtual: 0x18, physical: 0x28 };

const world = (...mistakes: Mistake[]) => TestVm.start(AMDVI, "full", "nested, trapped", ...mistakes);

const calls = ({ journal }: TestVm, act: () => void): string[] => {
  const from = journal.count;
  act();
  return journal.entries.filter((e) => e.id >= from && e.deed === "ioctl").map((e) => e.about);
};

describe("A virtual machine with an AMD IOMMU, guest tables over host tables", () => {
  it("lets a device reach what the guest maps, through both stages", () => {
    const { vm, mappings, dma } = world();
    const nic = mappings(NIC.virtual);
    const buffer = vm.kernel.buffers.allocate(2 * PAGE)!;
    expect(nic.map(0x10_0000, buffer, 2 * PAGE, RIGHTS)).toBeNull();
    expect(dma(NIC.physical, 0x10_1008, true)).toBe(vm.hostAddress(buffer + PAGE + 8));
    expect(dma(NIC.physical, 0x10_2000)).toBeNull();
    // The other device has not been set up.
    expect(dma(NVME.physical, 0x10_0000)).toBeNull();
    expect(vm.iommu.refused).toEqual([]);
  });

  it("has a nested HWPT made anew for what the guest unmaps, as there is no call that invalidates", () => {
    const started = world();
    const { vm, mappings, dma, stale } = started;
    const nic = mappings(NIC.virtual);
    const buffer = vm.kernel.buffers.allocate(8 * PAGE)!;
    nic.map(0x10_0000, buffer, 8 * PAGE, RIGHTS);
    for (let i = 0; i < 8; i++) expect(dma(NIC.physical, 0x10_0000 + i * PAGE)).toBe(vm.hostAddress(buffer + i * PAGE));
    const unmapped = calls(started, () => nic.unmap(0x10_0000, 8 * PAGE));
    expect(unmapped).toEqual(["IOMMU_HWPT_ALLOC", "vfio_device_attach_iommufd_pt", "IOMMU_DESTROY"]);
    expect(stale()).toEqual([]);
    expect(dma(NIC.physical, 0x10_0000)).toBeNull();
  });

  it("gives a PASID of the guest a space of its own", () => {
    const { vm, mappings, dma } = world();
    const [own, process] = [mappings(NIC.virtual), mappings(NIC.virtual, 5)];
    const [a, b] = [vm.kernel.buffers.allocate(PAGE)!, vm.kernel.buffers.allocate(PAGE)!];
    own.map(0x10_0000, a, PAGE, RIGHTS);
    process.map(0x10_0000, b, PAGE, RIGHTS);
    expect([dma(NIC.physical, 0x10_0000), dma(NIC.physical, 0x10_0000, false, 5)]).toEqual([
      vm.hostAddress(a),
      vm.hostAddress(b),
    ]);
    vm.kernel.detach(NIC.virtual, 5);
    expect([dma(NIC.physical, 0x10_0000), dma(NIC.physical, 0x10_0000, false, 5)]).toEqual([vm.hostAddress(a), null]);
    expect(vm.iommu.refused).toEqual([]);
  });

  it("lets requests pass while the guest's IOMMU is off, inside guest memory", () => {
    const { vm, mappings, dma } = world();
    const nic = mappings(NIC.virtual);
    const buffer = vm.kernel.buffers.allocate(PAGE)!;
    nic.map(0x10_0000, buffer, PAGE, RIGHTS);
    expect(vm.kernel.driver.switchTo("bypass")).toBeNull();
    expect(dma(NIC.physical, buffer + 8)).toBe(vm.hostAddress(buffer + 8));
    expect([dma(NIC.physical, 0x10_0000), dma(NIC.physical, VM_RAM.gpa + VM_RAM.bytes)]).toEqual([null, null]);
    expect(vm.kernel.driver.switchTo("translate")).toBeNull();
    expect([dma(NIC.physical, 0x10_0000), dma(NIC.physical, buffer)]).toEqual([vm.hostAddress(buffer), null]);
    expect(vm.iommu.refused).toEqual([]);
  });

  it("finds what a guest forgets to invalidate", () => {
    const { vm, mappings, dma, stale } = world("no TLB invalidation");
    const nic = mappings(NIC.virtual);
    nic.map(0x10_0000, vm.kernel.buffers.allocate(PAGE)!, PAGE, RIGHTS);
    dma(NIC.physical, 0x10_0000);
    nic.unmap(0x10_0000, PAGE);
    expect(stale()).toContain("INVALIDATE_IOMMU_PAGES");
  });
});
