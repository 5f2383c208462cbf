/**
 * Behind a virtual SMMUv3: nested HWPTs from the guest's STEs, and its invalidations handed to the host. The VMM leaves in
 * an STE what the kernel takes from a guest and nothing else. Linux 7.2, include/uapi/linux/iommufd.h
 * (iommu_hwpt_arm_smmuv3); IHI 0070 §5.2.
 */
import { commandOf } from "../../arch/smmuv3/commands.ts";
import { SMMU_IDR0 } from "../../arch/smmuv3/id_registers.ts";
import { STAGE_1_FIELDS, STE, SteConfig } from "../../arch/smmuv3/ste.ts";
import { fieldValue } from "../../base/layout.ts";
import {
  HwInfoType,
  HwptDataType,
  HwptFlag,
  InvalidateDataType,
  VEVENTQ_ALLOC,
  VeventqType,
  ViommuType,
} from "../../host/iommufd/ioctls.ts";
import type { RegisterPages } from "../../kernel/platform.ts";
import { FaultFile } from "./fault_file.ts";
import { kvmDevices } from "./kvm_devices.ts";
import { StalledTransactions } from "./stalled_transactions.ts";
import { type Refused, Steps } from "./user_space.ts";
import { makeViommus, type Viommu } from "./viommus.ts";
import { HW_INFO_BYTES, type IdFields, virtualIdentity } from "./virtual_identity.ts";
import type { MakeVirtualIommu, VmSetting } from "./virtual_iommu.ts";
import { type SmmuBackend, VirtualSmmu } from "./virtual_smmu.ts";
import { VmObjects } from "./vm_objects.ts";

const COMMAND_BYTES = 16;
/** What an STE that is not valid, or that there is not, comes to. */
const ABORT = new Uint8Array(16);

/** IDR0.STALL_MODEL: faults terminate. */
const NO_STALLS = 1;
/** What processors say does not reach the SMMU. */
const WITHOUT_BROADCASTS = { IDR0: { BTM: 0 } };
const EVENT_BYTES = 32;
/** Events that a queue holds for the VMM. */
const EVENT_DEPTH = 64;

class NestedSmmu implements SmmuBackend {
  readonly #vm: VmObjects;
  readonly #viommus: readonly Viommu[];
  readonly #fault: number | null;
  readonly stalled?: StalledTransactions;
  /** Nested HWPT that each device is attached to, by its virtual id. */
  readonly #nested = new Map<number, number>();

  /** @param faults file of the devices' recoverable faults; null where nothing stalls */
  constructor(vm: VmObjects, viommus: readonly Viommu[], faults: FaultFile | null) {
    this.#vm = vm;
    this.#viommus = viommus;
    this.#fault = faults?.id ?? null;
    if (faults !== null) this.stalled = new StalledTransactions(faults);
  }

  install(sid: number, ste: Uint32Array | null): void {
    this.#nest(sid, ste === null ? ABORT : taken(ste));
  }

  disabled(sid: number, pass: boolean): void {
    const device = this.#vm.device(sid)!;
    if (!pass) this.#nest(sid, ABORT);
    else if (this.#vm.attach(device, device.parent)) this.#replaceNested(sid, null);
  }

  invalidate(commands: readonly Uint32Array[]): void {
    // Behind a single SMMU every command is for it: a stream that is not of this machine was left out before.
    const single = this.#viommus.length === 1;
    for (const viommu of this.#viommus) {
      const own = single ? commands : commands.filter((words) => concerns(viommu, words));
      if (own.length > 0) this.#invalidate(viommu.id, own);
    }
  }

  #invalidate(viommu: number, commands: readonly Uint32Array[]): void {
    const all = new Uint32Array((commands.length * COMMAND_BYTES) / 4);
    for (let i = 0; i < commands.length; i++) all.set(commands[i]!, (i * COMMAND_BYTES) / 4);
    this.#vm.invalidate(viommu, InvalidateDataType.ARM_SMMUV3, new Uint8Array(all.buffer), COMMAND_BYTES);
  }

  /** Attach a device to a nested HWPT made from an STE; the one it had goes. */
  #nest(sid: number, ste: Uint8Array): void {
    const device = this.#vm.device(sid)!;
    const { id } = this.#viommus.find(({ sids }) => sids.includes(sid))!;
    const made = this.#vm.nest(device, id, { type: HwptDataType.ARM_SMMUV3, data: ste, fault: this.#fault });
    if (made === null) return;
    if (this.#vm.attach(device, made)) this.#replaceNested(sid, made);
    else this.#vm.destroy(made);
  }

  #replaceNested(sid: number, now: number | null): void {
    const old = this.#nested.get(sid);
    if (old !== undefined) this.#vm.destroy(old);
    if (now === null) this.#nested.delete(sid);
    else this.#nested.set(sid, now);
  }
}

/** A command of a stream is for the SMMU that this is behind, any other for all. */
function concerns({ sids }: Viommu, words: Uint32Array): boolean {
  const definition = commandOf(words);
  const sid = definition === undefined ? null : fieldValue(definition.layout, "StreamID", words);
  return sid === null || sids.includes(Number(sid));
}

/** The first 16 bytes of an STE with the fields that the kernel takes. */
function taken(ste: Uint32Array): Uint8Array {
  const { f } = STE;
  const config = f.V.get(ste, 0) === 1 ? f.Config.get(ste, 0) : SteConfig.ABORT;
  const translates = config === SteConfig.STAGE_1;
  // Other configurations have no place in a guest without stage 2; they abort, as an STE that is not valid.
  if (!translates && config !== SteConfig.BYPASS) return ABORT;
  const words = new Uint32Array(STE.bits / 32);
  for (const name of ["V", "Config", ...(translates ? [...STAGE_1_FIELDS, "EATS" as const] : [])] as const)
    f[name].set(words, 0, f[name].get(ste, 0), f[name].getHi(ste, 0));
  return new Uint8Array(words.buffer, 0, ABORT.length).slice();
}

/**
 * MPAM as the guest's SMMU has it, which has to be an SMMUv3.2 then (§5.6.1). CHOICE(vmpam-told): GET_HW_INFO says nothing of
 * PARTIDs; whoever starts the VMM does.
 */
const partitioned = ({ partids, pmgs }: VmSetting["partitions"]): IdFields =>
  partids === 0
    ? {}
    : { IDR3: { MPAM: 1 }, MPAMIDR: { PARTID_MAX: partids - 1, PMG_MAX: pmgs - 1 }, AIDR: { ArchMinorRev: 2 } };

/** What a virtual machine has of the host's SMMUs. */
interface SmmuObjects {
  readonly vm: VmObjects;
  readonly viommus: readonly [Viommu, ...Viommu[]];
}

/** vIOMMUs of a type, made with the data that the type asks for. */
export function smmuObjects(
  { caller, slots, devices, broadcasts }: VmSetting,
  viommuType: number,
  viommuData: Uint8Array,
): SmmuObjects | Refused {
  const vm = VmObjects.make(caller, slots, devices, HwptFlag.NEST_PARENT, broadcasts ? kvmDevices() : undefined);
  if (!(vm instanceof VmObjects)) return vm;
  const viommus = makeViommus(vm, viommuType, viommuData);
  return Array.isArray(viommus) ? { vm, viommus } : viommus;
}

/** A virtual SMMU. */
export interface NestedSmmuParts {
  readonly registers: RegisterPages;
  readonly serve: () => number;
}

/** A virtual SMMU over vIOMMUs. @param what how the journal names its registers */
export function nestedSmmu(
  { broadcasts, partitions, memory, journal }: VmSetting,
  vm: VmObjects,
  viommus: readonly Viommu[],
  what = "SMMU",
): NestedSmmuParts | Refused {
  const steps = new Steps(vm.caller);
  const type = VeventqType.ARM_SMMUV3;
  const eventFds = viommus.map(({ id: viommu_id }) => {
    return steps.call(vm.iommufd, VEVENTQ_ALLOC, { viommu_id, type, veventq_depth: EVENT_DEPTH }).out_veventq_fd;
  });
  if (steps.refused !== null) return steps.refused;
  const instead = { ...(broadcasts ? {} : WITHOUT_BROADCASTS), ...partitioned(partitions) };
  const identity = virtualIdentity(vm.hardwareInfo(HwInfoType.ARM_SMMUV3, HW_INFO_BYTES), instead);
  const sids = viommus.flatMap((viommu) => viommu.sids);
  const stalls = SMMU_IDR0.f.STALL_MODEL.get([identity.IDR0!], 0) !== NO_STALLS;
  const backend = new NestedSmmu(vm, viommus, stalls ? FaultFile.open(vm, journal) : null);
  const smmu = new VirtualSmmu(identity, sids, memory, backend, journal, what);
  const serve = (): number => {
    let arrived = 0;
    for (const fd of eventFds) {
      const { events, lost } = vm.takeEvents(fd, EVENT_BYTES);
      for (const bytes of events) if (smmu.event(new Uint32Array(bytes.buffer))) arrived++;
      if (lost) smmu.lostEvents();
    }
    return arrived + (backend.stalled?.serve((words) => smmu.event(words)) ?? 0);
  };
  return { registers: smmu.pages, serve };
}

/** Commands of the guest go through the VMM, which hands them on to each vIOMMU that they concern: `nested, trapped`. */
export const makeTrappedSmmu: MakeVirtualIommu = (setting) => {
  const objects = smmuObjects(setting, ViommuType.ARM_SMMUV3, new Uint8Array());
  if (!("vm" in objects)) return objects;
  const { vm, viommus } = objects;
  const smmu = nestedSmmu(setting, vm, viommus);
  return "errno" in smmu ? smmu : { ...smmu, objects: vm, refused: vm.refused };
};
