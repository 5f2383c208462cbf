/**
 * vIOMMUs of a virtual machine: what it has of each IOMMU of the host's that its devices are behind. Linux 7.2,
 * Documentation/userspace-api/iommufd.rst.
 */
import { VDEVICE_ALLOC, VIOMMU_ALLOC } from "../../host/iommufd/ioctls.ts";
import { type Refused, Steps } from "./user_space.ts";
import { OTHER_IOMMU, type VmObjects } from "./vm_objects.ts";

export interface Viommu {
  readonly id: number;
  /** HWPT over guest memory that it stands on. */
  readonly parent: number;
  /** The driver's data, as the kernel left them. */
  readonly data: Uint8Array;
  /** Guest's ids of the devices behind it. */
  readonly sids: readonly number[];
}

/**
 * Make one for each IOMMU that devices are behind, with a vDEVICE for each of these, in the order that iommufd asks for. The
 * kernel says which device is behind which: it takes a device that is behind another IOMMU for no vDEVICE.
 * @param data of the driver's; empty for none
 */
export function makeViommus(vm: VmObjects, type: number, data: Uint8Array): [Viommu, ...Viommu[]] | Refused {
  const steps = new Steps(vm.caller);
  const made: (Viommu & { readonly sids: number[] })[] = [];
  for (const { id: dev_id, virtualId, parent } of vm.devices) {
    const takes = (viommu: (typeof made)[number]): boolean => {
      const values = { viommu_id: viommu.id, dev_id, virt_id: BigInt(virtualId) };
      const refused = steps.attempt(vm.iommufd, VDEVICE_ALLOC, values, OTHER_IOMMU);
      if (refused === null) viommu.sids.push(virtualId);
      else vm.note(refused);
      return refused === null;
    };
    if (made.some((viommu) => viommu.parent === parent && takes(viommu))) continue;
    const [{ out_viommu_id: id }, left] = steps.exchange(
      vm.iommufd,
      VIOMMU_ALLOC,
      { type, dev_id, hwpt_id: parent },
      data,
    );
    const viommu = { id, parent, data: left, sids: [] };
    made.push(viommu);
    takes(viommu);
  }
  const [first, ...others] = made;
  return steps.refused ?? [first!, ...others];
}
