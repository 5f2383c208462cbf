/** Which virtual IOMMUs a VMM can make: by architecture, and by how much of the guest's doings go through the VMM. */
import { makeDirectAmd } from "../../actors/vmm/direct_amd.ts";
import { makeDirectSmmu } from "../../actors/vmm/direct_smmu.ts";
import { makeEmulatedAmd } from "../../actors/vmm/emulated_amd.ts";
import { makeEmulatedSmmu } from "../../actors/vmm/emulated_smmu.ts";
import { makeEmulatedVtd } from "../../actors/vmm/emulated_vtd.ts";
import { makeTrappedAmd } from "../../actors/vmm/nested_amd.ts";
import { makeTrappedSmmu } from "../../actors/vmm/nested_smmu.ts";
import { makeTrappedVtd } from "../../actors/vmm/nested_vtd.ts";
import type { MakeVirtualIommu } from "../../actors/vmm/virtual_iommu.ts";
import type { Arch } from "../../protocol/machine.ts";
import type { VmMode } from "../../protocol/software.ts";

export const VIRTUAL_IOMMUS: Readonly<Record<Arch, Readonly<Partial<Record<VmMode, MakeVirtualIommu>>>>> = {
  smmuv3: { "nested, trapped": makeTrappedSmmu, "nested, direct": makeDirectSmmu, emulated: makeEmulatedSmmu },
  vtd: { "nested, trapped": makeTrappedVtd, emulated: makeEmulatedVtd },
  amdvi: { "nested, trapped": makeTrappedAmd, "nested, direct": makeDirectAmd, emulated: makeEmulatedAmd },
};
