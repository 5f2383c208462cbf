import { describe, expect, it } from "vitest";
import { Digest } from "../../base/digest.ts";
import { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import type { AmdviUnit } from "./amdvi_unit.ts";
import { AMDVI } from "./architecture.ts";

function made(preset: string): AmdviUnit {
  const memory = new PhysicalMemory({ outside: "abort", zero: [[0, 0x10_0000]], segments: [] });
  return AMDVI.make(
    { arch: "amdvi", preset, registers: {}, memory: { outside: "abort", zero: [], segments: [] }, devices: [] },
    memory,
  );
}

function write(unit: AmdviUnit, name: string, value: bigint): void {
  const { offset, width } = unit.register(name)!;
  unit.write(offset, value, width);
}

const digestOf = (unit: AmdviUnit): string => {
  const digest = new Digest();
  unit.digest(digest);
  return digest.hex();
};
const ofGuests = (unit: AmdviUnit): string[] =>
  unit.inspect
    .registers()
    .filter(({ name }) => name.startsWith("VF"))
    .map(({ name, value }) => `${name} ${value.toString(16)}`);

it("A counter passes zero where a transaction asks for that, §2.5.11; the transaction goes on", () => {
  const unit = made("full");
  write(unit, "EVT_BASE", (8n << 56n) | 0x8000n);
  write(unit, "DEVTAB_BASE", 0x9000n);
  write(unit, "CONTROL", 5n);
  const part = { sid: 1, ssid: null, iova: 0x1000n, write: false, privileged: false, instruction: false, length: 4 };
  expect(unit.transfer({ ...part, meets: "EVENT_COUNTER_ZERO" })).toMatchObject({ ok: true, pa: 0x1000n });
  expect(unit.records().map((words) => unit.inspect.record(words).name)).toEqual(["EVENT_COUNTER_ZERO"]);
});

describe("virtualized IOMMUs of a unit", () => {
  it("have registers by name, listed for guests in use", () => {
    const unit = made("full");
    expect(ofGuests(unit)).toEqual([]);
    write(unit, "VF3_GUEST_MISC_CONTROL", 0x70000n);
    expect(ofGuests(unit)).toContain("VF3_GUEST_MISC_CONTROL 70000");
    expect(ofGuests(unit)).toContain("VF3_CMD_TAIL 0");
  });

  it("are part of a saved state", () => {
    const unit = made("full");
    const [image, before] = [unit.snapshot(), digestOf(unit)];
    write(unit, "VF3_GUEST_MISC_CONTROL", 0x70000n);
    expect(digestOf(unit)).not.toBe(before);
    unit.restore(image as Parameters<typeof unit.restore>[0]);
    expect([digestOf(unit), ofGuests(unit)]).toEqual([before, []]);
  });

  it("are not there where EFR does not offer them", () => {
    const unit = made("minimal");
    write(unit, "VF3_GUEST_MISC_CONTROL", 0x70000n);
    expect(ofGuests(unit)).toEqual([]);
    expect(unit.inspect.notModelled().join()).not.toContain("virtualized");
    expect(made("full").inspect.notModelled().join()).toContain("virtualized");
  });
});
