/**
 * A device table entry of AMD-Vi taken apart for an entry. AMD IOMMU specification 48882 §2.2.2.1.
 */
import { DTE } from "../../arch/amdvi/dte.ts";
import { hex } from "../entry.ts";
import { fieldReader } from "../printed_fields.ts";
import type { AmdDteEntry } from "./entries.ts";

/** Fields that are told as plain numbers. */
const NUMBERS = ["V", "TV", "HAD", "Mode", "PPR", "GIoV", "GV", "GLX", "IR", "IW", "IV", "IntTabLen", "IG", "IntCtl"];

/** What the entry makes of the device's requests. */
function about(f: (name: string) => bigint, gcr3: bigint): string {
  if (f("V") === 0n) return "requests pass untranslated";
  if (f("TV") === 0n) return "its translation information is not valid";
  const host =
    f("Mode") === 0n ? "no host tables" : `host tables of ${f("Mode")} levels at ${hex(f("HostPageTableRootPtr"))}`;
  return f("GV") === 1n ? `guest tables by GCR3 at ${hex(gcr3)}, ${host}` : host;
}

/**
 * Take an entry apart.
 * @param words four, lowest first
 * @param from what the text says of where it stood
 */
export function dteEntry(
  words: readonly bigint[],
  from: { readonly device?: string; readonly unit?: string },
  lines: readonly [first: number, last: number],
): AmdDteEntry {
  const f = fieldReader(DTE, words);
  const gcr3 = (f("GCR3TRP_14_12") << 12n) | (f("GCR3TRP_30_15") << 15n) | (f("GCR3TRP_51_31") << 31n);
  return {
    type: "amd-dte",
    words: words.map((word) => word.toString(16).padStart(16, "0")),
    ...Object.fromEntries(NUMBERS.map((name) => [name, Number(f(name))])),
    host_table: hex(f("HostPageTableRootPtr")),
    DomainID: hex(f("DomainID")),
    IOTLB: Number(f("I")),
    gcr3: hex(gcr3),
    int_table: hex(f("InterruptTableRootPtr")),
    ...from,
    lines,
    summary: `Device table entry${from.device === undefined ? "" : ` of ${from.device}`}: ${about(f, gcr3)}.`,
  };
}
