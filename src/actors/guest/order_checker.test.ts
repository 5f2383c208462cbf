import { describe, expect, it } from "vitest";
import { SMMUV3 } from "../../machine/smmuv3/architecture.ts";
import { BareMetal, BUFFERS } from "../../machine/testing/bare_metal.ts";
import type { Mistake } from "../../protocol/software.ts";
import { GuestKernel } from "./guest_kernel.ts";
import { makeSmmuDriver } from "./smmuv3/driver.ts";

const SID = 3;
const PAGE = 4096;
const BLOCK = 0x20_0000;
const RIGHTS = { read: true, write: true, execute: false, user: true };

function boot(preset: string, mistakes: readonly Mistake[], lazy = false) {
  const bare = new BareMetal(SMMUV3, { preset });
  const ram = { at: BUFFERS, bytes: 0x100_0000 };
  const options = { mistakes: new Set(mistakes), ats: new Set<number>(), lazy };
  const kernel = GuestKernel.boot(ram, bare.platform, makeSmmuDriver, options, bare.journal);
  if (!(kernel instanceof GuestKernel)) throw new Error(kernel.refused);
  const mappings = kernel.mappings(SID, null);
  if ("refused" in mappings) throw new Error(mappings.refused);
  const unmap = (va: number, bytes: number): void => {
    kernel.order.leaving(mappings.space, va, bytes);
    mappings.unmap(va, bytes, () => kernel.order.freed(mappings.space, va, bytes));
  };
  return { bare, kernel, mappings, unmap };
}

describe("The order in which a kernel unmaps and frees", () => {
  it.each([false, true])("is right in a kernel without mistakes, lazy: %s", (lazy) => {
    const { kernel, mappings, unmap } = boot("qemu-11.1-nested", [], lazy);
    for (let i = 0; i < 300; i++) {
      mappings.map(i * PAGE, BUFFERS, PAGE, RIGHTS);
      unmap(i * PAGE, PAGE);
    }
    mappings.flush();
    expect(kernel.order.hazards).toEqual([]);
  });

  it.each([
    ["no TLB invalidation", "no invalidation of it has been queued"],
    ["page freed before the sync", "no invalidation of it has been queued"],
    ["no sync", "nobody has waited for it"],
  ] as const)("is seen to be wrong in one with: %s", (mistake, why) => {
    const { bare, kernel, mappings, unmap } = boot("qemu-11.1-nested", [mistake]);
    mappings.map(0x10000, BUFFERS, PAGE, RIGHTS);
    bare.journal.begin(7);
    unmap(0x10000, PAGE);
    expect(kernel.order.hazards).toMatchObject([{ action: 7, text: expect.stringContaining(why) }]);
    expect(kernel.order.hazards[0]!.text).toContain("0x10000");
  });
});

describe("A block that becomes a table (IHI 0070 §3.21.1)", () => {
  const split = (preset: string, ...mistakes: Mistake[]) => {
    const { bare, kernel, mappings, unmap } = boot(preset, mistakes);
    mappings.map(BLOCK, BUFFERS, BLOCK, RIGHTS);
    unmap(BLOCK + PAGE, PAGE);
    const reached = [0, PAGE, 2 * PAGE].map((offset) => bare.dma(SID, BLOCK + offset));
    expect(reached).toEqual([BUFFERS, null, BUFFERS + 2 * PAGE]);
    return kernel.order.hazards.map(({ text }) => text);
  };

  it("goes by way of an empty entry on an SMMU that asks for it", () => {
    expect(split("minimal")).toEqual([]);
  });

  it("is seen when it does not", () => {
    expect(split("minimal", "no break before make")).toEqual([expect.stringContaining("break-before-make")]);
  });

  it("may be one write where the SMMU says so (IDR3.BBML 2)", () => {
    expect(split("neoverse", "no break before make")).toEqual([]);
  });
});
