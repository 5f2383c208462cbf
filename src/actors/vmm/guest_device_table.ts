/** Device table entries of a guest, as the registers of its virtual AMD IOMMU place them. 48882 §2.2.2. */
import { DEVTAB_BASE } from "../../arch/amdvi/buffer_registers.ts";
import { DTE, DTE_BYTES } from "../../arch/amdvi/dte.ts";
import type { RegisterFile } from "../../engine/common/register_file.ts";
import type { KernelMemory } from "../../kernel/platform.ts";
import { readWords } from "./guest_words.ts";

const PAGE = 4096;

/** What requests of a device meet: a device table entry with tables, guest memory as it is, or a refusal. */
export type DeviceBinding = Uint32Array | "pass" | "block";

/** Guest physical address of a device's entry; null beyond the end of the table. */
export function entryAddress(registers: RegisterFile, sid: number): number | null {
  const { words } = registers;
  const at = registers.at("DEVTAB_BASE");
  if (DTE_BYTES * (sid + 1) > PAGE * (DEVTAB_BASE.f.Size.get(words, at) + 1)) return null;
  return DEVTAB_BASE.f.DevTabBase.address(words, at) + DTE_BYTES * sid;
}

/**
 * What requests of a device meet while the IOMMU is on. An entry has GV only where guest translation is on.
 *
 * UNMODELLED: entries that allow only one of reading and writing untranslated, which block the device.
 */
export function bindingOf(registers: RegisterFile, memory: KernelMemory, sid: number): DeviceBinding {
  const at = entryAddress(registers, sid);
  if (at === null) return "block";
  const entry = readWords(memory, at, DTE.bits / 32);
  const { f } = DTE;
  if (f.V.get(entry, 0) === 0) return "pass";
  if (f.TV.get(entry, 0) === 0) return "block";
  if (registers.get("CONTROL", "GTEn") === 0) f.GV.set(entry, 0, 0);
  if (f.GV.get(entry, 0) === 1 || f.Mode.get(entry, 0) !== 0) return entry;
  return f.IR.get(entry, 0) === 1 && f.IW.get(entry, 0) === 1 ? "pass" : "block";
}
