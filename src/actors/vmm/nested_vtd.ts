/**
 * Behind a virtual VT-d unit: a nested HWPT for each first stage of the guest's, on a parent that is guest memory, and
 * the guest's invalidations as entries for those. There is no vIOMMU for VT-d. Linux 7.2, include/uapi/linux/iommufd.h
 * (iommu_hwpt_vtd_s1, iommu_hwpt_vtd_s1_invalidate, iommu_hw_info_vtd).
 */
import { CAP, ECAP } from "../../arch/vtd/capability_registers.ts";
import { HwInfoType, HwptDataType, HwptFlag, InvalidateDataType } from "../../host/iommufd/ioctls.ts";
import { FaultFile, type PageRequests } from "./fault_file.ts";
import { type Binding, type FirstStage, GuestVtdTables, PASIDS_LG2 } from "./guest_vtd_tables.ts";
import type { MakeVirtualIommu } from "./virtual_iommu.ts";
import { type GuestRoot, type Pages, VirtualVtd, type VtdBackend, type VtdScope } from "./virtual_vtd.ts";
import { type OpenDevice, VmObjects } from "./vm_objects.ts";
import { WaitingRequests } from "./waiting_requests.ts";

/** Flags, a reserved word, CAP, ECAP. */
const INFO_BYTES = 24;
const STAGE_BYTES = 24;
const ENTRY_BYTES = 24;
const Flag = { SRE: 1n, EAFE: 2n, WPE: 4n } as const;
const LEAF = 1;
/** RTADDR.TTM. UNMODELLED: legacy mode and second-stage tables of a guest, which block its devices. */
const SCALABLE = 1;
/** Requests without a PASID reach guest memory as it is. */
const PASSED: readonly Binding[] = ["pass"];
const EVERYTHING = 0xffff_ffff_ffff_ffffn;

/** What a device, or one of its PASIDs, is attached to. */
interface Installed {
  readonly device: OpenDevice;
  readonly pasid: number;
  readonly binding: Binding;
  /** Nested HWPT of a first stage. */
  readonly hwpt: number | null;
}

class NestedVtd implements VtdBackend {
  readonly #vm: VmObjects;
  readonly #tables: GuestVtdTables;
  readonly #flags: number;
  readonly #faults: PageRequests | null;
  readonly requests?: WaitingRequests;
  /** By device and PASID; what is not here is blocked. */
  readonly #installed = new Map<string, Installed>();

  /** @param flags of nested HWPTs */
  constructor(vm: VmObjects, tables: GuestVtdTables, flags: number, faults: PageRequests | null) {
    this.#vm = vm;
    this.#faults = faults;
    if (faults !== null) this.requests = new WaitingRequests(faults.file);
    this.#tables = tables;
    this.#flags = flags;
    // Devices start attached to the parent.
    for (const device of vm.devices) this.#keep({ device, pasid: 0, binding: "pass", hwpt: null });
  }

  resync(root: GuestRoot | null): void {
    for (const device of this.#vm.devices) {
      const bindings = root === null ? PASSED : this.#bindings(root, device);
      for (let pasid = 0; pasid < 2 ** PASIDS_LG2; pasid++) this.#bind(device, pasid, bindings[pasid] ?? "block");
    }
  }

  invalidate({ did, pasid, pages, secondStage }: VtdScope): void {
    // Pages are of the second stage of a guest that has none of its own: what the first one made of them may be anywhere.
    const entry = invalidation(secondStage ? null : pages);
    for (const { binding, hwpt, pasid: own } of this.#installed.values()) {
      if (hwpt === null || typeof binding === "string") continue;
      if ((did !== null && binding.did !== did) || (pasid !== null && own !== pasid)) continue;
      this.#vm.invalidate(hwpt, InvalidateDataType.VTD_S1, entry, ENTRY_BYTES);
    }
  }

  #bindings({ at, mode }: GuestRoot, { virtualId }: OpenDevice): readonly Binding[] {
    return mode === SCALABLE ? this.#tables.bindings(at, virtualId) : [];
  }

  #bind(device: OpenDevice, pasid: number, binding: Binding): void {
    const old = this.#installed.get(keyOf(device, pasid));
    if (sameBinding(old?.binding ?? "block", binding)) return;
    const hwpt = typeof binding === "string" ? null : this.#nest(device, binding);
    const target = binding === "pass" ? device.parent : hwpt;
    const done = target !== null && this.#vm.attach(device, target, pasid === 0 ? null : pasid);
    if (!done) {
      if (hwpt !== null) this.#vm.destroy(hwpt);
      if (old !== undefined) this.#vm.detach(device, pasid === 0 ? null : pasid);
      this.#installed.delete(keyOf(device, pasid));
    } else this.#keep({ device, pasid, binding, hwpt });
    if (old !== undefined && old.hwpt !== null) this.#vm.destroy(old.hwpt);
  }

  #keep(installed: Installed): void {
    this.#installed.set(keyOf(installed.device, installed.pasid), installed);
  }

  #nest(device: OpenDevice, stage: FirstStage): number | null {
    const fault = this.#faults?.devices.has(device.virtualId) === true ? this.#faults.file.id : null;
    const data = { type: HwptDataType.VTD_S1, data: stageData(stage), flags: this.#flags, fault };
    return this.#vm.nest(device, device.parent, data);
  }
}

const keyOf = ({ virtualId }: OpenDevice, pasid: number): string => `${virtualId} ${pasid}`;

function sameBinding(a: Binding, b: Binding): boolean {
  if (typeof a === "string" || typeof b === "string") return a === b;
  return (Object.keys(a) as (keyof FirstStage)[]).every((key) => a[key] === b[key]);
}

function stageData(stage: FirstStage): Uint8Array {
  const data = new DataView(new ArrayBuffer(STAGE_BYTES));
  const { supervisor, extendedAccessed, writeProtect } = stage;
  const flags = (supervisor ? Flag.SRE : 0n) | (extendedAccessed ? Flag.EAFE : 0n) | (writeProtect ? Flag.WPE : 0n);
  data.setBigUint64(0, flags, true);
  data.setBigUint64(8, stage.root, true);
  data.setUint32(16, stage.fiveLevels ? 57 : 48, true);
  return new Uint8Array(data.buffer);
}

function invalidation(pages: Pages | null): Uint8Array {
  const data = new DataView(new ArrayBuffer(ENTRY_BYTES));
  data.setBigUint64(0, pages?.at ?? 0n, true);
  data.setBigUint64(8, pages?.count ?? EVERYTHING, true);
  data.setUint32(16, pages?.leavesOnly === true ? LEAF : 0, true);
  return new Uint8Array(data.buffer);
}

/** The guest's tables are the first stage of hardware, its invalidations go through the VMM: `nested, trapped`. */
export const makeTrappedVtd: MakeVirtualIommu = ({ caller, slots, devices, requesting, memory, journal }) => {
  const flags = HwptFlag.PASID;
  const vm = VmObjects.make(caller, slots, devices, HwptFlag.NEST_PARENT | flags);
  if (!(vm instanceof VmObjects)) return vm;
  const info = vm.hardwareInfo(HwInfoType.INTEL_VTD, INFO_BYTES);
  if (info === null) return { step: "IOMMU_GET_HW_INFO", errno: "EOPNOTSUPP" };
  const words = new Uint32Array(info.slice().buffer);
  const [cap, ecap] = [words.subarray(2, 4), words.subarray(4, 6)];
  const file = requesting.size > 0 && ECAP.f.PRS.get(ecap, 0) === 1 ? FaultFile.open(vm, journal) : null;
  const pasids = ECAP.f.PASID.get(ecap, 0);
  const offered = {
    cap: { FS1GP: CAP.f.FS1GP.get(cap, 0) },
    ecap: {
      SMTS: 1,
      FSTS: 1,
      SRS: ECAP.f.SRS.get(ecap, 0),
      SMPWCS: ECAP.f.SMPWCS.get(ecap, 0),
      PASID: pasids,
      ...(file === null ? {} : { DT: 1, PRS: 1 }),
      PSS: pasids === 0 ? 0 : PASIDS_LG2 - 1,
    },
  };
  const faults = file === null ? null : { file, devices: requesting };
  const backend = new NestedVtd(vm, new GuestVtdTables(memory), flags, faults);
  const unit = new VirtualVtd(offered, memory, backend, journal);
  const serve = (): number => backend.requests?.serve((request) => unit.pageRequest(request)) ?? 0;
  return { registers: unit.pages, serve, objects: vm, refused: vm.refused };
};
