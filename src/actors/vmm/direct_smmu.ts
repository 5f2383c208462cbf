/**
 * A virtual SMMUv3 whose guest has command queues that hardware reads by itself: the `nested, direct` mode, on hardware
 * with the Tegra241 CMDQV. Linux 7.2, Documentation/userspace-api/iommufd.rst (hardware queues) and
 * include/uapi/linux/iommufd.h.
 */
import { CMDQV_STRIDE } from "../../arch/smmuv3/cmdqv.ts";
import {
  HW_QUEUE_ALLOC,
  HwInfoType,
  HwQueueType,
  VEVENTQ_ALLOC,
  VeventqType,
  ViommuType,
} from "../../host/iommufd/ioctls.ts";
import { VCMDQ_ALLOC, VCMDQ_TEGRA241, VcmdqType } from "../../host/iommufd/ioctls_as_posted.ts";
import type { FurtherIommu } from "../../kernel/platform.ts";
import { ofUnit } from "../../protocol/unit_names.ts";
import { nestedSmmu, smmuObjects } from "./nested_smmu.ts";
import { type Refused, Steps } from "./user_space.ts";
import type { Viommu } from "./viommus.ts";
import { type CmdqvBackend, type InterfaceSize, VirtualCmdqv } from "./virtual_cmdqv.ts";
import type { MakeVirtualIommu, VirtualIommu, VmSetting } from "./virtual_iommu.ts";
import type { VmObjects } from "./vm_objects.ts";

/** iommu_hw_info_tegra241_cmdqv: flags, version, log2vcmdqs, log2vsids. */
const INFO_BYTES = 8;
/** iommu_viommu_tegra241_cmdqv: offset and length of the page to map, 64 bits each. */
const VIOMMU_DATA_BYTES = 16;
/** An event: the map of queues with errors, 128 bits. */
const ERROR_MAP_BYTES = 16;
const EVENT_DEPTH = 16;
const COMMAND_BYTES = 16;

/** Has the kernel set up a queue at a guest physical address. @returns its id, null where it is refused */
type OpenQueue = (vm: VmObjects, viommu_id: number, index: number, gpa: number, bytes: number) => number | null;

/** A virtual SMMU with the extension. */
type DirectSmmu = FurtherIommu & Pick<VirtualIommu, "serve">;

/** Queues reach the SMMU that they are of and no other: the guest has an SMMU for each of the host's, as in QEMU. */
const makeWith =
  (openQueue: OpenQueue): MakeVirtualIommu =>
  (setting) => {
    const objects = smmuObjects(setting, ViommuType.TEGRA241_CMDQV, new Uint8Array(VIOMMU_DATA_BYTES));
    if (!("vm" in objects)) return objects;
    const { vm, viommus } = objects;
    const smmus: DirectSmmu[] = [];
    for (const [i, viommu] of viommus.entries()) {
      const smmu = directSmmu(setting, vm, viommu, ofUnit(i), openQueue);
      if ("errno" in smmu) return smmu;
      smmus.push(smmu);
    }
    const [{ registers, blocks }, ...further] = smmus as [DirectSmmu, ...DirectSmmu[]];
    const serve = (): number => smmus.reduce((sum, smmu) => sum + smmu.serve(), 0);
    return { registers, ...(blocks === undefined ? {} : { blocks }), further, serve, objects: vm, refused: vm.refused };
  };

/** @param name how it is called, of several */
function directSmmu(
  setting: VmSetting,
  vm: VmObjects,
  viommu: Viommu,
  name: string,
  openQueue: OpenQueue,
): DirectSmmu | Refused {
  const { journal } = setting;
  const what = (registers: string): string => `${name} ${registers}`.trimStart();
  const smmu = nestedSmmu(setting, vm, [viommu], what("SMMU"));
  if ("errno" in smmu) return smmu;
  const info = vm.hardwareInfo(HwInfoType.TEGRA241_CMDQV, INFO_BYTES);
  const steps = new Steps(vm.caller);
  const errors = { viommu_id: viommu.id, type: VeventqType.TEGRA241_CMDQV, veventq_depth: EVENT_DEPTH };
  const errorFd = steps.call(vm.iommufd, VEVENTQ_ALLOC, errors).out_veventq_fd;
  const page = mapPage(vm, viommu);
  if (info === null || typeof page === "string")
    return { step: "mmap", errno: typeof page === "string" ? page : "ENODEV" };
  if (steps.refused !== null) return steps.refused;
  const size: InterfaceSize = { version: info[4]!, queuesLg2: info[5]!, sidsLg2: info[6]! };
  const cmdqv = new VirtualCmdqv(size, queuesOf(vm, viommu.id, page, openQueue), journal, what("CMDQV"));
  const serve = (): number => {
    // What is lost here is in the registers all the same: the guest reads there which queues stopped.
    const { events: failed } = vm.takeEvents(errorFd, ERROR_MAP_BYTES);
    for (const _ of failed) journal.note("VMM", "interrupt", "a queue of the guest's stopped");
    return smmu.serve() + failed.length;
  };
  return { name, registers: smmu.registers, blocks: { cmdqv }, behind: new Set(viommu.sids), serve };
}

/** The interface's first page, as the vIOMMU's data say. */
function mapPage(vm: VmObjects, { data }: Viommu): CmdqvBackend["page"] | string {
  const [offset, length] = new BigUint64Array(data.slice().buffer);
  if (length !== BigInt(CMDQV_STRIDE.PAGE)) return "EINVAL";
  return vm.caller.system.mmap(vm.iommufd, offset!, length);
}

const queuesOf = (vm: VmObjects, viommu: number, page: CmdqvBackend["page"], openQueue: OpenQueue): CmdqvBackend => ({
  page,
  openQueue: (index, gpa, bytes) => openQueue(vm, viommu, index, gpa, bytes),
  closeQueue: (id) => vm.destroy(id),
});

/** Where the queue is stands in the call: the kernel looks at it, and keeps the memory where it is. */
export const makeDirectSmmu = makeWith((vm, viommu_id, index, gpa, bytes) => {
  const where = { nesting_parent_iova: BigInt(gpa), length: BigInt(bytes) };
  const made = vm.call(HW_QUEUE_ALLOC, { viommu_id, type: HwQueueType.TEGRA241_CMDQV, index, ...where });
  return made?.out_hw_queue_id ?? null;
});

/** As first posted: where the queue is stands in data that only the driver reads. */
export const makePostedSmmu = makeWith((vm, viommu_id, vcmdq_id, gpa, bytes) => {
  const vcmdq_log2size = Math.log2(bytes / COMMAND_BYTES);
  const data = VCMDQ_TEGRA241.encode({ vcmdq_id, vcmdq_log2size, vcmdq_base: BigInt(gpa) });
  const data_uptr = vm.caller.data(data);
  const values = { viommu_id, type: VcmdqType.TEGRA241_CMDQV, data_len: data.length, data_uptr };
  return vm.call(VCMDQ_ALLOC, values)?.out_vcmdq_id ?? null;
});
