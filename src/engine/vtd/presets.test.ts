import { describe, expect, it } from "vitest";
import { PhysicalMemory } from "../memory/physical_memory.ts";
import { PRESETS, presetById, presetIdentity } from "./presets.ts";
import { ProgrammingInterface } from "./programming_interface.ts";
import { RemappingState } from "./remapping_state.ts";

const hex = (id: string, register: "cap" | "ecap"): string => {
  const { hi, lo } = presetIdentity(presetById(id)!)[register];
  return (hi >>> 0).toString(16) + (lo >>> 0).toString(16).padStart(8, "0");
};

describe("presets", () => {
  it.each([
    ["qemu-11.1-legacy", "80d2008c222f0606", "f00f4a"],
    ["skylake-sp", "8d2078c106f0466", "f020df"],
    ["sapphire-rapids", "19ed008c40780c66", "3ef9ea6f050df"],
  ] as const)("%s has the registers that such a machine prints", (id, cap, ecap) => {
    expect(BigInt(`0x${hex(id, "cap")}`)).toBe(BigInt(`0x${cap}`));
    expect(BigInt(`0x${hex(id, "ecap")}`)).toBe(BigInt(`0x${ecap}`));
  });

  it.each(PRESETS)("$id makes a unit whose fault recording and IOTLB registers are there", (preset) => {
    const memory = new PhysicalMemory({ outside: "abort", zero: [], segments: [] });
    const { registers, offers } = new ProgrammingInterface(presetIdentity(preset), memory, new RemappingState());
    const names = registers.entries.map((entry) => entry.name);
    expect(names).toEqual(expect.arrayContaining(["IVA", "IOTLB", `FRCD${offers.nfr}`]));
  });

  it("answers nothing for a name that is none", () => {
    expect(presetById("none")).toBeUndefined();
  });
});
