/**
 * Nested HWPTs of a guest's device table entries, on a vIOMMU over guest memory, and what the guest is told that its AMD
 * IOMMU can do. Linux 7.2, include/uapi/linux/iommufd.h (iommu_hwpt_amd_guest, iommu_hw_info_amd),
 * drivers/iommu/amd/nested.c; as shipped that kernel refuses nested HWPTs.
 */
import { DTE } from "../../arch/amdvi/dte.ts";
import { EFR } from "../../arch/amdvi/feature_registers.ts";
import { copyFields, type FieldNumbers } from "../../base/encode.ts";
import { HwInfoType, HwptDataType, HwptFlag, ViommuType } from "../../host/iommufd/ioctls.ts";
import type { PageRequests } from "./fault_file.ts";
import type { DeviceBinding } from "./guest_device_table.ts";
import type { Refused } from "./user_space.ts";
import { makeViommus, type Viommu } from "./viommus.ts";
import type { VmSetting } from "./virtual_iommu.ts";
import { type OpenDevice, VmObjects } from "./vm_objects.ts";
import type { WaitingRequests } from "./waiting_requests.ts";

/** EFR, EFR2. */
const INFO_BYTES = 16;
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
/** What a guest gets besides where page requests reach it. */
export const PAGE_REQUESTS = ["PPRSup", "EPHSup"] as const;

/** Page requests of devices: where they arrive, and those that wait for the guest. */
interface GuestRequests extends PageRequests {
  readonly waiting: Pick<WaitingRequests, "askAgain">;
}

interface Nested {
  readonly entry: Uint32Array;
  readonly hwpt: number;
  readonly id: number;
}

/** The kernel objects of a virtual machine with AMD IOMMUs. */
export interface AmdParts {
  readonly vm: VmObjects;
  readonly viommus: readonly [Viommu, ...Viommu[]];
}

/** @param data of the driver's; empty for none. @returns what the kernel refused */
export function amdParts({ caller, slots, devices }: VmSetting, data: Uint8Array): AmdParts | Refused {
  const vm = VmObjects.make(caller, slots, devices, HwptFlag.NEST_PARENT);
  if (!(vm instanceof VmObjects)) return vm;
  const viommus = makeViommus(vm, ViommuType.AMD, data);
  return Array.isArray(viommus) ? { vm, viommus } : viommus;
}

/** Fields of a guest's EFR. @param more features to hand on besides */
export function guestFeatures(vm: VmObjects, ...more: readonly (keyof typeof EFR.f)[]): FieldNumbers {
  const info = vm.hardwareInfo(HwInfoType.AMD, INFO_BYTES);
  const words = new Uint32Array(INFO_BYTES / 4);
  if (info !== null) words.set(new Uint32Array(info.slice().buffer));
  const handed = Object.fromEntries([...HANDED_ON, ...more].map((name) => [name, EFR.f[name].get(words, 0)]));
  return { ...handed, ...OWN };
}

export class AmdNesting {
  readonly #parts: AmdParts;
  readonly #domains: "the guest's" | "one each";
  readonly #requests: GuestRequests | null;
  /** By device id of the guest's; others are attached to the parent, or blocked. */
  readonly #nested = new Map<number, Nested>();
  readonly #blocked = new Set<number>();

  /** @param domains domain ids of nested HWPTs @param requests page requests of devices; null where nobody takes them */
  constructor(parts: AmdParts, domains: "the guest's" | "one each", requests: GuestRequests | null = null) {
    this.#parts = parts;
    this.#domains = domains;
    this.#requests = requests;
  }

  install(sid: number, binding: DeviceBinding): void {
    const { vm } = this.#parts;
    const device = vm.device(sid)!;
    // UNMODELLED: host tables of a guest's, which block the device.
    if (typeof binding !== "string" && DTE.f.Mode.get(binding, 0) === 0) this.#nest(device, binding);
    else if (binding === "pass") this.#settle(device, vm.attach(device, device.parent) ? null : undefined);
    else this.#settle(device, undefined);
  }

  /** Make the nested HWPTs of a domain of the guest's anew, which drops what is cached of them; null for all. */
  renew(domain: number | null): void {
    for (const [sid, { entry }] of this.#nested) {
      const concerned = domain === null || DTE.f.DomainID.get(entry, 0) === domain;
      if (concerned) this.#nest(this.#parts.vm.device(sid)!, entry);
    }
  }

  #nest(device: OpenDevice, entry: Uint32Array): void {
    const { vm, viommus } = this.#parts;
    const viommu = viommus.find(({ sids }) => sids.includes(device.virtualId))!;
    const id = this.#domains === "one each" ? this.#freeId() : DTE.f.DomainID.get(entry, 0);
    const words = new Uint32Array(entry.length);
    copyFields(DTE, TAKEN, entry, words);
    DTE.f.DomainID.set(words, 0, id);
    const requests = this.#requests?.devices.has(device.virtualId) === true ? this.#requests : null;
    const fault = requests === null ? null : requests.file.id;
    const data = { type: HwptDataType.AMD_GUEST, data: new Uint8Array(words.buffer), fault };
    requests?.waiting.askAgain(device.virtualId);
    const hwpt = vm.nest(device, viommu.id, data);
    if (hwpt !== null && vm.attach(device, hwpt)) {
      this.#settle(device, { entry, hwpt, id });
      return;
    }
    if (hwpt !== null) vm.destroy(hwpt);
    this.#settle(device, undefined);
  }

  /** Note what a device is attached to now: a nested HWPT, null for the parent; undefined has it blocked. */
  #settle(device: OpenDevice, now: Nested | null | undefined): void {
    const { vm } = this.#parts;
    const sid = device.virtualId;
    if (now !== undefined) this.#blocked.delete(sid);
    else if (!this.#blocked.has(sid)) {
      vm.detach(device);
      this.#blocked.add(sid);
    }
    const old = this.#nested.get(sid);
    if (old !== undefined) vm.destroy(old.hwpt);
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
