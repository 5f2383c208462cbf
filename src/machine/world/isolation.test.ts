import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeCommand } from "../../arch/amdvi/commands.ts";
import { encodeDescriptor } from "../../arch/vtd/commands.ts";
import { dropPages } from "../../kernel/amdvi/invalidations.ts";
import type { ReachedIommu } from "../../kernel/platform.ts";
import { command as smmuCommand } from "../../kernel/smmuv3/command_queue.ts";
import type { Arch } from "../../protocol/machine.ts";
import type { VmMode } from "../../protocol/software.ts";
import { AMDVI } from "../amdvi/architecture.ts";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import { TestVm, VM_RAM } from "../testing/test_vm.ts";
import type { Architecture } from "../unit.ts";
import { VTD } from "../vtd/architecture.ts";

const PAGE = 4096;
/** Where a queue's register has the address of its page. */
const ADDRESS = 0x000f_ffff_ffff_f000n;
const RIGHTS = { read: true, write: true, execute: false, user: true };
const DEVICES = [
  { virtual: 0x10, physical: 0x20 },
  { virtual: 0x18, physical: 0x28 },
];

/** The device of the other virtual machine. */
const NEIGHBOUR = { virtual: 0x10, physical: 0x30 };

/** Things a hostile guest can do: whole numbers that decide what and where. */
type Deed = readonly [what: number, where: number, hi: number, lo: number];

const word = fc.nat(0xffff_ffff);
const deeds = fc.array(fc.tuple(fc.nat(11), word, word, word), { minLength: 40, maxLength: 80 });

interface Subject {
  readonly architecture: Architecture;
  readonly preset: string;
  readonly mode: VmMode;
}

/** Registers that set the most in motion. */
const REGISTERS: Readonly<Record<Arch, readonly string[]>> = {
  smmuv3: ["CR0", "GBPA", "STRTAB_BASE", "STRTAB_BASE_CFG", "CMDQ_BASE", "CMDQ_PROD", "CMDQ_CONS"],
  vtd: ["GCMD", "RTADDR", "CCMD", "FSTS", "IQT", "IQA", "IQH"],
  amdvi: "DEVTAB_BASE CMD_BASE EVT_BASE CONTROL PPR_BASE CMD_HEAD CMD_TAIL EVT_HEAD STATUS".split(" "),
};

const SUBJECTS: readonly Subject[] = [
  {
    architecture: AMDVI,
    preset: "full",
    mode: "nested, trapped",
  },
  {
    architecture: AMDVI,
    preset: "full",
    mode: "nested, direct",
  },
  {
    architecture: SMMUV3,
    preset: "neoverse",
    mode: "nested, trapped",
  },
  {
    architecture: SMMUV3,
    preset: "grace",
    mode: "nested, direct",
  },
  {
    architecture: SMMUV3,
    preset: "neoverse",
    mode: "emulated",
  },
  {
    architecture: VTD,
    preset: "sapphire-rapids",
    mode: "nested, trapped",
  },
  {
    architecture: VTD,
    preset: "skylake-sp",
    mode: "emulated",
  },
  {
    architecture: AMDVI,
    preset: "full",
    mode: "emulated",
  },
];

/** A guest's queue of commands: the registers of its base and tail, how the tail counts, and commands that mean everybody. */
interface Queue {
  readonly base: string;
  readonly tail: string;
  /** What the tail counts: entries, with a wrap bit above them, or bytes. */
  readonly counts: "entries" | "bytes";
  readonly commands: readonly Uint32Array[];
}

const QUEUES: Readonly<Record<Arch, Queue>> = {
  smmuv3: {
    base: "CMDQ_BASE",
    tail: "CMDQ_PROD",
    counts: "entries",
    commands: [
      smmuCommand("CMD_CFGI_STE_RANGE", { Range: 31 }),
      ...[0, 1, 2].map((VMID) => smmuCommand("CMD_TLBI_NH_ALL", { VMID })),
      smmuCommand("CMD_TLBI_EL2_ALL"),
      smmuCommand("CMD_TLBI_NSNH_ALL"),
      smmuCommand("CMD_ATC_INV", { StreamID: NEIGHBOUR.physical, Size: 52 }),
    ],
  },
  // G is 1 for everything, 2 for a domain; of the PASID cache 3 is everything.
  vtd: {
    base: "IQA",
    tail: "IQT",
    counts: "bytes",
    commands: [
      encodeDescriptor("cc_inv_dsc", { G: 1 }),
      encodeDescriptor("pc_inv_dsc", { G: 3 }),
      encodeDescriptor("iotlb_inv_dsc", { G: 1 }),
      ...[1, 2].map((DID) => encodeDescriptor("iotlb_inv_dsc", { G: 2, DID })),
      encodeDescriptor("p_iotlb_inv_dsc", { G: 2, DID: 1 }),
    ],
  },
  amdvi: {
    base: "CMD_BASE",
    tail: "CMD_TAIL",
    counts: "bytes",
    commands: [
      encodeCommand("INVALIDATE_IOMMU_ALL", {}),
      ...[1, 2].map((domain) => {
        const { name, fields } = dropPages(domain, null);
        return encodeCommand(name, fields);
      }),
      encodeCommand("INVALIDATE_DEVTAB_ENTRY", { DeviceID: NEIGHBOUR.physical }),
    ],
  },
};

/** Have one of those commands carried out by an IOMMU of the guest's. */
function command({ vm, machine }: TestVm, { registers }: ReachedIommu, which: number): void {
  const { base, tail, counts, commands } = QUEUES[machine.unit.arch];
  const tailAt = machine.unit.register(tail)!.offset;
  const queue = Number(registers.read(machine.unit.register(base)!.offset, 8) & ADDRESS);
  const now = Number(registers.read(tailAt, 4));
  const words = commands[which % commands.length]!;
  const bytes = words.byteLength;
  const room = PAGE / bytes;
  const index = (counts === "entries" ? now : now / bytes) % room;
  for (let i = 0; i < words.length; i += 2) vm.memory.write(queue + index * bytes + 4 * i, words[i + 1]!, words[i]!);
  registers.write(tailAt, BigInt(counts === "entries" ? now + 1 : ((index + 1) % room) * bytes), 4);
}

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

/** Offset of a word of one of the {@link REGISTERS}. */
function registerWord({ unit }: TestVm["machine"], which: number): number {
  const names = REGISTERS[unit.arch];
  const { offset, width } = unit.register(names[which % names.length]!)!;
  return offset + (width === 8 ? 4 * ((which >>> 8) & 1) : 0);
}

function act(world: TestVm, [what, where, hi, lo]: Deed): void {
  const { vm } = world;
  const [valueHi, valueLo] = plausible(vm, hi, lo);
  const iommus = [vm.iommu, ...(vm.iommu.further ?? [])];
  const iommu = iommus[hi % iommus.length]!;
  const { cmdqv } = iommu.blocks ?? {};
  if (what > 9) command(world, iommu, where);
  else if (what < 4) {
    // The lower half of guest memory is the kernel's own: its tables and queues lie at its beginning.
    const at = 8 * Math.floor((where % (VM_RAM.bytes / (what === 0 ? 1 : 64))) / 8);
    vm.memory.write(VM_RAM.gpa + at, valueHi, valueLo);
  } else if (what < 7) {
    const offset = what === 4 ? 4 * (where % 0x8000) : registerWord(world.machine, where);
    iommu.registers.write(offset, BigInt(valueLo >>> 0), 4);
  } else if (what < 9 && cmdqv !== undefined) {
    const offset = what === 7 ? 4 * (where % 0x1_4000) : EXTENSION[where % EXTENSION.length]!;
    cmdqv.write(offset, BigInt(valueLo >>> 0), 4);
  } else vm.kernel.driver.takeFaults();
}

const BEHIND = SUBJECTS.flatMap((subject) => ([1, 2] as const).map((iommus) => ({ ...subject, iommus })));

describe.each(BEHIND)("A hostile guest, $architecture.arch $mode, IOMMUs: $iommus", (subject) => {
  const { architecture, preset, mode, iommus } = subject;

  it("does not let its devices out of its memory, whatever it writes", () => {
    let reached = 0;
    fc.assert(
      fc.property(deeds, fc.array(word, { minLength: 4, maxLength: 4 }), (all, addresses) => {
        const world = TestVm.startIn({ iommus }, architecture, preset, mode);
        const buffer = world.vm.kernel.buffers.allocate(4 * PAGE)!;
        for (const { virtual } of DEVICES) world.mappings(virtual).map(0x10_0000, buffer, 4 * PAGE, RIGHTS);
        for (const deed of all) {
          act(world, deed);
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

  it("does not touch what caches hold for another virtual machine, nor make it see faults", () => {
    fc.assert(
      fc.property(deeds, (all) => {
        const world = TestVm.startIn({ iommus }, architecture, preset, mode);
        const buffer = world.vm.kernel.buffers.allocate(4 * PAGE)!;
        for (const { virtual } of DEVICES) world.mappings(virtual).map(0x10_0000, buffer, 4 * PAGE, RIGHTS);
        const other = world.neighbour(mode);
        const theirs = other.kernel.mappings(NEIGHBOUR.virtual, null);
        if ("refused" in theirs) throw new Error(theirs.refused);
        const [first, second] = [0, 1].map(() => other.kernel.buffers.allocate(PAGE)!);
        theirs.map(0x20_0000, first!, PAGE, RIGHTS);
        const before = world.dma(NEIGHBOUR.physical, 0x20_0000);
        expect(before).toBe(other.hostAddress(first!));
        // Behind the IOMMU's back: only what it holds leads to the first page now.
        const leaf = theirs.space.tables.find(0x20_0000)!;
        const [hi, lo] = theirs.space.tables.maker.leaf(second!, leaf.level, RIGHTS);
        world.physical.write(other.hostAddress(leaf.at)!, hi, lo);
        for (const deed of all) act(world, deed);
        expect(world.dma(NEIGHBOUR.physical, 0x20_0000)).toBe(before);
        // Nobody but its own guest makes it forgotten.
        const { driver } = other.kernel;
        driver.invalidate(theirs.space, 0x20_0000, PAGE, true);
        driver.sync();
        expect(world.dma(NEIGHBOUR.physical, 0x20_0000)).toBe(other.hostAddress(second!));
        other.iommu.serve();
        expect([driver.takeFaults(), other.iommu.refused]).toEqual([[], []]);
      }),
      { numRuns: 8, seed: 20261122 },
    );
  });
});
