/** Which virtual IOMMUs a VMM can make: by architecture, and by how much of the guest's doings go through the VMM. */
import { makeContainerSmmu } from "../../actors/vmm/containers/container_smmu.ts";
import { makeContainerVtdV7, makeContainerVtdV8 } from "../../actors/vmm/containers/container_vtd.ts";
import { makeDirectAmd } from "../../actors/vmm/direct_amd.ts";
import { makeDirectSmmu, makePostedSmmu } from "../../actors/vmm/direct_smmu.ts";
import { makeEmulatedAmd } from "../../actors/vmm/emulated_amd.ts";
import { makeEmulatedSmmu } from "../../actors/vmm/emulated_smmu.ts";
import { makeEmulatedVtd } from "../../actors/vmm/emulated_vtd.ts";
import { makeTrappedAmd } from "../../actors/vmm/nested_amd.ts";
import { makeTrappedSmmu } from "../../actors/vmm/nested_smmu.ts";
import { makeTrappedVtd } from "../../actors/vmm/nested_vtd.ts";
import type { MakeVirtualIommu } from "../../actors/vmm/virtual_iommu.ts";
import { ERA_RULES } from "../../host/eras/eras.ts";
import type { Arch } from "../../protocol/machine.ts";
import type { Door, Era, VmMode } from "../../protocol/software.ts";

const VIRTUAL_IOMMUS: Readonly<Record<Arch, Readonly<Partial<Record<VmMode, MakeVirtualIommu>>>>> = {
  smmuv3: { "nested, trapped": makeTrappedSmmu, "nested, direct": makeDirectSmmu, emulated: makeEmulatedSmmu },
  vtd: { "nested, trapped": makeTrappedVtd, emulated: makeEmulatedVtd },
  amdvi: { "nested, trapped": makeTrappedAmd, "nested, direct": makeDirectAmd, emulated: makeEmulatedAmd },
};

/** Without iommufd: the guest's commands go through the VMM. */
const OF_CONTAINERS: Readonly<Partial<Record<Arch, (era: Era) => MakeVirtualIommu>>> = {
  smmuv3: () => makeContainerSmmu,
  vtd: (era) => (era === "vSVA over VFIO v7" ? makeContainerVtdV7 : makeContainerVtdV8),
};

/** How a machine's VMM is to be: what a description says of it. */
export interface VmmKind {
  readonly era: Era;
  /** Absent: iommufd where the era has it. */
  readonly door: Door | undefined;
}

/** Virtual IOMMUs that a VMM can make, by mode. */
export function virtualIommus(arch: Arch, { era, door }: VmmKind): Readonly<Partial<Record<VmMode, MakeVirtualIommu>>> {
  const usual = ERA_RULES[era].iommufd ? "iommufd" : "VFIO container";
  if ((door ?? usual) === "VFIO container") {
    const make = OF_CONTAINERS[arch]?.(era);
    return make === undefined ? {} : { "nested, trapped": make };
  }
  const posted = era === "vCMDQ as posted" && arch === "smmuv3" ? { "nested, direct": makePostedSmmu } : {};
  return { ...VIRTUAL_IOMMUS[arch], ...posted };
}
