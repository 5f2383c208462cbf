/**
 * Behind a virtual SMMUv3: nested HWPTs from the guest's STEs, and its invalidations handed to the host. The VMM leaves in
 * an STE what the kernel takes from a guest and nothing else. Linux 7.2, include/uapi/linux/iommufd.h
 * (iommu_hwpt_arm_smmuv3); IHI 0070 §5.2.
 */
import { STE } from "../../arch/smmuv3/ste.ts";
import { HwptDataType, InvalidateDataType, VeventqType, ViommuType } from "../../host/iommufd/ioctls.ts";
import type { NestedVm, Refused, ViommuKind } from "./nested_vm.ts";
import type { SmmuBackend } from "./virtual_smmu.ts";

/** A vIOMMU of an SMMUv3. */
export const SMMU_VIOMMU: ViommuKind = {
  viommuType: ViommuType.ARM_SMMUV3,
  eventType: VeventqType.ARM_SMMUV3,
  hwptData: HwptDataType.ARM_SMMUV3,
  invalidateData: InvalidateDataType.ARM_SMMUV3,
};

/** Fields that the kernel takes from a guest's STE. */
const TAKEN = [
  "V",
  "Config",
  "S1Fmt",
  "S1ContextPtr",
  "S1CDMax",
  "S1DSS",
  "S1CIR",
  "S1COR",
  "S1CSH",
  "S1STALLD",
  "EATS",
] as const;
const CONFIG_BYPASS = 4;
const CONFIG_STAGE_1 = 5;
const COMMAND_BYTES = 16;
/** What an STE that is not valid, or that there is not, comes to. */
const ABORT = new Uint8Array(16);

export class NestedSmmuBackend implements SmmuBackend {
  readonly #vm: NestedVm;
  /** What the kernel refused, newest last. */
  readonly refused: Refused[] = [];

  constructor(vm: NestedVm) {
    this.#vm = vm;
  }

  install(sid: number, ste: Uint32Array | null): void {
    this.#note(this.#vm.install(sid, ste === null ? ABORT : taken(ste)));
  }

  disabled(sid: number, pass: boolean): void {
    this.#note(pass ? this.#vm.bypass(sid) : this.#vm.install(sid, ABORT));
  }

  invalidate(commands: readonly Uint32Array[]): void {
    const bytes = new Uint8Array(commands.length * COMMAND_BYTES);
    for (const [i, words] of commands.entries())
      bytes.set(new Uint8Array(words.buffer, 0, COMMAND_BYTES), i * COMMAND_BYTES);
    this.#note(this.#vm.invalidate(bytes, COMMAND_BYTES));
  }

  #note(refused: Refused | null): void {
    if (refused !== null) this.refused.push(refused);
  }
}

/** The first 16 bytes of an STE with the fields that the kernel takes. */
function taken(ste: Uint32Array): Uint8Array {
  const config = STE.f.Config.get(ste, 0);
  const words = new Uint32Array(STE.bits / 32);
  // Other configurations have no place in a guest without stage 2; they abort, as an STE that is not valid.
  if (STE.f.V.get(ste, 0) === 1 && (config === 0 || config === CONFIG_BYPASS || config === CONFIG_STAGE_1)) {
    for (const name of config === CONFIG_STAGE_1 ? TAKEN : TAKEN.slice(0, 2)) {
      STE.f[name].set(words, 0, STE.f[name].get(ste, 0), STE.f[name].getHi(ste, 0));
    }
  }
  return new Uint8Array(words.buffer, 0, 16).slice();
}
