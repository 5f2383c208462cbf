import { describe, expect, it } from "vitest";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import { TestVm, VM_RAM } from "../testing/test_vm.ts";
import { VTD } from "../vtd/architecture.ts";

const PAGE = 4096;
const LARGE = 0x20_0000;
const RIGHTS = { read: true, write: true, execute: false, user: true };
const NIC = { virtual: 0x10, physical: 0x20 };

function world() {
  const started = TestVm.start(VTD, "sapphire-rapids", "nested, trapped");
  const { vm, mappings } = started;
  const buffer = vm.kernel.buffers.allocate(2 * LARGE)!;
  mappings(NIC.virtual).map(0x4000_0000, buffer, 2 * LARGE, RIGHTS);
  const { dma } = started;
  return { vm, mappings, dma, dirty: vm.iommu.objects!.dirty!, buffer };
}

/** The pages of a large page of the host's that holds an address: hardware keeps one bit for all of them. */
const largePage = (gpa: number): number[] =>
  Array.from({ length: LARGE / PAGE }, (_, i) => Math.floor(gpa / LARGE) * LARGE + i * PAGE);

describe("A dirty log of guest memory", () => {
  it("has what devices write through both stages, once, and not what they read", () => {
    const { dirty, dma, buffer } = world();
    expect(dirty.switch(true)).toBe(true);
    expect(dma(NIC.physical, 0x4000_0000)).not.toBeNull();
    // Accessed and dirty bits of the guest's own tables are writes, too: their pages lie elsewhere.
    const read = new Set(dirty.take());
    expect(largePage(buffer).filter((gpa) => read.has(gpa))).toEqual([]);
    expect(dma(NIC.physical, 0x4000_0000 + LARGE, true)).not.toBeNull();
    const written = new Set(dirty.take());
    expect(largePage(buffer + LARGE).every((gpa) => written.has(gpa))).toBe(true);
    expect(written.has(buffer)).toBe(false);
    expect(dirty.take()).toEqual([]);
    expect(dma(NIC.physical, 0x4000_0000 + LARGE, true)).not.toBeNull();
    expect(dirty.take()).toContain(buffer + LARGE);
  });

  it("names pages of the guest only, and nothing once it is off", () => {
    const { dirty, dma, vm } = world();
    dirty.switch(true);
    dma(NIC.physical, 0x4000_0000, true);
    expect(dirty.take().every((gpa) => gpa >= VM_RAM.gpa && gpa < VM_RAM.gpa + VM_RAM.bytes)).toBe(true);
    expect(dirty.switch(false)).toBe(true);
    dma(NIC.physical, 0x4000_0000, true);
    expect([dirty.take(), vm.iommu.refused]).toEqual([[], []]);
  });

  it("is refused where the host's driver has none", () => {
    const { vm } = TestVm.start(SMMUV3, "neoverse", "nested, trapped");
    expect(vm.iommu.objects!.dirty!.switch(true)).toBe(false);
    expect(vm.iommu.refused).toEqual([{ step: "IOMMU_HWPT_SET_DIRTY_TRACKING", errno: "EOPNOTSUPP" }]);
  });
});
