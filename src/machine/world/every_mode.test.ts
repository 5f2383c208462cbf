/** What holds of every virtual machine, whatever its IOMMU is and however the VMM makes it. */
import { describe, expect, it } from "vitest";
import { xorshift32 } from "../../base/rng.ts";
import type { Mistake, VmMode } from "../../protocol/software.ts";
import { AMDVI } from "../amdvi/architecture.ts";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import { TestVm, VM_RAM } from "../testing/test_vm.ts";
import type { Architecture } from "../unit.ts";
import { VTD } from "../vtd/architecture.ts";

const PAGE = 4096;
const RIGHTS = { read: true, write: true, execute: false, user: true };
const DEVICES = [
  { virtual: 0x10, physical: 0x20 },
  { virtual: 0x18, physical: 0x28 },
] as const;

interface Row {
  readonly architecture: Architecture;
  readonly preset: string;
  readonly mode: VmMode;
  /** The guest has PASIDs. */
  readonly pasids: boolean;
  /** Calls of an unmap of some pages that devices used, behind that many IOMMUs. */
  readonly unmap: (iommus: number) => readonly string[];
  /** What is missing in hardware where a guest forgets to invalidate; null where the VMM needs no word of it. */
  readonly forgotten: string | null;
}

const PAGES = 8;
const INVALIDATE = "IOMMU_HWPT_INVALIDATE";
const UNMAPS = Array<string>(PAGES).fill("IOMMU_IOAS_UNMAP");
/** There is no call that invalidates: a nested HWPT is made anew. */
const ANEW = ["IOMMU_HWPT_ALLOC", "VFIO_DEVICE_ATTACH_IOMMUFD_PT", "IOMMU_DESTROY"];
/** What is by address or ASID is handed to a vIOMMU of each IOMMU. */
const TO_EACH = (iommus: number): string[] => Array<string>(iommus).fill(INVALIDATE);
const NESTED = { mode: "nested, trapped", pasids: true } as const;
const EMULATED = { mode: "emulated", pasids: false, unmap: () => UNMAPS, forgotten: null } as const;

const ROWS: readonly Row[] = [
  { architecture: SMMUV3, preset: "neoverse", ...NESTED, unmap: TO_EACH, forgotten: "CMD_TLBI_NH_VA" },
  {
    architecture: SMMUV3,
    preset: "grace",
    ...NESTED,
    mode: "nested, direct",
    unmap: () => [],
    forgotten: "CMD_TLBI_NH_VA",
  },
  { architecture: SMMUV3, preset: "neoverse", ...EMULATED },
  { architecture: VTD, preset: "sapphire-rapids", ...NESTED, unmap: () => [INVALIDATE], forgotten: "p_iotlb_inv_dsc" },
  { architecture: VTD, preset: "sapphire-rapids", ...EMULATED },
  { architecture: VTD, preset: "skylake-sp", ...EMULATED },
  { architecture: AMDVI, preset: "full", ...NESTED, unmap: () => ANEW, forgotten: "INVALIDATE_IOMMU_PAGES" },
  {
    architecture: AMDVI,
    preset: "full",
    ...NESTED,
    mode: "nested, direct",
    unmap: () => [],
    forgotten: "INVALIDATE_IOMMU_PAGES",
  },
  { architecture: AMDVI, preset: "full", ...EMULATED },
  { architecture: AMDVI, preset: "qemu-11.1", ...EMULATED },
];

const BEHIND = ROWS.flatMap((row) =>
  ([1, 2] as const).map((iommus) => ({ ...row, arch: row.architecture.arch, iommus })),
);

describe.each(BEHIND)(
  "A virtual machine on $arch $preset, $mode, IOMMUs: $iommus",
  ({ architecture, preset, mode, pasids, unmap, forgotten, iommus }) => {
    const world = (...mistakes: Mistake[]) => TestVm.startIn({ iommus }, architecture, preset, mode, ...mistakes);
    /** What the host refuses while the virtual machine is made: objects that are of another of its IOMMUs. */
    const { refused } = world().vm.iommu;
    // Behind two IOMMUs, the one that is behind the second.
    const [device, other] = iommus === 1 ? DEVICES : [DEVICES[1], DEVICES[0]];

    it("lets a device reach what the guest maps, and nothing else", () => {
      const { vm, mappings, dma } = world();
      const nic = mappings(device.virtual);
      const buffer = vm.kernel.buffers.allocate(2 * PAGE)!;
      expect(nic.map(0x10_0000, buffer, 2 * PAGE, RIGHTS)).toBeNull();
      expect(dma(device.physical, 0x10_1008, true)).toBe(vm.hostAddress(buffer + PAGE + 8));
      expect(dma(device.physical, 0x10_2000)).toBeNull();
      expect(nic.map(0x20_0000, buffer, PAGE, { ...RIGHTS, write: false })).toBeNull();
      expect([dma(device.physical, 0x20_0000), dma(device.physical, 0x20_0000, true)]).toEqual([
        vm.hostAddress(buffer),
        null,
      ]);
      // The other device has not been set up.
      expect(dma(other.physical, 0x10_0000)).toBeNull();
      expect(vm.iommu.refused).toEqual(refused);
    });

    it("drops what the guest unmaps", () => {
      const { vm, journal, mappings, dma, stale } = world();
      const nic = mappings(device.virtual);
      const buffer = vm.kernel.buffers.allocate(PAGES * PAGE)!;
      nic.map(0x10_0000, buffer, PAGES * PAGE, RIGHTS);
      for (let i = 0; i < PAGES; i++)
        expect(dma(device.physical, 0x10_0000 + i * PAGE)).toBe(vm.hostAddress(buffer + i * PAGE));
      const from = journal.count;
      nic.unmap(0x10_0000, PAGES * PAGE);
      expect(journal.entries.filter((e) => e.id >= from && e.deed === "ioctl").map((e) => e.about)).toEqual(
        unmap(iommus),
      );
      expect(stale()).toEqual([]);
      for (let i = 0; i < PAGES; i++) expect(dma(device.physical, 0x10_0000 + i * PAGE)).toBeNull();
    });

    it("has large pages, and takes pages out of them", () => {
      const { vm, mappings, dma, stale } = world();
      const nic = mappings(device.virtual);
      const buffer = vm.kernel.buffers.allocate(0x40_0000)!;
      nic.map(0x4000_0000, buffer, 0x40_0000, RIGHTS);
      expect(dma(device.physical, 0x4020_1000)).toBe(vm.hostAddress(buffer + 0x20_1000));
      nic.unmap(0x4020_1000, PAGE);
      const reached = [0x4020_0000, 0x4020_1000, 0x4020_2000].map((iova) => dma(device.physical, iova));
      expect(reached).toEqual([vm.hostAddress(buffer + 0x20_0000), null, vm.hostAddress(buffer + 0x20_2000)]);
      nic.unmap(0x4000_0000, 0x40_0000);
      expect([dma(device.physical, 0x4000_0000), dma(device.physical, 0x4020_0000)]).toEqual([null, null]);
      expect([stale(), vm.iommu.refused]).toEqual([[], refused]);
    });

    it.each([1, 2])("has just what is mapped, whatever was mapped and unmapped before, seed %i", (seed) => {
      const { vm, mappings, dma, stale } = world();
      const nic = mappings(device.virtual);
      const next = xorshift32(seed);
      const mapped = new Map<number, number>();
      for (let step = 0; step < 25; step++) {
        const pages = [1, 3, 16, 512, 520][next() % 5]!;
        const iova = 0x4000_0000 + (next() % 1024) * PAGE;
        const all = Array.from({ length: pages }, (_, i) => iova + i * PAGE);
        if (all.some((at) => mapped.has(at))) {
          nic.unmap(iova, pages * PAGE);
          for (const at of all) mapped.delete(at);
        } else {
          const buffer = vm.kernel.buffers.allocate(pages * PAGE);
          if (buffer === null || nic.map(iova, buffer, pages * PAGE, RIGHTS) !== null) continue;
          for (const [i, at] of all.entries()) mapped.set(at, vm.hostAddress(buffer + i * PAGE)!);
        }
        for (let i = 0; i < 8; i++) {
          const at = 0x4000_0000 + (next() % 1600) * PAGE;
          expect([step, at, dma(device.physical, at)]).toEqual([step, at, mapped.get(at) ?? null]);
        }
      }
      expect([stale(), vm.iommu.refused]).toEqual([[], refused]);
    });

    it("moves a device between spaces", () => {
      const { vm, mappings, dma } = world();
      const buffer = vm.kernel.buffers.allocate(2 * PAGE)!;
      mappings(device.virtual).map(0x10_0000, buffer, PAGE, RIGHTS);
      vm.kernel.detach(device.virtual, null);
      expect(dma(device.physical, 0x10_0000)).toBeNull();
      mappings(device.virtual).map(0x10_0000, buffer + PAGE, PAGE, RIGHTS);
      expect(dma(device.physical, 0x10_0000)).toBe(vm.hostAddress(buffer + PAGE));
      expect(vm.iommu.refused).toEqual(refused);
    });

    it("lets requests pass while the guest's IOMMU is off, inside guest memory", () => {
      const { vm, mappings, dma } = world();
      const nic = mappings(device.virtual);
      const buffer = vm.kernel.buffers.allocate(PAGE)!;
      nic.map(0x10_0000, buffer, PAGE, RIGHTS);
      expect(vm.kernel.driver.switchTo("bypass")).toBeNull();
      expect(dma(device.physical, buffer + 8)).toBe(vm.hostAddress(buffer + 8));
      expect([dma(device.physical, 0x10_0000), dma(device.physical, VM_RAM.gpa + VM_RAM.bytes)]).toEqual([null, null]);
      expect(vm.kernel.driver.switchTo("translate")).toBeNull();
      expect([dma(device.physical, 0x10_0000), dma(device.physical, buffer)]).toEqual([vm.hostAddress(buffer), null]);
      expect(vm.iommu.refused).toEqual(refused);
    });

    it("keeps a guest inside its memory, whatever it maps", () => {
      const { mappings, dma } = world();
      const nic = mappings(device.virtual);
      for (const outside of [0, 0x8000_0000, VM_RAM.gpa + VM_RAM.bytes, VM_RAM.pa]) {
        nic.map(0x10_0000, outside, PAGE, RIGHTS);
        expect([outside, dma(device.physical, 0x10_0000)]).toEqual([outside, null]);
        nic.unmap(0x10_0000, PAGE);
      }
    });

    it.runIf(pasids)("gives a PASID of the guest a space of its own", () => {
      const { vm, mappings, dma } = world();
      const [own, process] = [mappings(device.virtual), mappings(device.virtual, 5)];
      const [a, b] = [vm.kernel.buffers.allocate(PAGE)!, vm.kernel.buffers.allocate(PAGE)!];
      own.map(0x10_0000, a, PAGE, RIGHTS);
      process.map(0x10_0000, b, PAGE, RIGHTS);
      const both = () => [dma(device.physical, 0x10_0000), dma(device.physical, 0x10_0000, false, 5)];
      expect(both()).toEqual([vm.hostAddress(a), vm.hostAddress(b)]);
      vm.kernel.detach(device.virtual, 5);
      expect(both()).toEqual([vm.hostAddress(a), null]);
      expect(vm.iommu.refused).toEqual(refused);
    });

    it("shows what a guest forgets to invalidate, where anybody needs to be told", () => {
      const { vm, mappings, dma, stale } = world("no TLB invalidation");
      const nic = mappings(device.virtual);
      nic.map(0x10_0000, vm.kernel.buffers.allocate(PAGE)!, PAGE, RIGHTS);
      dma(device.physical, 0x10_0000);
      nic.unmap(0x10_0000, PAGE);
      if (forgotten === null) expect(stale()).toEqual([]);
      else expect(stale()).toContain(forgotten);
    });
  },
);
