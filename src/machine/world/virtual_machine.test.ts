import { describe, expect, it } from "vitest";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import { TestVm, VM_RAM } from "../testing/test_vm.ts";

const PAGE = 4096;
const RIGHTS = { read: true, write: true, execute: false, user: true };

const world = () => TestVm.start(SMMUV3, "neoverse", "nested, trapped");

describe("A virtual machine with nested translation", () => {
  it("brings the guest's faults to the guest, with its own StreamID", () => {
    const { vm, mappings, dma } = world();
    mappings(0x10);
    dma(0x20, 0x7000, true);
    expect(vm.kernel.driver.takeFaults()).toMatchObject([{ sid: 0x10, pasid: null, address: 0x7000n }]);
    expect(vm.kernel.driver.takeFaults()).toEqual([]);
  });

  it("tells the guest of events that were lost on their way to it", () => {
    const { vm, machine, host, mappings } = world();
    mappings(0x10);
    // More faults than the kernel's queue for the VMM holds, before anybody reads it.
    for (let i = 0; i < 70; i++) {
      const access = { sid: 0x20, ssid: null, iova: BigInt(0x7000 + i * PAGE), privileged: false, instruction: false };
      machine.unit.transfer({ ...access, write: true, length: 4 });
      host.serveInterrupts();
    }
    expect(vm.iommu.serve()).toBe(64);
    const faults = vm.kernel.driver.takeFaults();
    expect(faults.filter(({ sid }) => sid === 0x10)).toHaveLength(64);
    expect(faults.flatMap(({ lines }) => lines())).toContain("EVTQ overflow detected -- events lost");
    expect(vm.kernel.driver.takeFaults()).toEqual([]);
  });

  it("lets the guest serve transactions that stall, and ends those that it does not", () => {
    const { vm, machine, mappings, dma } = world();
    const iova = 0x10_0000;
    mappings(0x10);
    expect(vm.kernel.bind(0x10, 5, iova, PAGE, true)).toBeNull();
    const write = (at: number) => dma(0x20, at, true, 5);
    expect(write(iova)).toBeNull();
    expect(vm.kernel.takeFaults()).toEqual({ logged: [], answered: { groups: 1, granted: 1 } });
    expect(write(iova)).toBeGreaterThanOrEqual(VM_RAM.pa);
    expect(write(iova + PAGE)).toBeNull();
    expect(vm.kernel.takeFaults().answered).toEqual({ groups: 1, granted: 0 });
    const outcomes = [0, 1].map((stall) => machine.unit.stalls?.resultOf(stall)?.ok);
    expect(outcomes).toEqual([true, false]);
    expect(vm.iommu.refused).toEqual([]);
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
