/** Numbers of a journal entry as they are read. */
import type { JournalEntry } from "../../protocol/journal.ts";
import { deedText } from "./deed_text.ts";

export const hexText = (value: number | bigint): string => `0x${value.toString(16)}`;

/** Deeds that move a value. */
const VALUED: ReadonlySet<JournalEntry["deed"]> = new Set([
  "memory read",
  "memory write",
  "register read",
  "register write",
  "trapped write",
]);

/** The 64-bit value that was read or written. */
function wholeValue({ valueHi, valueLo }: Pick<JournalEntry, "valueHi" | "valueLo">): bigint {
  return (BigInt(valueHi >>> 0) << 32n) | BigInt(valueLo >>> 0);
}

/** What was read or written; null where the deed has no value. */
export function valueText(entry: JournalEntry): string | null {
  return VALUED.has(entry.deed) ? hexText(wholeValue(entry)) : null;
}

/** What an entry is called, the longest first. */
export function entryNames(entry: JournalEntry): string[] {
  const { deed, about, at } = entry;
  const named = deedText(deed);
  if (deed === "intent" || deed === "ioctl" || deed === "sync") return [about, named].filter((name) => name !== "");
  const value = valueText(entry);
  const where = at < 0 ? about : `${about} ${hexText(at)}`;
  return [
    ...(value === null ? [] : [`${named}: ${where} = ${value}`]),
    ...(value === null ? [] : [`${where} = ${value}`]),
    `${named}: ${where}`,
    where,
    `${named}: ${about}`,
    about,
    named,
  ];
}
