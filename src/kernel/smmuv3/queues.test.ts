import { describe, expect, it } from "vitest";
import { SMMUV3 } from "../../machine/smmuv3/architecture.ts";
import { BareMetal } from "../../machine/testing/bare_metal.ts";
import { command } from "./command_queue.ts";
import { readEvent } from "./faults.ts";
import { Smmu } from "./smmu.ts";

/** Entries of the queues of the preset. */
const ENTRIES = 128;

function start() {
  const bare = new BareMetal(SMMUV3, { preset: "minimal" });
  const smmu = Smmu.start(bare.platform.registers, bare.memory);
  if (typeof smmu === "string") throw new Error(smmu);
  const index = (name: string, field: string): number => smmu.registers.field(name, field);
  const outstanding = (): number => (index("CMDQ_PROD", "WR") - index("CMDQ_CONS", "RD") + 2 * ENTRIES) % (2 * ENTRIES);
  return { bare, smmu, outstanding };
}

const TLBI = command("CMD_TLBI_NH_ASID", { ASID: 3 });

describe("A Command queue", () => {
  it("puts a command that the SMMU refuses out of its way, and the others are carried out (§7.1)", () => {
    const { smmu, outstanding } = start();
    const illegal = new Uint32Array(4).fill(0xff);
    expect(smmu.commands.run([TLBI, illegal, TLBI, illegal, TLBI])).toEqual(["CERROR_ILL", "CERROR_ILL"]);
    expect(outstanding()).toBe(0);
    expect(smmu.registers.read("GERROR")).toBe(smmu.registers.read("GERRORN"));
    expect(smmu.commands.run([TLBI])).toEqual([]);
  });

  it("takes more commands at once than it holds", () => {
    const { smmu, outstanding } = start();
    for (const count of [ENTRIES - 1, ENTRIES, ENTRIES + 1, 5 * ENTRIES]) {
      expect(smmu.commands.run(Array.from({ length: count }, () => TLBI))).toEqual([]);
      expect(outstanding()).toBe(0);
    }
  });

  it("overwrites nothing that the SMMU has not read, and says that it did not come to the end", () => {
    const { smmu, outstanding } = start();
    smmu.registers.write("CR0", 0n);
    for (let i = 0; i < 3; i++) {
      expect(smmu.commands.run(Array.from({ length: ENTRIES - 10 }, () => TLBI))).toContain("CMD_SYNC timeout");
      expect(outstanding()).toBeLessThanOrEqual(ENTRIES);
    }
    smmu.translate(false);
    expect(smmu.commands.run([TLBI])).toEqual([]);
    expect(outstanding()).toBe(0);
  });
});

describe("An Event queue", () => {
  it("gives each record once, acknowledges an overflow with them, and goes on (§7.4)", () => {
    const { bare, smmu } = start();
    smmu.translate(true);
    for (let i = 0; i < ENTRIES + 3; i++) bare.dma(i % 64, 0x1000);
    const first = smmu.events.take();
    expect([first.records.length, first.overflowed]).toEqual([ENTRIES, true]);
    expect(first.records.map((words) => readEvent(words).sid).slice(0, 3)).toEqual([0, 1, 2]);
    expect(smmu.events.take()).toEqual({ records: [], overflowed: false });
    bare.dma(5, 0x1000);
    expect(smmu.events.take()).toMatchObject({ records: { length: 1 }, overflowed: false });
  });
});
