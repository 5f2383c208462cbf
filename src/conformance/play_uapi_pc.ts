/** The emulated PCs of the recordings: a VT-d unit or an AMD-Vi unit with the host's driver on it. */
import { AmdDriver } from "../host/drivers/amdvi/amd_driver.ts";
import { VtdDriver } from "../host/drivers/vtd/vtd_driver.ts";
import { AMDVI } from "../machine/amdvi/architecture.ts";
import { ownMemory } from "../machine/kernel_memory.ts";
import type { Unit } from "../machine/unit.ts";
import { VTD } from "../machine/vtd/architecture.ts";
import type { Arch, MachineDescription } from "../protocol/machine.ts";
import { accessThrough, devicesOf, type Hardware, KERNEL_MEMORY, makeMemory } from "./play_uapi_hardware.ts";
import { type Header, type Json, numberOf } from "./play_uapi_lines.ts";

/** Kernel memory of the driver. */
const DRIVER_BYTES = 0x400_0000;

/** Registers of the emulated units, where a header does not show them. */
const VTD_REGISTERS = { VER: 0x10n, CAP: 0x80d2008c222f0606n, ECAP: 0xf00f4an };
const AMD_REGISTERS = { EFR: 0x29d3n, EFR2: 0n };

/** Hardware information of a header by the names of registers. */
function registersOf(header: Header, driver: string, names: Readonly<Record<string, string>>): Record<string, bigint> {
  const info = header.info[driver];
  if (typeof info !== "object" || info === null || Array.isArray(info)) return {};
  const values = info as Readonly<Record<string, Json>>;
  return Object.fromEntries(
    Object.entries(names).flatMap(([register, name]) => {
      const value = numberOf(values[name]);
      return value === null ? [] : [[register, value]];
    }),
  );
}

const describe = (arch: Arch, registers: Record<string, bigint>): MachineDescription => ({
  arch,
  registers,
  memory: { outside: "abort", zero: [], segments: [] },
  devices: [],
});

/** A unit with its driver started. */
interface Started {
  readonly unit: Unit;
  readonly driver: VtdDriver | AmdDriver | null;
}

export function pcHardware(header: Header): Hardware {
  const memory = makeMemory();
  const own = ownMemory(memory, Number(KERNEL_MEMORY), DRIVER_BYTES);
  const { unit, driver } = /amd-iommu/.test(header.machine) ? amd() : vtd();
  if (driver === null) throw new Error("no memory for a driver");
  const devices = devicesOf(header, () => driver);
  return {
    memory,
    devices,
    guestContext: (words) => words,
    guestEntry: (_level, entry) => ({ entry, below: [] }),
    access: (device, access) => {
      const result = accessThrough(unit, device.sid, false, access);
      driver.interrupt();
      return result;
    },
  };

  function vtd(): Started {
    const given = registersOf(header, "vtd", { CAP: "cap_reg", ECAP: "ecap_reg" });
    const made = VTD.make(describe("vtd", { ...VTD_REGISTERS, ...given }), memory);
    return { unit: made, driver: VtdDriver.start(made, own) };
  }

  function amd(): Started {
    const given = registersOf(header, "amd", { EFR: "efr", EFR2: "efr2" });
    const made = AMDVI.make(describe("amdvi", { ...AMD_REGISTERS, ...given }), memory);
    return { unit: made, driver: AmdDriver.start({ nesting: "as shipped" }, made, own) };
  }
}
