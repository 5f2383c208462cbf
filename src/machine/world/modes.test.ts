import { describe, expect, it } from "vitest";
import { type CostSum, costOf, defaultCostModel } from "../../actors/cost.ts";
import { DEEDS, type Deed } from "../../protocol/journal.ts";
import type { VmMode } from "../../protocol/software.ts";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import { TestVm } from "../testing/test_vm.ts";

const PAGE = 4096;
const RIGHTS = { read: true, write: true, execute: false, user: true };
const NIC = { virtual: 0x10, physical: 0x20 };

const start = (mode: VmMode, preset = "grace") => TestVm.start(SMMUV3, preset, mode);

/** What it costs a guest to map and unmap a buffer that a device uses in between. */
function costOfBuffer(mode: VmMode, pages = 4): CostSum {
  const { vm, journal, mappings, dma } = start(mode);
  // The first use of a device sets its stream up; that is no part of what is compared.
  const nic = mappings(NIC.virtual);
  const buffer = vm.kernel.buffers.allocate(pages * PAGE)!;
  const counts = Object.fromEntries(DEEDS.map((deed) => [deed, 0])) as Record<Deed, number>;
  const during = (act: () => void) => {
    const before = journal.countsBefore(Number.POSITIVE_INFINITY);
    act();
    const after = journal.countsBefore(Number.POSITIVE_INFINITY);
    for (const deed of DEEDS) counts[deed] += after[deed] - before[deed];
  };
  during(() => nic.map(0x10_0000, buffer, pages * PAGE, RIGHTS));
  for (let i = 0; i < pages; i++)
    expect(dma(NIC.physical, 0x10_0000 + i * PAGE)).toBe(vm.hostAddress(buffer + i * PAGE));
  during(() => nic.unmap(0x10_0000, pages * PAGE));
  expect(dma(NIC.physical, 0x10_0000)).toBeNull();
  expect(vm.iommu.refused).toEqual([]);
  return costOf(counts, defaultCostModel());
}

const exits = ({ counts }: CostSum) => counts["trapped read"] + counts["trapped write"];

describe("A guest with a queue that hardware reads by itself", () => {
  it("invalidates without leaving, and nothing of what it unmapped stays", () => {
    const world = start("nested, direct");
    const { vm, mappings, journal, dma, stale } = world;
    const nic = mappings(NIC.virtual);
    const buffer = vm.kernel.buffers.allocate(PAGE)!;
    nic.map(0x10_0000, buffer, PAGE, RIGHTS);
    expect(dma(NIC.physical, 0x10_0000, true)).toBe(vm.hostAddress(buffer));
    const from = journal.count;
    nic.unmap(0x10_0000, PAGE);
    const deeds = journal.entries.filter((e) => e.id >= from);
    expect(deeds.filter((e) => e.actor !== "guest")).toEqual([]);
    expect(deeds.filter((e) => e.deed === "command").map((e) => e.about)).toEqual(["CMD_TLBI_NH_VA", "CMD_SYNC"]);
    expect(deeds.find((e) => e.deed === "register write")?.about).toBe("VINTF0_LVCMDQ0_PROD_INDX");
    expect(stale()).toEqual([]);
    expect(dma(NIC.physical, 0x10_0000)).toBeNull();
  });

  it("gives configuration commands where the VMM sees them", () => {
    const { vm, mappings, journal } = start("nested, direct");
    const from = journal.count;
    mappings(NIC.virtual);
    const calls = journal.entries.filter((e) => e.id >= from && e.deed === "ioctl").map((e) => e.about);
    expect(calls).toContain("IOMMU_HWPT_ALLOC");
    expect(vm.iommu.refused).toEqual([]);
  });

  it("costs fewer exits and calls than one whose commands are trapped", () => {
    const [trapped, direct] = [costOfBuffer("nested, trapped"), costOfBuffer("nested, direct")];
    // A write of PROD and a read of CONS leave the guest, and the VMM hands the batch on in one call.
    expect([exits(trapped), trapped.counts.ioctl]).toEqual([2, 1]);
    expect([exits(direct), direct.counts.ioctl]).toEqual([0, 0]);
    // The guest gives the same commands; those that are trapped the host gives once more.
    expect(trapped.counts.command).toBe(2 * direct.counts.command);
    expect(direct.ns).toBeLessThan(trapped.ns / 2);
  });

  it("learns of a command that the hardware refuses, puts it aside, and goes on", () => {
    const { vm, host, mappings, dma, physical } = start("nested, direct");
    const nic = mappings(NIC.virtual);
    const buffer = vm.kernel.buffers.allocate(PAGE)!;
    nic.map(0x10_0000, buffer, PAGE, RIGHTS);
    dma(NIC.physical, 0x10_0000);
    // A command for a stream that is not the guest's, put into the queue behind the driver's back.
    const { cmdqv } = vm.iommu.blocks!;
    const page = 0x3_0000;
    const base = Number(cmdqv!.read(0x4_0000, 8) & ~0x1fn);
    const prod = Number(cmdqv!.read(page + 4, 4));
    physical.write(vm.hostAddress(base)! + 16 * prod, 0x999, 0x40);
    cmdqv!.write(page + 4, BigInt(prod + 1), 4);
    host.serveInterrupts();
    expect(vm.iommu.serve()).toBe(1);
    const lines = vm.kernel.driver.takeFaults().flatMap(({ lines }) => lines());
    expect(lines).toEqual([
      "unexpected error reported. vintf_map: 0000000000000001, vcmdq_map 00000000:00000000:00000000:00000001",
    ]);
    expect(vm.kernel.driver.takeFaults()).toEqual([]);
    // The error is gone, and an interrupt of it does not come again.
    host.serveInterrupts();
    expect(vm.iommu.serve()).toBe(0);
  });

  it("takes its queue from the hardware while the guest has the interface off", () => {
    const { vm, journal } = start("nested, direct");
    const { cmdqv } = vm.iommu.blocks!;
    const VINTF0_CONFIG = 0x1000;
    const calls = (value: bigint) => {
      const from = journal.count;
      cmdqv!.write(VINTF0_CONFIG, value, 4);
      return journal.entries.filter((e) => e.id >= from && e.deed === "ioctl").map((e) => e.about);
    };
    expect(calls(0n)).toEqual(["IOMMU_DESTROY"]);
    expect(calls(1n)).toEqual(["IOMMU_HW_QUEUE_ALLOC"]);
    expect(vm.iommu.refused).toEqual([]);
  });

  it("is refused where the hardware has no such queues", () => {
    expect(() => start("nested, direct", "neoverse")).toThrow("IOMMU_VIOMMU_ALLOC");
  });
});

describe("A guest whose tables the VMM follows", () => {
  it("has a device passed or refused while its SMMU is off", () => {
    const { vm, mappings, dma } = start("emulated", "neoverse");
    const buffer = vm.kernel.buffers.allocate(PAGE)!;
    mappings(NIC.virtual).map(0x10_0000, buffer, PAGE, RIGHTS);
    vm.kernel.driver.switchTo("bypass");
    expect([dma(NIC.physical, buffer), dma(NIC.physical, 0x10_0000)]).toEqual([vm.hostAddress(buffer), null]);
    vm.kernel.driver.switchTo("abort");
    expect([dma(NIC.physical, buffer), dma(NIC.physical, 0x10_0000)]).toEqual([null, null]);
    vm.kernel.driver.switchTo("translate");
    expect(dma(NIC.physical, 0x10_0000)).toBe(vm.hostAddress(buffer));
    expect(vm.iommu.refused).toEqual([]);
  });

  it.each([4, 64])("costs most of all modes, and a queue of its own least, for %i pages", (pages) => {
    const modes = ["emulated", "nested, trapped", "nested, direct"] as const;
    const [emulated, trapped, direct] = modes.map((mode) => costOfBuffer(mode, pages)) as [CostSum, CostSum, CostSum];
    for (const [i, sum] of [emulated, trapped, direct].entries())
      console.log(`${pages} pages, ${modes[i]}: ${exits(sum)} exits, ${sum.counts.ioctl} calls, ${sum.ns} ns`);
    // Each entry that the guest writes leaves it, and each page is mapped and unmapped by a call.
    expect(emulated.counts.ioctl).toBe(2 * pages);
    expect(exits(emulated)).toBeGreaterThanOrEqual(2 * pages + exits(trapped));
    expect(emulated.ns).toBeGreaterThan(trapped.ns);
    expect(trapped.ns).toBeGreaterThan(direct.ns);
  });
});

describe("A device's access", () => {
  it.each(["nested, trapped", "nested, direct"] as const)(
    "has the host act where the IOMMU interrupts, and not where it goes through: %s",
    (mode) => {
      const { vm, mappings, journal, dma } = start(mode);
      const nic = mappings(NIC.virtual);
      const buffer = vm.kernel.buffers.allocate(PAGE)!;
      nic.map(0x10_0000, buffer, PAGE, RIGHTS);
      const from = journal.count;
      expect(dma(NIC.physical, 0x10_0000)).not.toBeNull();
      expect(journal.entries.filter((e) => e.id >= from)).toEqual([]);
      expect(dma(NIC.physical, 0x20_0000)).toBeNull();
      const reads = journal.entries.filter((e) => e.id >= from && e.actor === "host" && e.deed === "register read");
      expect(reads.map((e) => e.about)).toContain("EVENTQ_PROD");
    },
  );
});
