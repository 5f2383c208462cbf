/**
 * Behind a virtual AMD IOMMU: a nested HWPT for each device with guest tables, on a vIOMMU over guest memory. Linux 7.2,
 * include/uapi/linux/iommufd.h (iommu_hwpt_amd_guest, iommu_hw_info_amd), drivers/iommu/amd/nested.c; as shipped that
 * kernel refuses nested HWPTs, and it has no call that invalidates on behalf of a guest.
 *
 * What is cached goes with the HWPT it is of: an invalidation has a HWPT made anew, with a domain id that the VMM takes,
 * and the device moved over. At no time does the device meet anything but its guest's tables.
 */
import { DTE } from "../../arch/amdvi/dte.ts";
import { EFR } from "../../arch/amdvi/feature_registers.ts";
import { encodeFields, setFields } from "../../base/encode.ts";
import { HwInfoType, HwptDataType, HwptFlag, VDEVICE_ALLOC, VIOMMU_ALLOC } from "../../host/iommufd/ioctls.ts";
import { DirtyLog } from "./dirty_log.ts";
import { type Refused, Steps } from "./user_space.ts";
import { type AmdBackend, VirtualAmd } from "./virtual_amd.ts";
import type { MakeVirtualIommu } from "./virtual_iommu.ts";
import { type OpenDevice, VmObjects } from "./vm_objects.ts";

/** EFR, EFR2. */
const INFO_BYTES = 16;
/** The kernel takes any type but 0. */
const VIOMMU_TYPE = 3;
/** Fields of an entry that the kernel takes, or asks for. */
const TAKEN = [
  "V",
  "TV",
  "PPR",
  "GIoV",
  "GV",
  "GLX",
  "GCR3TRP_14_12",
  "GCR3TRP_30_15",
  "GCR3TRP_51_31",
  "GuestPagingMode",
] as const;
/** Features that a guest gets as the hardware has them, and those that the VMM sets: no host tables (HATS). */
const HANDED_ON = ["NXSup", "GTSup", "GIoSup", "GATS", "GLXSup", "PASmax"] as const;
const OWN = { IASup: 1, HATS: 3 };

interface Nested {
  readonly entry: Uint32Array;
  readonly hwpt: number;
  readonly id: number;
}

class NestedAmd implements AmdBackend {
  readonly #vm: VmObjects;
  readonly #viommu: number;
  /** By device id of the guest's; others are attached to the parent, or blocked. */
  readonly #nested = new Map<number, Nested>();
  readonly #blocked = new Set<number>();

  constructor(vm: VmObjects, viommu: number) {
    this.#vm = vm;
    this.#viommu = viommu;
  }

  install(sid: number, binding: Uint32Array | "pass" | "block"): void {
    const device = this.#vm.device(sid)!;
    if (typeof binding !== "string") this.#nest(device, binding);
    else if (binding === "pass") this.#settle(device, this.#vm.attach(device, this.#vm.parent) ? null : undefined);
    else this.#settle(device, undefined);
  }

  invalidate(domain: number | null): void {
    for (const [sid, { entry }] of this.#nested) {
      const concerned = domain === null || DTE.f.DomainID.get(entry, 0) === domain;
      if (concerned) this.#nest(this.#vm.device(sid)!, entry);
    }
  }

  #nest(device: OpenDevice, entry: Uint32Array): void {
    const words = encodeFields(DTE, Object.fromEntries(TAKEN.map((name) => [name, DTE.f[name].get(entry, 0)])));
    const id = this.#freeId();
    setFields(DTE, words, { DomainID: id });
    const data = new Uint8Array(words.buffer);
    const hwpt = this.#vm.nest(device, this.#viommu, HwptDataType.AMD_GUEST, data);
    if (hwpt !== null && this.#vm.attach(device, hwpt)) {
      this.#settle(device, { entry, hwpt, id });
      return;
    }
    if (hwpt !== null) this.#vm.destroy(hwpt);
    this.#settle(device, undefined);
  }

  /** Note what a device is attached to now: a nested HWPT, null for the parent; undefined has it blocked. */
  #settle(device: OpenDevice, now: Nested | null | undefined): void {
    const sid = device.virtualId;
    if (now !== undefined) this.#blocked.delete(sid);
    else if (!this.#blocked.has(sid)) {
      this.#vm.detach(device);
      this.#blocked.add(sid);
    }
    const old = this.#nested.get(sid);
    if (old !== undefined) this.#vm.destroy(old.hwpt);
    if (now === null || now === undefined) this.#nested.delete(sid);
    else this.#nested.set(sid, now);
  }

  #freeId(): number {
    const taken = new Set([...this.#nested.values()].map(({ id }) => id));
    let id = 1;
    while (taken.has(id)) id++;
    return id;
  }
}

function makeViommu(vm: VmObjects): number | Refused {
  const steps = new Steps(vm.caller);
  const dev_id = vm.devices[0]?.id ?? 0;
  const { out_viommu_id } = steps.call(vm.iommufd, VIOMMU_ALLOC, { type: VIOMMU_TYPE, dev_id, hwpt_id: vm.parent });
  for (const { id, virtualId } of vm.devices)
    steps.call(vm.iommufd, VDEVICE_ALLOC, { viommu_id: out_viommu_id, dev_id: id, virt_id: BigInt(virtualId) });
  return steps.refused ?? out_viommu_id;
}

/** The guest's tables are the first stage of hardware, its commands go through the VMM: `nested, trapped`. */
export const makeTrappedAmd: MakeVirtualIommu = ({ caller, slots, devices, memory, journal }) => {
  const vm = VmObjects.make(caller, slots, devices, HwptFlag.NEST_PARENT);
  if (!(vm instanceof VmObjects)) return vm;
  const viommu = makeViommu(vm);
  if (typeof viommu !== "number") return viommu;
  const info = vm.hardwareInfo(HwInfoType.AMD, INFO_BYTES);
  const words = new Uint32Array(INFO_BYTES / 4);
  if (info !== null) words.set(new Uint32Array(info.slice().buffer));
  const handed = Object.fromEntries(HANDED_ON.map((name) => [name, EFR.f[name].get(words, 0)]));
  const efr = encodeFields(EFR, { ...handed, ...OWN });
  const sids = devices.map((d) => d.virtualId);
  const iommu = new VirtualAmd(efr, sids, memory, new NestedAmd(vm, viommu), journal);
  return { registers: iommu.pages, serve: () => 0, dirty: new DirtyLog(vm, slots), refused: vm.refused };
};
