import { describe, expect, it } from "vitest";
import { PageResponse } from "../../kernel/page_requests.ts";
import { AMDVI } from "../../machine/amdvi/architecture.ts";
import { SMMUV3 } from "../../machine/smmuv3/architecture.ts";
import { BareMetal, BUFFERS } from "../../machine/testing/bare_metal.ts";
import type { Architecture } from "../../machine/unit.ts";
import { VTD } from "../../machine/vtd/architecture.ts";
import { AmdDriver } from "./amdvi/driver.ts";
import { DmaMappings } from "./dma.ts";
import type { AddressSpace, IommuDriver } from "./iommu_driver.ts";
import { NO_MISTAKES } from "./mistakes.ts";
import { SmmuDriver } from "./smmuv3/driver.ts";
import { VtdDriver } from "./vtd/driver.ts";

const RIGHTS = { read: true, write: true, execute: false, user: true };
const READ_ONLY = { ...RIGHTS, write: false };
const PAGE = 4096;
const options = ({ order }: BareMetal) => ({
  mistakes: NO_MISTAKES,
  ats: new Set<number>(),
  order,
  serve: () => PageResponse.Failure,
});

interface Subject {
  readonly name: string;
  readonly architecture: Architecture;
  readonly preset: string;
  readonly make: (bare: BareMetal) => IommuDriver;
  readonly pasids: boolean;
}

const smmu = (preset: string, pasids: boolean): Subject => ({
  name: `SMMUv3, ${preset}`,
  architecture: SMMUV3,
  preset,
  make: (bare) => new SmmuDriver(bare.platform, bare.memory, options(bare)),
  pasids,
});
const vtd = (preset: string, pasids: boolean): Subject => ({
  name: `VT-d, ${preset}`,
  architecture: VTD,
  preset,
  make: (bare) => new VtdDriver(bare.platform, bare.memory, options(bare)),
  pasids,
});

const amd = (preset: string, pasids: boolean): Subject => ({
  name: `AMD-Vi, ${preset}`,
  architecture: AMDVI,
  preset,
  make: (bare) => new AmdDriver(bare.platform, bare.memory, options(bare)),
  pasids,
});

const SUBJECTS: readonly Subject[] = [
  smmu("qemu-11.1-nested", false),
  smmu("neoverse", true),
  vtd("qemu-11.1-legacy", false),
  vtd("qemu-11.1-first-stage", false),
  vtd("skylake-sp", false),
  vtd("sapphire-rapids", true),
  vtd("virtual-nested", true),
  amd("minimal", false),
  amd("full", true),
];

const SID = 0x28;

function kernel({ architecture, preset, make }: Subject) {
  const bare = new BareMetal(architecture, { preset });
  const driver = make(bare);
  expect(driver.start()).toBeNull();
  const space = (): AddressSpace => {
    const made = driver.makeSpace(SID);
    if ("refused" in made) throw new Error(made.refused);
    return made;
  };
  return { bare, driver, space };
}

describe.each(SUBJECTS)("A kernel's driver: $name", (subject) => {
  it("lets a device reach what is mapped, as it is mapped, and nothing else", () => {
    const { bare, driver, space } = kernel(subject);
    const own = space();
    expect(bare.dma(SID, 0x10000)).toBeNull();
    expect(driver.attach(SID, null, own)).toBeNull();
    const dma = new DmaMappings(own, driver, bare.memory, false, NO_MISTAKES);
    expect(dma.map(0x10000, BUFFERS, 3 * PAGE, RIGHTS)).toBeNull();
    expect(dma.map(0x20000, BUFFERS + 8 * PAGE, PAGE, READ_ONLY)).toBeNull();
    expect(bare.dma(SID, 0x11004, true)).toBe(BUFFERS + 0x1004);
    expect([bare.dma(SID, 0x20000), bare.dma(SID, 0x20000, true)]).toEqual([BUFFERS + 8 * PAGE, null]);
    expect(bare.dma(SID, 0x13000)).toBeNull();
    expect(bare.dma(SID + 8, 0x10000)).toBeNull();
  });

  it("reports faults of its devices, each once", () => {
    const { bare, driver, space } = kernel(subject);
    driver.attach(SID, null, space());
    bare.dma(SID, 0x5000);
    expect(driver.takeFaults()).toMatchObject([{ sid: SID, pasid: null, address: 0x5000n }]);
    expect(driver.takeFaults()).toEqual([]);
    bare.dma(SID, 0x7000, true);
    expect(driver.takeFaults()).toMatchObject([{ sid: SID, address: 0x7000n }]);
  });

  it("takes large pages where it can, and splits them when a part goes", () => {
    const { bare, driver, space } = kernel(subject);
    const own = space();
    driver.attach(SID, null, own);
    const dma = new DmaMappings(own, driver, bare.memory, false, NO_MISTAKES);
    expect(dma.map(0x40_0000, BUFFERS, 0x40_0000, RIGHTS)).toBeNull();
    expect(bare.dma(SID, 0x5f_fffc)).toBe(BUFFERS + 0x1f_fffc);
    expect(dma.unmap(0x41_0000, 0x1_0000)).toBe(0x1_0000);
    expect([bare.dma(SID, 0x40_f000), bare.dma(SID, 0x41_0000), bare.dma(SID, 0x42_0000)]).toEqual([
      BUFFERS + 0xf000,
      null,
      BUFFERS + 0x2_0000,
    ]);
  });

  it("moves a device from one space to another, and away", () => {
    const { bare, driver, space } = kernel(subject);
    const [one, two] = [space(), space()];
    expect(one.tag).not.toBe(two.tag);
    one.tables.map(0x10000, BUFFERS, PAGE, RIGHTS);
    two.tables.map(0x10000, BUFFERS + PAGE, PAGE, RIGHTS);
    driver.attach(SID, null, one);
    expect(bare.dma(SID, 0x10000)).toBe(BUFFERS);
    driver.attach(SID, null, two);
    expect(bare.dma(SID, 0x10000)).toBe(BUFFERS + PAGE);
    driver.detach(SID, null);
    expect(bare.dma(SID, 0x10000)).toBeNull();
    driver.dropSpace(one);
    expect(space().tag).toBe(one.tag);
  });

  it("keeps what it does from growing: map and unmap take no memory in the long run", () => {
    const { bare, driver, space } = kernel(subject);
    const own = space();
    driver.attach(SID, null, own);
    const dma = new DmaMappings(own, driver, bare.memory, true, NO_MISTAKES);
    const { free } = bare.memory.pages;
    // Two pages of a table, unmapped one by one: no range covers what the table does, which stays for the next round.
    const round = () => {
      for (let i = 0; i < 100; i++) {
        for (const at of [0, PAGE]) dma.map(0x1000_0000 + i * 0x20_0000 + at, BUFFERS, PAGE, RIGHTS);
        for (const at of [0, PAGE]) dma.unmap(0x1000_0000 + i * 0x20_0000 + at, PAGE);
      }
      dma.flush();
      return bare.memory.pages.free;
    };
    expect(round()).toBe(round());
    dma.map(0x1000_0000, BUFFERS, PAGE, RIGHTS);
    dma.unmap(0, 2 ** own.inputBits);
    dma.flush();
    expect(bare.memory.pages.free).toBe(free);
  });

  it("keeps tables in lazy mode that are filled again before the flush, and devices find their way through them", () => {
    const { bare, driver, space } = kernel(subject);
    const own = space();
    driver.attach(SID, null, own);
    const dma = new DmaMappings(own, driver, bare.memory, true, NO_MISTAKES);
    for (let i = 0; i < 3; i++) {
      dma.map(0x10000, BUFFERS, PAGE, RIGHTS);
      expect(bare.dma(SID, 0x10000)).toBe(BUFFERS);
      dma.unmap(0x10000, PAGE);
      dma.map(0x11000 + i * PAGE, BUFFERS + i * PAGE, PAGE, RIGHTS);
      expect(bare.dma(SID, 0x11000 + i * PAGE)).toBe(BUFFERS + i * PAGE);
      dma.flush();
      expect([bare.dma(SID, 0x10000), bare.dma(SID, 0x11000)]).toEqual([null, BUFFERS]);
    }
  });

  it.runIf(subject.pasids)("gives each PASID a space of its own", () => {
    const { bare, driver, space } = kernel(subject);
    const [own, process] = [space(), space()];
    own.tables.map(0x10000, BUFFERS, PAGE, RIGHTS);
    process.tables.map(0x10000, BUFFERS + PAGE, PAGE, RIGHTS);
    expect(driver.attach(SID, null, own)).toBeNull();
    expect(driver.attach(SID, 5, process)).toBeNull();
    expect([bare.dma(SID, 0x10000), bare.dma(SID, 0x10000, false, 5)]).toEqual([BUFFERS, BUFFERS + PAGE]);
    driver.detach(SID, 5);
    expect([bare.dma(SID, 0x10000), bare.dma(SID, 0x10000, false, 5)]).toEqual([BUFFERS, null]);
  });

  it.runIf(!subject.pasids)("refuses a PASID that the IOMMU cannot serve", () => {
    const { driver, space } = kernel(subject);
    expect(driver.attach(SID, 5, space())).toHaveProperty("refused");
  });
});
