/** The devices of a machine as those who drive them know them. */
import type { DeviceRow } from "../../protocol/engine.ts";
import type { MachineDescription } from "../../protocol/machine.ts";

export function deviceRows({ devices, software }: MachineDescription): DeviceRow[] {
  return devices.map(({ sid, bdf, label, ats }) => {
    const assigned = software?.assigned.find((d) => d.bdf === bdf)?.virtualId ?? null;
    const kernelId = software === undefined ? null : software.kind === "kernel" ? sid : assigned;
    // The VMM does not offer its guest the ATS of a device.
    const asksForTranslations = ats !== undefined && software?.kind !== "virtual machine";
    return { sid, bdf, label, ats: asksForTranslations, kernelId };
  });
}
