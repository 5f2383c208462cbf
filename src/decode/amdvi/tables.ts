/**
 * Table entries of AMD-Vi as Linux prints them: a device table entry word by word beside an event or as a row of the
 * debugfs file `devtbl`, interrupt entries in `irqtbl`. AMD IOMMU specification 48882 §2.2.2.2 (device table entry),
 * §2.2.5 (interrupts).
 */
import { IRTE, IRTE_128, IRTE_GUEST } from "../../arch/amdvi/irte.ts";
import { hexWide } from "../entry.ts";
import type { LogText } from "../log_text.ts";
import { setFields, structureOf } from "../printed_fields.ts";
import { dteEntry } from "./dte.ts";
import type { AmdDteEntry, AmdInterruptEntry } from "./entries.ts";
import { numberedWords } from "./numbered_words.ts";

const WORD = /\bDTE\[([0-3])\]: (?:0x)?([0-9a-f]{16})\b/gi;

const printedWords = (log: LogText): AmdDteEntry[] =>
  numberedWords(log, WORD, 4).map(({ digits, lines }) =>
    dteEntry(
      digits.map((word) => BigInt(`0x${word}`)),
      {},
      lines,
    ),
  );

const ROW =
  /^ {0,8}([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]) {1,8}([0-9a-f]{16}) ([0-9a-f]{16}) ([0-9a-f]{16}) ([0-9a-f]{16}) {1,8}(iommu\d{1,3})\b/gim;

/** Rows of `devtbl`: the highest word comes first. */
function rows(log: LogText): AmdDteEntry[] {
  return [...log.text.matchAll(ROW)].map((m) =>
    dteEntry(
      [m[5]!, m[4]!, m[3]!, m[2]!].map((word) => BigInt(`0x${word}`)),
      { device: m[1]!.toLowerCase(), unit: m[6]! },
      log.span(m.index, m.index + m[0].length),
    ),
  );
}

const INTERRUPT =
  /^ {0,8}(?:DeviceId ([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])|IRT\[(\d{1,5})\] {1,4}(?:([0-9a-f]{16}) ([0-9a-f]{16})|([0-9a-f]{8})))\b/gim;
/** Most rows of one paste that become entries; a device has 2048 interrupts at most. */
const MAX_ROWS = 4096;

/** Rows of `irqtbl`: 32 bits, or 128 of which the upper half comes first; a heading names their device. */
function interrupts(log: LogText): AmdInterruptEntry[] {
  let device: string | null = null;
  const entries: AmdInterruptEntry[] = [];
  for (const m of log.text.matchAll(INTERRUPT)) {
    device = m[1]?.toLowerCase() ?? device;
    if (m[2] === undefined) continue;
    if (entries.length === MAX_ROWS) break;
    const words = (m[5] === undefined ? [m[4]!, m[3]!] : [m[5]]).map((word) => BigInt(`0x${word}`));
    entries.push(interruptEntry(device, Number(m[2]), words, log.span(m.index, m.index + m[0].length)));
  }
  return entries;
}

function interruptEntry(
  device: string | null,
  index: number,
  words: readonly bigint[],
  lines: readonly [number, number],
): AmdInterruptEntry {
  const wide = words.length > 1;
  const host = structureOf(wide ? IRTE_128 : IRTE, words);
  const forGuest = wide && IRTE_128.f.GuestMode.get(host.words, 0) === 1;
  const entry = forGuest ? structureOf(IRTE_GUEST, words) : host;
  const remapped = IRTE.f.RemapEn.get(host.words, 0) === 1;
  return {
    type: "amd-irte",
    device,
    index,
    format: forGuest ? "guest virtual APIC" : wide ? "128 bits" : "32 bits",
    remapped,
    words: words.map((word) => hexWide(word, wide ? 16 : 8).slice(2)),
    lines,
    summary: `Interrupt ${index}${device === null ? "" : ` of ${device}`}: ${remapped ? setFields(entry).join(", ") : "it ends in a target abort, RemapEn is 0"}.`,
  };
}

/** Every table entry of a log. */
export function readAmdTables(log: LogText): (AmdDteEntry | AmdInterruptEntry)[] {
  return [...printedWords(log), ...rows(log), ...interrupts(log)];
}
