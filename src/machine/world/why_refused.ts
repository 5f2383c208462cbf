/**
 * Why a host refuses the VMM a call that a virtual machine cannot be made without: what the IOMMU lacks, by the fields that
 * say so. Linux 7.2, drivers/iommu/arm/arm-smmu-v3, intel and amd (what each asks for before it nests).
 */
import type { Refused } from "../../actors/vmm/user_space.ts";
import type { Arch } from "../../protocol/machine.ts";

/** By the call and its errno. */
const REASONS: Readonly<Record<Arch, Readonly<Partial<Record<string, string>>>>> = {
  smmuv3: {
    "IOMMU_HWPT_ALLOC EOPNOTSUPP": "nesting takes both stages of translation (SMMU_IDR0.S1P, S2P)",
    "IOMMU_HWPT_ALLOC ERANGE": "the guest's memory lies beyond the addresses that the SMMU puts out (SMMU_IDR5.OAS)",
    "IOMMU_VIOMMU_ALLOC EOPNOTSUPP":
      "a vIOMMU takes coherent devices (CANWBS) or S2FWB (SMMU_IDR3.FWB), and queues of its own the extension for them",
  },
  vtd: {
    "VFIO_DEVICE_BIND_IOMMUFD EPERM":
      "without interrupt remapping (ECAP.IR) a device could send interrupts that are not its own",
    "IOMMU_HWPT_ALLOC EOPNOTSUPP":
      "nesting takes scalable mode, nested translation and a second stage (ECAP.SMTS, NEST, SSTS)",
  },
  amdvi: {
    "IOMMU_HWPT_ALLOC EOPNOTSUPP":
      "nesting takes guest tables, also for requests without PASID, whose root the guest places (EFR.GTSup, GIoSup, EFR2.GCR3TRPModeSup)",
    "mmap of the guest's registers ENXIO": 'Linux 7.2 does not hand them out (amdNesting "as intended" does)',
    "IOMMU_VIOMMU_ALLOC EOPNOTSUPP": "buffers of a guest's take an IOMMU that works on them (EFR.vIommuSup)",
  },
};

/** A sentence about the call, with what stands behind its errno where that is the hardware. */
export function whyRefused(arch: Arch, { step, errno }: Refused): string {
  const why = REASONS[arch][`${step} ${errno}`];
  return `${step} answered ${errno}${why === undefined ? "" : `: ${why}`}.`;
}
