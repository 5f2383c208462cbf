import { describe, expect, it } from "vitest";
import type { Mistake } from "../../protocol/software.ts";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import { VM_RAM as RAM, TestVm } from "../testing/test_vm.ts";

const PAGE = 4096;
const RIGHTS = { read: true, write: true, execute: false, user: true };

const world = (...mistakes: Mistake[]) => TestVm.start(SMMUV3, "neoverse", "nested, trapped", ...mistakes);

describe("A virtual machine with nested translation", () => {
  it("lets a device reach what the guest maps, through both stages", () => {
    const { vm, mappings, dma } = world();
    const nic = mappings(0x10);
    const buffer = vm.kernel.buffers.allocate(2 * PAGE)!;
    expect(nic.map(0x10_0000, buffer, 2 * PAGE, RIGHTS)).toBeNull();
    expect(dma(0x20, 0x10_1008, true)).toBe(vm.hostAddress(buffer + PAGE + 8));
    expect(dma(0x20, 0x10_2000)).toBeNull();
    // The other device has no mapping of its own.
    expect(dma(0x28, 0x10_0000)).toBeNull();
    expect(vm.iommu.refused).toEqual([]);
  });

  it("brings the guest's faults to the guest, with its own StreamID", () => {
    const { vm, mappings, dma } = world();
    mappings(0x10);
    dma(0x20, 0x7000, true);
    expect(vm.kernel.driver.takeFaults()).toMatchObject([{ sid: 0x10, pasid: null, address: 0x7000n }]);
    expect(vm.kernel.driver.takeFaults()).toEqual([]);
  });

  it("drops what the guest unmaps from the physical SMMU, by one call for a batch", () => {
    const { vm, mappings, dma, journal, stale } = world();
    const nic = mappings(0x10);
    const buffer = vm.kernel.buffers.allocate(8 * PAGE)!;
    nic.map(0x10_0000, buffer, 8 * PAGE, RIGHTS);
    for (let i = 0; i < 8; i++) dma(0x20, 0x10_0000 + i * PAGE);
    const from = journal.count;
    nic.unmap(0x10_0000, 8 * PAGE);
    expect(stale()).toEqual([]);
    expect(dma(0x20, 0x10_0000)).toBeNull();
    const calls = journal.entries.filter((e) => e.id >= from && e.deed === "ioctl").map((e) => e.about);
    expect(calls).toEqual(["IOMMU_HWPT_INVALIDATE"]);
  });

  it("gives a PASID of the guest a space of its own", () => {
    const { vm, mappings, dma } = world();
    const [own, process] = [mappings(0x10), mappings(0x10, 5)];
    const [a, b] = [vm.kernel.buffers.allocate(PAGE)!, vm.kernel.buffers.allocate(PAGE)!];
    own.map(0x10_0000, a, PAGE, RIGHTS);
    process.map(0x10_0000, b, PAGE, RIGHTS);
    expect([dma(0x20, 0x10_0000), dma(0x20, 0x10_0000, false, 5)]).toEqual([vm.hostAddress(a), vm.hostAddress(b)]);
  });

  it("keeps a guest inside its memory, whatever it maps", () => {
    const { mappings, dma } = world();
    const nic = mappings(0x10);
    for (const outside of [0, 0x8000_0000, RAM.gpa + RAM.bytes, RAM.pa]) {
      nic.map(0x10_0000, outside, PAGE, RIGHTS);
      expect([outside, dma(0x20, 0x10_0000)]).toEqual([outside, null]);
      nic.unmap(0x10_0000, PAGE);
    }
  });

  it("finds what a guest forgets to invalidate", () => {
    const { vm, mappings, dma, stale } = world("no TLB invalidation");
    const nic = mappings(0x10);
    nic.map(0x10_0000, vm.kernel.buffers.allocate(PAGE)!, PAGE, RIGHTS);
    dma(0x20, 0x10_0000);
    nic.unmap(0x10_0000, PAGE);
    expect(stale()).toContain("CMD_TLBI_NH_VA");
  });

  it("notes each exit under the guest's deed, and what the VMM and the host did under the exit", () => {
    const { vm, mappings, journal } = world();
    const nic = mappings(0x10);
    nic.map(0x10_0000, vm.kernel.buffers.allocate(PAGE)!, PAGE, RIGHTS);
    const from = journal.count;
    nic.unmap(0x10_0000, PAGE);
    const byId = new Map(journal.entries.map((e) => [e.id, e]));
    const chain = (id: number): string[] => {
      const entry = byId.get(id);
      return entry === undefined
        ? []
        : [...(entry.cause === null ? [] : chain(entry.cause)), `${entry.actor} ${entry.deed}`];
    };
    const ioctl = journal.entries.find((e) => e.id >= from && e.deed === "ioctl");
    expect(chain(ioctl!.id)).toEqual(["guest sync", "guest register write", "VMM trapped write", "VMM ioctl"]);
    expect(journal.entries.some((e) => e.cause === ioctl!.id && e.actor === "host")).toBe(true);
  });
});
