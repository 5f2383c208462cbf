/**
 * Recognise and decode pasted text. Works in time linear in the length of the text and never throws for any text.
 */
import type { DecodedEntry } from "./entry.ts";
import { findHexWords } from "./hex_words.ts";
import { logLines } from "./lines.ts";
import { findRefusals } from "./refuse.ts";
import { eventsInDump, likelyKinds } from "./smmuv3/bare_words.ts";
import { readSmmuv3Log } from "./smmuv3/log.ts";
import { readQemuSmmuv3Trace } from "./smmuv3/qemu_trace.ts";

/** Characters that are looked at; the rest of a longer paste is left out, with a note. */
export const MAX_INPUT = 4 * 1024 * 1024;

/** A dump of words that stands alone, and what it may be. */
interface FoundWords {
  /** 64-bit words, lowest first. */
  readonly words: readonly bigint[];
  /** Kinds for `decodeAs`, the likeliest first. */
  readonly kinds: readonly string[];
}

/** What a text was decoded to. */
export interface DecodeResult {
  /** Entries in the order in which they begin in the text. */
  readonly entries: readonly DecodedEntry[];
  /** Remarks for the reader, whole sentences. */
  readonly notes: readonly string[];
  /** Set where the text is a dump of words. */
  readonly dump: FoundWords | null;
}

/** Faults of architectures that are recognised but not decoded: both patterns in one message. */
const NOT_YET: readonly (readonly [name: string, RegExp, RegExp])[] = [
  ["VT-d", /\b(?:DMAR|DRHD)\b/, /\bfault reason\b|\bfault addr\b|\bRequest device\b|\bhandling fault status\b/],
  ["AMD-Vi", /\bAMD-Vi: /, /\bEvent logged\b|\bIO_PAGE_FAULT\b/],
];

/** Decode a paste. */
export function decode(text: string): DecodeResult {
  const notes: string[] = [];
  let source = text;
  if (source.length > MAX_INPUT) {
    source = source.slice(0, MAX_INPUT);
    notes.push(`The text is longer than ${MAX_INPUT} characters; what follows was left out.`);
  }
  const lines = logLines(source);
  const reports: DecodedEntry[] = [...readSmmuv3Log(lines), ...readQemuSmmuv3Trace(lines)];
  let dump: FoundWords | null = null;
  if (reports.length === 0) {
    const words = findHexWords(source);
    if (words !== null) {
      dump = { words: words.words, kinds: likelyKinds(words) };
      reports.push(...(eventsInDump(words) ?? []));
    }
  }
  const other = NOT_YET.filter(([, a, b]) => lines.some((l) => a.test(l.text) && b.test(l.text))).map(([name]) => name);
  for (const name of other) notes.push(`The text holds faults of ${name}, which are not decoded.`);
  const entries = [...reports, ...findRefusals(lines, reports.length > 0 || other.length > 0)];
  entries.sort((a, b) => a.lines[0] - b.lines[0]);
  if (entries.length === 0 && other.length === 0) {
    notes.push(
      dump !== null
        ? "These words are no event record; choose what to read them as."
        : "No IOMMU event was recognised in this text.",
    );
  }
  return { entries, notes, dump };
}
