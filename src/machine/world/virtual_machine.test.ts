import { describe, expect, it } from "vitest";
import { Journal } from "../../actors/journal.ts";
import { EVERY_CACHE } from "../../engine/smmuv3/caches/options.ts";
import { staleEntries } from "../../engine/smmuv3/caches/staleness.ts";
import type { Mistake } from "../../protocol/software.ts";
import { Machine } from "../machine.ts";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import type { SmmuUnit } from "../smmuv3/smmu_unit.ts";
import { EffectRecorder } from "./effects.ts";
import { HostSystem } from "./host_system.ts";
import { VirtualMachine } from "./virtual_machine.ts";

const PAGE = 4096;
const RIGHTS = { read: true, write: true, execute: false, user: true };
const RAM = { gpa: 0x4000_0000, bytes: 0x100_0000, pa: 0x1_0000_0000 };
const DEVICES = [
  { bdf: "0000:00:04.0", sid: 0x20, label: "nic" },
  { bdf: "0000:00:05.0", sid: 0x28, label: "nvme" },
];
const { shareGlobal: _, ...sizes } = EVERY_CACHE;
const CACHES = Object.fromEntries(
  Object.entries(sizes).flatMap(([name, size]) => (size === null ? [] : [[name, size]])),
);

function world(...mistakes: Mistake[]) {
  const machine = new Machine(
    {
      arch: "smmuv3",
      preset: "neoverse",
      registers: {},
      caches: CACHES,
      memory: {
        outside: "abort",
        zero: [
          [0x8000_0000n, 0x400_0000n],
          [0x9000_0000n, 0x20_0000n],
          [BigInt(RAM.pa), BigInt(RAM.bytes)],
        ],
        segments: [],
      },
      devices: DEVICES,
    },
    SMMUV3.make,
  );
  const journal = new Journal();
  const host = HostSystem.boot(
    machine,
    new EffectRecorder(machine),
    DEVICES,
    { at: 0x8000_0000, bytes: 0x400_0000 },
    journal,
  );
  if (host === null) throw new Error("the host does not boot");
  const devices = [
    { bdf: "0000:00:04.0", virtualId: 0x10 },
    { bdf: "0000:00:05.0", virtualId: 0x18 },
  ];
  const vm = VirtualMachine.start(
    machine,
    host,
    { ram: RAM, vmm: 0x9000_0000, devices, mistakes: new Set(mistakes), lazy: false },
    journal,
  );
  if (!(vm instanceof VirtualMachine)) throw new Error(JSON.stringify(vm));
  const mappings = (vsid: number, pasid: number | null = null) => {
    const made = vm.kernel.mappings(vsid, pasid);
    if ("refused" in made) throw new Error(made.refused);
    return made;
  };
  const dma = (sid: number, iova: number, write = false, ssid: number | null = null): number | null => {
    const access = { sid, ssid, iova: BigInt(iova), write, privileged: false, instruction: false };
    const result = machine.unit.transfer({ ...access, length: 4 });
    host.driver.interrupt();
    vm.injectEvents();
    return result.ok && result.pa !== null ? Number(result.pa) : null;
  };
  const stale = () => staleEntries((machine.unit as SmmuUnit).smmu, machine.memory);
  return { machine, journal, host, vm, mappings, dma, stale };
}

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
    expect(vm.backend.refused).toEqual([]);
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
    expect(stale().flatMap((e) => e.missing.map((m) => m.command))).toContain("CMD_TLBI_NH_VA");
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
