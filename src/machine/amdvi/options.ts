/** What a machine description chooses of an AMD IOMMU by name: presets, caches, the implementation's choices. */

import { high, low } from "../../base/halves.ts";
import { CACHE_NAMES, type CacheOptions, NO_CACHE_OPTIONS } from "../../engine/amdvi/caches/options.ts";
import { presetRegisters } from "../../engine/amdvi/presets.ts";
import type { InitialRegisters } from "../../engine/amdvi/programming_interface.ts";
import type { MachineDescription } from "../../protocol/machine.ts";

/** Choices that an implementation has. */
export const AMDVI_OPTIONS = {
  ignoreSkippedBits:
    "Address bits that skipped levels of host tables would translate are not looked at (48882 §2.2.3 wants them zero).",
} as const;

/** Whether a choice is made. */
export const chosen = ({ options = {} }: MachineDescription, name: keyof typeof AMDVI_OPTIONS): boolean =>
  options[name] === true;

/** Values of registers: those of the preset, then those that the description gives. */
export function initialRegisters({ preset, registers }: MachineDescription): InitialRegisters {
  const given = Object.entries(registers).map(([name, value]) => [name, { hi: high(value), lo: low(value) }] as const);
  return new Map([...(preset === undefined ? [] : presetRegisters(preset)), ...given]);
}

/** The caches that a description names; null for none. */
export function cacheOptions({ caches = {} }: MachineDescription): CacheOptions | null {
  if (Object.keys(caches).length === 0) return null;
  return { ...NO_CACHE_OPTIONS, ...Object.fromEntries(CACHE_NAMES.map((name) => [name, caches[name] ?? null])) };
}
