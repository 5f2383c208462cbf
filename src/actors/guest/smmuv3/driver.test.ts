import { describe, expect, it } from "vitest";
import { EVERY_CACHE } from "../../../engine/smmuv3/caches/options.ts";
import { staleEntries } from "../../../engine/smmuv3/caches/staleness.ts";
import { PageResponse } from "../../../kernel/page_requests.ts";
import { SMMUV3 } from "../../../machine/smmuv3/architecture.ts";
import type { SmmuUnit } from "../../../machine/smmuv3/smmu_unit.ts";
import { BareMetal, BUFFERS } from "../../../machine/testing/bare_metal.ts";
import type { Mistake } from "../../../protocol/software.ts";
import { DmaMappings } from "../dma.ts";
import type { AddressSpace } from "../iommu_driver.ts";
import { SmmuDriver } from "./driver.ts";

const RIGHTS = { read: true, write: true, execute: false, user: true };
const PAGE = 4096;
const SID = 0x30;

const { shareGlobal: _, ...sizes } = EVERY_CACHE;
const CACHES = Object.fromEntries(
  Object.entries(sizes).flatMap(([name, size]) => (size === null ? [] : [[name, size]])),
);

function world(preset: string, ...mistakes: Mistake[]) {
  const bare = new BareMetal(SMMUV3, { preset, caches: CACHES });
  const driver = new SmmuDriver(bare.platform, bare.memory, {
    mistakes: new Set(mistakes),
    ats: new Set(),
    order: bare.order,
    serve: () => PageResponse.Failure,
  });
  expect(driver.start()).toBeNull();
  const space = driver.makeSpace();
  if ("refused" in space) throw new Error(space.refused);
  const dma = (lazy = false) => new DmaMappings(space as AddressSpace, driver, bare.memory, lazy, new Set(mistakes));
  const stale = () => {
    const { smmu } = bare.machine.unit as SmmuUnit;
    return staleEntries(smmu, bare.machine.memory);
  };
  return { bare, driver, space, dma, stale };
}

describe.each(["qemu-11.1-1", "neoverse", "grace", "minimal"])("A kernel's SMMUv3 driver on %s", (preset) => {
  const sid = preset === "minimal" ? 3 : SID;

  it("sets the SMMU up so that what it maps can be reached, and nothing else", () => {
    const { bare, driver, space, dma } = world(preset);
    const mappings = dma();
    expect(bare.dma(sid, 0x10000)).toBeNull();
    expect(driver.attach(sid, null, space)).toBeNull();
    expect(mappings.map(0x10000, BUFFERS, 3 * PAGE, RIGHTS)).toBeNull();
    expect(bare.dma(sid, 0x11004, true)).toBe(BUFFERS + 0x1004);
    expect(bare.dma(sid, 0x13000)).toBeNull();
    expect(driver.takeFaults().map((f) => [f.sid, f.address])).toEqual([
      // C_BAD_STE, which has no address: nothing was set up for the stream.
      [sid, null],
      [sid, 0x13000n],
    ]);
    expect(driver.takeFaults()).toEqual([]);
  });

  it("leaves nothing stale behind an unmap in strict mode", () => {
    const { bare, driver, space, dma, stale } = world(preset);
    const mappings = dma();
    driver.attach(sid, null, space);
    for (const pages of [1, 3, 33, 700]) {
      mappings.map(0x20_0000, BUFFERS, pages * PAGE, RIGHTS);
      for (let i = 0; i < pages; i += 7) expect(bare.dma(sid, 0x20_0000 + i * PAGE)).toBe(BUFFERS + i * PAGE);
      expect(mappings.unmap(0x20_0000, pages * PAGE)).toBe(pages * PAGE);
      expect([pages, stale()]).toEqual([pages, []]);
      expect(bare.dma(sid, 0x20_0000)).toBeNull();
    }
  });

  it("keeps the window open in lazy mode until it flushes", () => {
    const { bare, driver, space, dma, stale } = world(preset);
    const mappings = dma(true);
    let freed = 0;
    driver.attach(sid, null, space);
    mappings.map(0x20_0000, BUFFERS, PAGE, RIGHTS);
    bare.dma(sid, 0x20_0000);
    mappings.unmap(0x20_0000, PAGE, () => freed++);
    expect([freed, mappings.pending]).toEqual([0, 1]);
    mappings.flush();
    expect([freed, mappings.pending, stale(), bare.dma(sid, 0x20_0000)]).toEqual([1, 0, [], null]);
  });

  it("has what it maps reached at once beside what it unmapped and did not wait for, in lazy mode", () => {
    const { bare, driver, space, dma } = world(preset);
    const mappings = dma(true);
    driver.attach(sid, null, space);
    for (let at = 0x20_0000; at < 0x22_0000; at += PAGE) {
      mappings.map(at, BUFFERS + at, PAGE, RIGHTS);
      expect(bare.dma(sid, at)).toBe(BUFFERS + at);
      mappings.unmap(at, PAGE);
    }
    expect(mappings.pending).toBe(0x20);
  });

  it("refuses a stream that is detached, and lets another space take its place", () => {
    const { bare, driver, space, dma, stale } = world(preset);
    driver.attach(sid, null, space);
    dma().map(0x10000, BUFFERS, PAGE, RIGHTS);
    expect(bare.dma(sid, 0x10000)).toBe(BUFFERS);
    driver.detach(sid, null);
    expect(bare.dma(sid, 0x10000)).toBeNull();
    const other = driver.makeSpace();
    if ("refused" in other) throw new Error(other.refused);
    other.tables.map(0x10000, BUFFERS + PAGE, PAGE, RIGHTS);
    driver.attach(sid, null, other);
    expect(bare.dma(sid, 0x10000)).toBe(BUFFERS + PAGE);
    expect(stale()).toEqual([]);
  });
});

describe("Substreams", () => {
  it("have spaces of their own", () => {
    const { bare, driver, space } = world("neoverse");
    const other = driver.makeSpace();
    if ("refused" in other) throw new Error(other.refused);
    space.tables.map(0x10000, BUFFERS, PAGE, RIGHTS);
    other.tables.map(0x10000, BUFFERS + PAGE, PAGE, RIGHTS);
    expect(driver.attach(SID, null, space)).toBeNull();
    expect(driver.attach(SID, 5, other)).toBeNull();
    expect([bare.dma(SID, 0x10000), bare.dma(SID, 0x10000, false, 5)]).toEqual([BUFFERS, BUFFERS + PAGE]);
    expect(driver.attach(SID, 0, other)).toMatchObject({ refused: expect.stringContaining("PASID 0") });
  });
});

describe("A driver that makes a mistake", () => {
  const MISSING: readonly (readonly [Mistake, string])[] = [
    ["no TLB invalidation", "CMD_TLBI_NH_VA"],
    ["wrong ASID", "CMD_TLBI_NH_VA"],
  ];

  it.each(MISSING)("%s: the entry that stays is found, and %s is named as missing", (mistake, command) => {
    const { bare, driver, space, dma, stale } = world("qemu-11.1-1", mistake);
    const mappings = dma();
    driver.attach(SID, null, space);
    mappings.map(0x20_0000, BUFFERS, PAGE, RIGHTS);
    bare.dma(SID, 0x20_0000);
    mappings.unmap(0x20_0000, PAGE);
    const found = stale().flatMap((entry) => entry.missing.map((m) => m.command));
    expect(found).toContain(command);
    // The device still reaches what was taken away.
    expect(bare.dma(SID, 0x20_0000)).toBe(BUFFERS);
  });

  it("no configuration invalidation: the context descriptor that stays is found", () => {
    const { bare, driver, space, stale } = world("qemu-11.1-1", "no configuration invalidation");
    driver.attach(SID, null, space);
    space.tables.map(0x10000, BUFFERS, PAGE, RIGHTS);
    expect(bare.dma(SID, 0x10000)).toBe(BUFFERS);
    driver.detach(SID, null);
    expect(stale().flatMap((entry) => entry.missing.map((m) => m.command))).toContain("CMD_CFGI_CD");
  });
});

describe("The journal", () => {
  it("has every write of an unmap under what caused it", () => {
    const { bare, driver, space, dma } = world("qemu-11.1-1");
    driver.attach(SID, null, space);
    const mappings = dma();
    mappings.map(0x20_0000, BUFFERS, PAGE, RIGHTS);
    const from = bare.journal.count;
    mappings.unmap(0x20_0000, PAGE);
    const entries = bare.journal.entries.filter((e) => e.id >= from);
    const sync = entries.find((e) => e.deed === "sync");
    expect(entries.filter((e) => e.deed === "command").map((e) => e.about)).toEqual(["CMD_TLBI_NH_VA", "CMD_SYNC"]);
    expect(entries.filter((e) => e.cause === sync?.id).map((e) => [e.deed, e.about])).toEqual([
      ["command", "CMD_SYNC"],
      ["register write", "CMDQ_PROD"],
      ["register read", "CMDQ_CONS"],
    ]);
  });
});
