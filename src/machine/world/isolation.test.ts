import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { VmMode } from "../../protocol/software.ts";
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
];

/** Things a hostile guest can do: whole numbers that decide what and where. */
type Deed = readonly [what: number, where: number, hi: number, lo: number];

const word = fc.nat(0xffff_ffff);
const deeds = fc.array(fc.tuple(fc.nat(9), word, word, word), { minLength: 40, maxLength: 80 });

interface Subject {
  readonly architecture: Architecture;
  readonly preset: string;
  readonly mode: VmMode;
  /** Offsets of registers that set the most in motion. */
  readonly registers: readonly number[];
}

const SUBJECTS: readonly Subject[] = [
  {
    architecture: AMDVI,
    preset: "full",
    mode: "nested, trapped",
    registers: [0x0, 0x8, 0x18, 0x1c, 0x2000, 0x2008, 0x2020],
  },
  {
    architecture: AMDVI,
    preset: "full",
    mode: "nested, direct",
    registers: [0x0, 0x8, 0x10, 0x18, 0x1c, 0x38, 0x2000, 0x2008, 0x2010, 0x2020],
  },
  {
    architecture: SMMUV3,
    preset: "neoverse",
    mode: "nested, trapped",
    registers: [0x20, 0x44, 0x80, 0x88, 0x90, 0x98, 0x9c],
  },
  {
    architecture: SMMUV3,
    preset: "grace",
    mode: "nested, direct",
    registers: [0x20, 0x44, 0x80, 0x88, 0x90, 0x98, 0x9c],
  },
  {
    architecture: SMMUV3,
    preset: "neoverse",
    mode: "emulated",
    registers: [0x20, 0x44, 0x80, 0x88, 0x90, 0x98, 0x9c],
  },
  {
    architecture: VTD,
    preset: "sapphire-rapids",
    mode: "nested, trapped",
    registers: [0x18, 0x20, 0x24, 0x28, 0x2c, 0x34, 0x88, 0x90, 0xfc],
  },
  {
    architecture: VTD,
    preset: "skylake-sp",
    mode: "emulated",
    registers: [0x18, 0x20, 0x24, 0x28, 0x2c, 0x34, 0x88, 0x90, 0xfc],
  },
  {
    architecture: AMDVI,
    preset: "full",
    mode: "emulated",
    registers: [0x0, 0x8, 0x18, 0x1c, 0x2000, 0x2008, 0x2020],
  },
];

/** Registers of the extension: configuration, the map of queues, their bases, and the page that is not trapped. */
const EXTENSION = [0, 0x200, 0x204, 0x1000, 0x3_0004, 0x3_0008, 0x3_0014, 0x3_0084, 0x4_0000, 0x4_0004, 0x2_0000];

/** A number that is often an address of the guest's, with a few bits of flags. */
function plausible(vm: TestVm["vm"], hi: number, lo: number): [number, number] {
  const inside = VM_RAM.gpa + (lo % VM_RAM.bytes);
  const kinds: readonly [number, number][] = [
    [hi, lo],
    [0, (Math.floor(inside / PAGE) * PAGE) | (lo & 0xfff)],
    [0, lo & 0xff],
    [0, VM_RAM.pa | (lo & 0xfff)],
    [1, (lo & 0xff_f000) | 0x463],
  ];
  return kinds[(hi + vm.ram.gpa) % kinds.length]!;
}

function act({ vm }: TestVm, registers: readonly number[], [what, where, hi, lo]: Deed): void {
  const [valueHi, valueLo] = plausible(vm, hi, lo);
  const { cmdqv } = vm.iommu.blocks ?? {};
  if (what < 4) {
    // The lower half of guest memory is the kernel's own: its tables and queues lie at its beginning.
    const at = 8 * Math.floor((where % (VM_RAM.bytes / (what === 0 ? 1 : 64))) / 8);
    vm.memory.write(VM_RAM.gpa + at, valueHi, valueLo);
  } else if (what < 7) {
    const offset = what === 4 ? 4 * (where % 0x8000) : registers[where % registers.length]!;
    vm.iommu.registers.write(offset, BigInt(valueLo >>> 0), 4);
  } else if (what < 9 && cmdqv !== undefined) {
    const offset = what === 7 ? 4 * (where % 0x1_4000) : EXTENSION[where % EXTENSION.length]!;
    cmdqv.write(offset, BigInt(valueLo >>> 0), 4);
  } else vm.kernel.driver.takeFaults();
}

describe.each(SUBJECTS)("A hostile guest, $architecture.arch $mode", ({ architecture, preset, mode, registers }) => {
  it("does not let its devices out of its memory, whatever it writes", () => {
    let reached = 0;
    fc.assert(
      fc.property(deeds, fc.array(word, { minLength: 4, maxLength: 4 }), (all, addresses) => {
        const world = TestVm.start(architecture, preset, mode);
        const buffer = world.vm.kernel.buffers.allocate(4 * PAGE)!;
        for (const { virtual } of DEVICES) world.mappings(virtual).map(0x10_0000, buffer, 4 * PAGE, RIGHTS);
        for (const deed of all) {
          act(world, registers, deed);
          for (const [i, address] of [...addresses, 0x10_0000, 0x10_1000, VM_RAM.gpa, VM_RAM.pa, 0].entries()) {
            const pa = world.dma(DEVICES[i % 2]!.physical, address, i % 3 === 0);
            if (pa === null) continue;
            reached++;
            expect(pa >= VM_RAM.pa && pa < VM_RAM.pa + VM_RAM.bytes).toBe(true);
          }
        }
        expect(world.vm.iommu.refused.length).toBeLessThanOrEqual(256);
      }),
      { numRuns: 12, seed: 20261121 },
    );
    // The guest was not just shut off.
    expect(reached).toBeGreaterThan(100);
  });
});
