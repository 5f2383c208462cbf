import { describe, expect, it } from "vitest";
import { registerByName } from "../../arch/smmuv3/registers.ts";
import { readCapabilities } from "./capabilities.ts";
import { PRESETS, presetById, presetRegisters } from "./presets.ts";
import { RegisterFile } from "./register_file.ts";

function capabilitiesOf(id: string): ReturnType<typeof readCapabilities> {
  const file = new RegisterFile();
  for (const [name, value] of Object.entries(presetRegisters(presetById(id)!))) {
    file.load(registerByName(name)!, value, 0);
  }
  return readCapabilities(file);
}

describe("presets", () => {
  it("have names of their own", () => {
    expect(new Set(PRESETS.map((p) => p.id)).size).toBe(PRESETS.length);
    expect(presetById("nothing")).toBeUndefined();
  });

  it.each([
    ["qemu-11.1-nested", { IDR0: 0x0d44101b, IDR1: 0x02730010, IDR3: 0x1414, IDR5: 0x74, AIDR: 1 }],
    ["qemu-11.1-1", { IDR0: 0x0d44101a, IDR1: 0x02730010, IDR3: 0x1404, IDR5: 0x74, AIDR: 1 }],
    ["qemu-11.1-2", { IDR0: 0x0d441019, IDR1: 0x02730010, IDR3: 0x1414, IDR5: 0x74, AIDR: 1 }],
  ])("%s reads as QEMU's registers do", (id, registers) => {
    expect(presetRegisters(presetById(id)!)).toEqual(registers);
  });

  it("offer what they are named for", () => {
    expect(capabilitiesOf("neoverse")).toMatchObject({
      s1p: true,
      s2p: true,
      httu: 2,
      ats: true,
      stallModel: 0,
      twoLevelStreamTable: true,
      ssidSize: 20,
      fwb: true,
      oas: 48,
    });
    expect(capabilitiesOf("grace")).toMatchObject({ ats: true, ssidSize: 20, oas: 48 });
    expect(PRESETS.filter((p) => p.cmdqv).map((p) => p.id)).toEqual(["grace"]);
    expect(capabilitiesOf("minimal")).toMatchObject({
      s1p: true,
      s2p: false,
      asid16: false,
      twoLevelStreamTable: false,
      oas: 32,
    });
  });

  it("offer nothing that the architecture does not combine", () => {
    for (const preset of PRESETS) {
      const { IDR0 = {}, IDR1 = {}, IDR3 = {}, IDR5 = {}, AIDR = {} } = preset.registers;
      const on = (fields: Readonly<Record<string, number>>, name: string): boolean => (fields[name] ?? 0) !== 0;
      // §6.3.1 to §6.3.6: what each field asks of others.
      expect([preset.id, on(IDR0, "S1P") || on(IDR0, "S2P")]).toEqual([preset.id, true]);
      if ((IDR1.SIDSIZE ?? 0) >= 7) expect([preset.id, on(IDR0, "ST_LEVEL")]).toEqual([preset.id, true]);
      if (on(IDR0, "PRI")) expect([preset.id, on(IDR0, "ATS")]).toEqual([preset.id, true]);
      if (IDR0.STALL_MODEL === 1) expect([preset.id, on(IDR5, "STALL_MAX")]).toEqual([preset.id, false]);
      if ((AIDR.ArchMinorRev ?? 0) >= 2)
        expect([preset.id, on(IDR3, "RIL"), on(IDR3, "BBML")]).toEqual([preset.id, true, true]);
      if ((AIDR.ArchMinorRev ?? 0) >= 1 && on(IDR0, "S1P"))
        expect([preset.id, on(IDR3, "HAD")]).toEqual([preset.id, true]);
      if ((AIDR.ArchMinorRev ?? 0) >= 1 && on(IDR0, "S2P"))
        expect([preset.id, on(IDR3, "XNX")]).toEqual([preset.id, true]);
      for (const queue of ["CMDQS", "EVENTQS", "PRIQS"]) expect(IDR1[queue] ?? 0).toBeLessThanOrEqual(19);
    }
  });
});
