/** Units with their drivers, for tests of the host kernel. */
import type { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import type { OwnMemory } from "../../kernel/own_memory.ts";
import { AMDVI } from "../../machine/amdvi/architecture.ts";
import { SMMUV3 } from "../../machine/smmuv3/architecture.ts";
import type { Unit } from "../../machine/unit.ts";
import { VTD } from "../../machine/vtd/architecture.ts";
import { AmdDriver } from "../drivers/amdvi/amd_driver.ts";
import type { IommuDriver } from "../drivers/driver.ts";
import { SmmuDriver } from "../drivers/smmuv3/smmu_driver.ts";
import { VtdDriver } from "../drivers/vtd/vtd_driver.ts";

const nothing = { outside: "abort", zero: [], segments: [] } as const;

/** For tests: a unit with its driver, for each architecture, with everything that makes nesting possible. */
export const UNITS: Readonly<
  Record<string, (memory: PhysicalMemory, own: OwnMemory) => [Unit, IommuDriver & { interrupt(): void }]>
> = {
  smmuv3: (memory, own) => {
    const registers = { IDR0: 0xd44101bn, IDR1: 0x2730410n, IDR3: 0x1514n, IDR5: 0x74n, AIDR: 1n };
    const unit = SMMUV3.make({ arch: "smmuv3", registers, memory: nothing, devices: [] }, memory);
    return [unit, SmmuDriver.start({ pageLg2: 12, coherentRootComplex: true, sva: true }, unit, own)!];
  },
  vtd: (memory, own) => {
    const registers = { VER: 0x10n, CAP: 0x80d2008c222f0606n, ECAP: 0x1e99884f00f4an };
    const unit = VTD.make({ arch: "vtd", registers, memory: nothing, devices: [] }, memory);
    return [unit, VtdDriver.start(unit, own)!];
  },
  amdvi: (memory, own) => {
    const registers = { EFR: 0x5000f000029d3n, EFR2: 8n };
    const unit = AMDVI.make({ arch: "amdvi", registers, memory: nothing, devices: [] }, memory);
    return [unit, AmdDriver.start({ nesting: "as intended" }, unit, own)!];
  },
};
