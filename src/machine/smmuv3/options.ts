/** What a machine description chooses of an SMMUv3: a preset of capabilities, caches, choices of the implementation. */
import { CACHE_NAMES, type CacheOptions, NO_CACHE_OPTIONS } from "../../engine/smmuv3/caches/options.ts";
import { GRACE } from "../../engine/smmuv3/cmdqv/cmdqv.ts";
import { presetById, presetRegisters } from "../../engine/smmuv3/presets.ts";
import type { MachineDescription } from "../../protocol/machine.ts";

/** Choices of an implementation, by name. */
export const SMMU_OPTIONS = {
  incoherentRootComplex:
    "Firmware does not promise that the root complex keeps every access coherent (CANWBS in ACPI's IORT): a guest owns stage 1 only with SMMU_IDR3.FWB.",
  shareGlobal: "Global TLB entries serve every ASID of their VMID, as they may (IHI 0070 §3.17.1).",
} as const;

/** Registers that the description's preset gives, by name without `SMMU_`; none without a preset. */
export function presetValues({ preset }: MachineDescription): Record<string, bigint> {
  const found = preset === undefined ? undefined : presetById(preset);
  if (found === undefined) return {};
  return Object.fromEntries(Object.entries(presetRegisters(found)).map(([name, value]) => [name, BigInt(value)]));
}

/** The caches of a description; none unless it names some. */
export function cacheOptions({ caches = {}, options = {} }: MachineDescription): CacheOptions {
  const sizes = Object.fromEntries(CACHE_NAMES.map((name) => [name, caches[name] ?? null]));
  return { ...NO_CACHE_OPTIONS, ...sizes, shareGlobal: options.shareGlobal === true };
}

/** The size of the virtual Command queues beside the SMMU; undefined for none. */
export function cmdqvSize({ cmdqv, preset }: MachineDescription): MachineDescription["cmdqv"] {
  if (cmdqv !== undefined || preset === undefined) return cmdqv;
  return presetById(preset)?.cmdqv === true ? GRACE : undefined;
}
