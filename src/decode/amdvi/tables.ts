/**
 * Device table entries of AMD-Vi as Linux prints them: word by word beside an event, or a row of the debugfs file
 * `devtbl`. AMD IOMMU specification 48882 §2.2.2.2 (device table entry).
 */
import type { LogText } from "../log_text.ts";
import { dteEntry } from "./dte.ts";
import type { AmdDteEntry } from "./entries.ts";

const WORD = /\bDTE\[([0-3])\]: (?:0x)?([0-9a-f]{16})\b/gi;
/** Words of one entry stand this close together, in characters. */
const REACH = 200;

function printedWords(log: LogText): AmdDteEntry[] {
  const matches = [...log.text.matchAll(WORD)];
  const groups: RegExpExecArray[][] = [];
  for (const m of matches) {
    const group = groups.at(-1);
    const last = group?.at(-1);
    if (last === undefined || m.index - last.index > REACH || Number(m[1]!) <= Number(last[1]!)) groups.push([m]);
    else group!.push(m);
  }
  return groups.map((group) => {
    const words = Array.from({ length: 4 }, (_, i) => BigInt(`0x${group.find((m) => m[1] === String(i))?.[2] ?? "0"}`));
    const last = group.at(-1)!;
    return dteEntry(words, {}, log.span(group[0]!.index, last.index + last[0].length));
  });
}

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

/** Every device table entry of a log. */
export function readDeviceTableEntries(log: LogText): AmdDteEntry[] {
  return [...printedWords(log), ...rows(log)];
}
