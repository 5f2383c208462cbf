/** What a machine description chooses of a VT-d unit by name: presets, the implementation's choices. */

import { high, low } from "../../base/halves.ts";
import { CACHE_NAMES, type CacheOptions, NO_CACHE_OPTIONS } from "../../engine/vtd/caches/options.ts";
import type { UnitOptions } from "../../engine/vtd/capabilities.ts";
import { presetById, presetIdentity } from "../../engine/vtd/presets.ts";
import type { Identity, RegisterValue } from "../../engine/vtd/registers.ts";
import type { MachineDescription } from "../../protocol/machine.ts";

/** Choices that registers do not show. */
export const VTD_OPTIONS = {
  erratum772415:
    "Accessed and dirty bits of first-stage tables are set although the second stage makes their page read-only.",
  transientMapping: "Bit 62 of second-stage leaves is TM: units before revision 3 of the specification.",
  hostAddresses52: "Host physical addresses have 52 bits; otherwise as many as the preset says, or CAP.MGAW.",
  asQemu:
    "Registers, interrupts, checks and updates of structures as QEMU has them, where that is not the specification's way.",
} as const;

const NONE: RegisterValue = { hi: 0, lo: 0 };

/** What the unit is: as its registers say, or where those are not given, as a preset says. */
export function identityOf({ preset, registers, options = {} }: MachineDescription): Identity {
  const found = preset === undefined ? undefined : presetById(preset);
  const base = found === undefined ? undefined : presetIdentity(found);
  const pick = (name: string, otherwise: RegisterValue = NONE): RegisterValue => {
    const value = registers[name];
    return value === undefined ? otherwise : { hi: high(value), lo: low(value) };
  };
  return {
    ver: pick("VER", { hi: 0, lo: base?.ver ?? 0 }).lo,
    cap: pick("CAP", base?.cap),
    ecap: pick("ECAP", base?.ecap),
    vccap: pick("VCCAP", base?.vccap),
    eccap: pick("ECCAP", base?.eccap),
    asQemu: options.asQemu ?? base?.asQemu ?? false,
  };
}

/** What registers do not say of the unit. */
export function unitOptions(description: MachineDescription): UnitOptions {
  const { preset, options = {} } = description;
  const width = preset === undefined ? undefined : presetById(preset)?.hostAddressWidth;
  return {
    hostAddressWidth: options.hostAddresses52 === true ? 52 : width,
    transientMapping: options.transientMapping === true,
    erratum772415: options.erratum772415 === true,
    asQemu: identityOf(description).asQemu,
  };
}

/** The caches that a description names; null for none. */
export function cacheOptions({ caches = {} }: MachineDescription): CacheOptions | null {
  if (Object.keys(caches).length === 0) return null;
  return { ...NO_CACHE_OPTIONS, ...Object.fromEntries(CACHE_NAMES.map((name) => [name, caches[name] ?? null])) };
}
