import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { HardwareAction, MachineDescription } from "../../protocol/machine.ts";
import { actionProblem, apply } from "../actions.ts";
import { Machine } from "../machine.ts";
import { SMMUV3 } from "./architecture.ts";

const machine = (IDR0: bigint): [Machine, MachineDescription] => {
  const description: MachineDescription = {
    arch: "smmuv3",
    registers: { IDR0, IDR5: 0x74n },
    memory: { outside: "abort", zero: [[0n, 0x10_0000n]], segments: [] },
    devices: [],
  };
  return [new Machine(description, SMMUV3.make), description];
};
/** IDR0 with both stages, and BTM. */
const TAKES_PART = 0x2bn;
const tell = (name: string, value: bigint): HardwareAction => ({ do: "register", block: "pe", name, value });

describe("a PE beside an SMMU, IHI 0070 §3.17", () => {
  it("is there where IDR0.BTM is 1, and keeps its VMID as state of the machine", () => {
    const [m] = machine(TAKES_PART);
    const digests = [m.digest()];
    const before = m.snapshot();
    expect(apply(m, tell("VTTBR_EL2", 0x002a_0000_0000_1000n))).toEqual({ type: "written", taken: true });
    digests.push(m.digest());
    m.restore(before);
    expect([m.digest(), digests[1] === digests[0]]).toEqual([digests[0], false]);
    apply(m, tell("VTTBR_EL2", 0x002a_0000_0000_1000n));
    expect(m.digest()).toBe(digests[1]);
  });

  it("is listed with its instructions, which read as zero", () => {
    const [m] = machine(TAKES_PART);
    apply(m, tell("VTTBR_EL2", 7n << 48n));
    apply(m, tell("VAE1IS", 7n));
    const rows = m.unit.inspect.registers().filter(({ block }) => block === "pe");
    expect(rows.map(({ name, value }) => [name, value]).slice(0, 4)).toEqual([
      ["VTTBR_EL2", 7n << 48n],
      ["HCR_EL2", 0n],
      ["VMALLE1IS", 0n],
      ["VAE1IS", 0n],
    ]);
  });

  it("is not there where IDR0.BTM is 0, and knows no other instruction", () => {
    const [without, description] = machine(TAKES_PART & ~0x20n);
    expect(actionProblem(tell("VAE1IS", 0n), without.unit, description)?.detail).toMatch(/no registers pe/);
    const [m, own] = machine(TAKES_PART);
    expect(actionProblem(tell("RVAE1IS", 0n), m.unit, own)?.detail).toMatch(/no register RVAE1IS/);
    // Halves, and places beyond the last instruction, do nothing.
    const before = m.digest();
    apply(m, { do: "mmio", block: "pe", offset: 4, width: 4, value: 1n });
    apply(m, { do: "mmio", block: "pe", offset: 0x1000, width: 8, value: 1n });
    expect(m.digest()).toBe(before);
  });

  it("takes any write anywhere without harm, seed 2611", () => {
    const [m] = machine(TAKES_PART);
    const before = m.snapshot();
    const digest = m.digest();
    const write = fc.record({
      offset: fc.nat(0x400),
      width: fc.constantFrom(4, 8),
      value: fc.bigInt(0n, 2n ** 64n - 1n),
    });
    const any = fc.property(fc.array(write), (writes) => {
      for (const { offset, width, value } of writes) {
        apply(m, { do: "mmio", block: "pe", offset: offset & -width, width: width === 4 ? 4 : 8, value });
      }
      m.restore(before);
      expect(m.digest()).toBe(digest);
    });
    fc.assert(any, { seed: 2611 });
  });
});
