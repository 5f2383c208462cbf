/** What a description may say of its software, by the architecture of the machine and the era of the host. */
import { ERA_RULES } from "../../host/eras/eras.ts";
import { SESSION_LIMITS } from "../../protocol/limits.ts";
import type { Arch, DeviceDescription, MachineDescription } from "../../protocol/machine.ts";
import type { AssignedDevice, SoftwareDescription } from "../../protocol/software.ts";
import type { DescriptionFault } from "../description.ts";
import { virtualIommus } from "./virtual_iommus.ts";

/** Both have one id, or are one device, or one is a part of the other. */
const clash = (a: AssignedDevice, b: AssignedDevice): boolean =>
  a.virtualId === b.virtualId || (a.mdev === undefined || b.mdev === undefined ? a.bdf === b.bdf : a.mdev === b.mdev);

/** What software can be told of an architecture's IOMMUs alone. */
const TOLD: Readonly<Record<Arch, ReadonlySet<"nesting" | "mdev">>> = {
  smmuv3: new Set(["nesting"]),
  vtd: new Set(["mdev"]),
  amdvi: new Set(),
};

/** What is wrong with what is said of VMIDs and PARTIDs, which are of SMMUv3s that nest; or null. */
function nestingFault(arch: Arch, software: SoftwareDescription): DescriptionFault | null {
  const { kind, mode = "nested, trapped", era = "Linux 7.2", door, vmid = "SMMU driver", partids } = software;
  const virtual = TOLD[arch].has("nesting") && kind === "virtual machine";
  const byIommufd = virtual && ERA_RULES[era].iommufd && door !== "VFIO container";
  const fault = (place: string, detail: string): DescriptionFault => ({ place, detail });
  if (vmid !== "SMMU driver" && !byIommufd)
    return fault("software.vmid", "VMIDs of KVM are for an SMMUv3 that is given by iommufd.");
  if (partids !== undefined && (!byIommufd || mode === "emulated"))
    return fault("software.partids", "A guest has PARTIDs behind an SMMUv3 that nests, through iommufd.");
  return null;
}

/** Why there is no software for several IOMMUs, or null. */
function severalFault(devices: readonly DeviceDescription[], software: SoftwareDescription): DescriptionFault | null {
  const { kind, era = "Linux 7.2", door } = software;
  const one = devices.every(({ iommu = 0 }) => iommu === 0);
  if (one || kind === "kernel" || (ERA_RULES[era].iommufd && door !== "VFIO container")) return null;
  // UNMODELLED: a VFIO container has a domain for each IOMMU; what its VMM makes of those here is of the first.
  const detail =
    "A virtual machine behind several IOMMUs is modelled with iommufd. A VFIO container has one stage 2 for all of its devices, and a VMM here drives one IOMMU by it.";
  return { place: "devices", detail };
}

/** What is wrong with a description's software, or null. */
export function softwareFault({ arch, devices, software }: MachineDescription): DescriptionFault | null {
  if (software === undefined) return null;
  const { journal } = software;
  if (journal !== undefined && !(Number.isInteger(journal) && journal >= 1 && journal <= SESSION_LIMITS.journal)) {
    return { place: "software.journal", detail: `A journal keeps 1 to ${SESSION_LIMITS.journal} entries.` };
  }
  const fault = nestingFault(arch, software) ?? severalFault(devices, software);
  if (fault !== null || software.kind === "kernel") return fault;
  const { mode = "nested, trapped", era = "Linux 7.2", door } = software;
  const modes = Object.keys(virtualIommus(arch, { era, door }));
  if (!modes.includes(mode)) {
    const offered = modes.length === 0 ? "none" : modes.map((m) => `"${m}"`).join(" and ");
    const detail = `Modes of virtual machines that are modelled with this IOMMU: ${offered}.`;
    return { place: "software.mode", detail };
  }
  for (const [i, given] of software.assigned.entries()) {
    const { bdf, mdev } = given;
    const place = `software.assigned[${i}]`;
    if (!devices.some((d) => d.bdf === bdf))
      return { place: `${place}.bdf`, detail: `The machine has no device ${bdf}.` };
    if (mdev !== undefined && (!TOLD[arch].has("mdev") || !ERA_RULES[era].auxiliaryDomains)) {
      const detail = "Parts of devices (mdev) have domains of their own on VT-d, in eras without iommufd.";
      return { place: `${place}.mdev`, detail };
    }
    if (software.assigned.findIndex((other) => clash(other, given)) < i) {
      return { place, detail: "The device or its id is given twice." };
    }
  }
  return software.assigned.length > 0
    ? null
    : { place: "software.assigned", detail: "The virtual machine has no device." };
}
