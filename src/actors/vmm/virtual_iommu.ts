/**
 * An IOMMU as a VMM shows it to a guest: what the machine that the guest runs on knows of it, whatever stands behind it.
 */

import type { FurtherIommu, KernelMemory, ReachedIommu, RegisterPages } from "../../kernel/platform.ts";
import type { AssignedDevice } from "../../protocol/software.ts";
import type { Journal } from "../journal.ts";
import type { ContainerVm } from "./containers/container_vm.ts";
import type { Caller, Refused } from "./user_space.ts";
import type { MemorySlot, VmObjects } from "./vm_objects.ts";

export interface VirtualIommu extends ReachedIommu {
  /** Further IOMMUs of the guest's, where it has one for each of the host's; absent: all devices are behind one. */
  readonly further?: readonly FurtherIommu[];
  /** Guest memory as the guest reaches it, where the VMM follows writes to some of it; absent: as it is. */
  readonly memory?: KernelMemory;
  /** The host told the VMM that there are events: they go to the guest. @returns how many arrived */
  serve(): number;
  /** What the VMM has of iommufd; null where it does without. */
  readonly objects: VmObjects | null;
  /** What it has of VFIO containers instead. */
  readonly containers?: ContainerVm;
  /** What the kernel refused, newest last. */
  readonly refused: readonly Refused[];
}

/** What a VMM makes one of. */
export interface VmSetting {
  readonly caller: Caller;
  readonly slots: readonly MemorySlot[];
  readonly devices: readonly AssignedDevice[];
  /** Those that have ATS and PRI, by the guest's id, as far as the host's kernel serves them. */
  readonly requesting: ReadonlySet<number>;
  /** KVM's virtual machine is to be known to the IOMMU, and the guest told that its TLBI instructions reach it. */
  readonly broadcasts: boolean;
  /** How many PARTIDs the guest has, and how many PMGs; 0 PARTIDs: it is offered none. */
  readonly partitions: { readonly partids: number; readonly pmgs: number };
  /** Guest memory, at guest physical addresses. */
  readonly memory: KernelMemory;
  readonly journal: Journal;
}

/** Makes one. @returns the step that the kernel refused */
export type MakeVirtualIommu = (setting: VmSetting) => VirtualIommu | Refused;

/**
 * A virtual IOMMU of whose devices the host's kernel tells its VMM nothing.
 * @param memory guest memory as the guest reaches it; absent: as it is
 */
export const untold = (objects: VmObjects, registers: RegisterPages, memory?: KernelMemory): VirtualIommu => ({
  registers,
  ...(memory === undefined ? {} : { memory }),
  serve: () => 0,
  objects,
  refused: objects.refused,
});
