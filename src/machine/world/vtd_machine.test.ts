import { describe, expect, it } from "vitest";
import type { Mistake } from "../../protocol/software.ts";
import { TestVm, VM_RAM } from "../testing/test_vm.ts";
import { VTD } from "../vtd/architecture.ts";

const PAGE = 4096;
const RIGHTS = { read: true, write: true, execute: false, user: true };
const NIC = { virtual: 0x10, physical: 0x20 };
const NVME = { virtual: 0x18, physical: 0x28 };

const world = (...mistakes: Mistake[]) => TestVm.start(VTD, "sapphire-rapids", "nested, trapped", ...mistakes);

const calls = ({ journal }: TestVm, act: () => void): string[] => {
  const from = journal.count;
  act();
  return journal.entries.filter((e) => e.id >= from && e.deed === "ioctl").map((e) => e.about);
};

describe("A virtual machine with a VT-d unit, first stage of the guest's", () => {
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

  it("drops what the guest unmaps, by one call for each descriptor, on the nested HWPT (there is no vIOMMU)", () => {
    const started = world();
    const { vm, mappings, dma, stale } = started;
    const nic = mappings(NIC.virtual);
    const buffer = vm.kernel.buffers.allocate(8 * PAGE)!;
    nic.map(0x10_0000, buffer, 8 * PAGE, RIGHTS);
    for (let i = 0; i < 8; i++) expect(dma(NIC.physical, 0x10_0000 + i * PAGE)).toBe(vm.hostAddress(buffer + i * PAGE));
    expect(calls(started, () => nic.unmap(0x10_0000, 8 * PAGE))).toEqual(["IOMMU_HWPT_INVALIDATE"]);
    expect(stale()).toEqual([]);
    expect(dma(NIC.physical, 0x10_0000)).toBeNull();
  });

  it("gives a PASID of the guest a nested HWPT of its own", () => {
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

  it("lets requests pass while the guest's unit does not translate, inside guest memory", () => {
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
    expect(stale()).toContain("p_iotlb_inv_dsc");
  });

  it("stops its queue at a descriptor that it does not have, until the guest clears the error (§6.5.2)", () => {
    const { vm, physical } = world();
    const { registers } = vm.iommu;
    const [IQH, IQT, IQA, FSTS] = [0x80, 0x88, 0x90, 0x34];
    const base = Number(registers.read(IQA, 8) & ~0xfffn);
    const tail = Number(registers.read(IQT, 8));
    const put = (type: number) => physical.write(vm.hostAddress(base + tail)!, 0, type);
    put(0xf);
    registers.write(IQT, BigInt(tail + 32), 8);
    expect([registers.read(FSTS, 4), registers.read(IQH, 8)]).toEqual([0x10n, BigInt(tail)]);
    put(0x14);
    registers.write(FSTS, 0x10n, 4);
    expect([registers.read(FSTS, 4), registers.read(IQH, 8)]).toEqual([0n, BigInt(tail + 32)]);
  });
});
