/**
 * Brings what translation reads of the registers up to date with them. 48882 revision 3.10, chapter 3.
 */
import { DEVTAB_BASE, DEVTAB_SEGMENTS } from "../../arch/amdvi/buffer_registers.ts";
import type { RegisterFile } from "../common/register_file.ts";
import type { Controls } from "./controls.ts";

/** Entries in 4 KiB of a device table. */
const ENTRIES_LG2 = 7;
const NAMES = [DEVTAB_BASE.name, ...DEVTAB_SEGMENTS.map((layout) => layout.name)];

/** Read CONTROL, the device table and the exclusion range into `controls`. */
export function loadControls(registers: RegisterFile, controls: Controls): void {
  const on = (field: string): boolean => registers.get("CONTROL", field) !== 0;
  controls.iommuEn = on("IommuEn");
  controls.gtEn = on("GTEn");
  controls.pprEn = on("PPREn");
  controls.gaEn = on("GAEn");
  controls.gcr3TrpMode = on("GCR3TRPMode");
  controls.gaUpdateDis = on("GAUpdateDis");
  controls.gdUpdateDis = on("GDUpdateDis");
  loadSegments(registers, controls);
  loadExclusion(registers, controls);
}

function loadSegments(registers: RegisterFile, controls: Controls): void {
  const { words } = registers;
  const offered = registers.get("EFR", "DevTblSegSup");
  controls.segmentsLg2 = Math.min(registers.get("CONTROL", "DevTblSegEn"), offered);
  for (const [segment, name] of NAMES.entries()) {
    const at = registers.at(name);
    controls.segmentHi[segment] = words[at + 1]! & 0xfffff;
    controls.segmentLo[segment] = words[at]! & ~0xfff;
    controls.segmentEntries[segment] = (registers.get(name, "Size") + 1) << ENTRIES_LG2;
  }
}

function loadExclusion(registers: RegisterFile, controls: Controls): void {
  const { words } = registers;
  const [base, limit] = [registers.at("EXCL_BASE"), registers.at("EXCL_LIMIT")];
  controls.exclEn = registers.get("EXCL_BASE", "ExEn") !== 0;
  controls.exclAllow = registers.get("EXCL_BASE", "Allow") !== 0;
  controls.exclBaseHi = words[base + 1]! & 0xfffff;
  controls.exclBaseLo = words[base]! & ~0xfff;
  controls.exclLimitHi = words[limit + 1]! & 0xfffff;
  controls.exclLimitLo = words[limit]! | 0xfff;
}
