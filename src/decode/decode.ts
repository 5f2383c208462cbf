/**
 * Recognise and decode pasted text. Works in time linear in the length of the text and never throws for any text.
 */
import { readAmdCommands } from "./amdvi/command_buffer.ts";
import { readAmdEvents, readCompletionTimeouts } from "./amdvi/events.ts";
import { readAmdRegisters } from "./amdvi/registers.ts";
import { readAmdTables } from "./amdvi/tables.ts";
import type { DecodedEntry } from "./entry.ts";
import { findHexWords } from "./hex_words.ts";
import { type LogLine, logLines } from "./lines.ts";
import { LogText } from "./log_text.ts";
import { findRefusals } from "./refuse.ts";
import { eventsInDump, likelyKinds } from "./smmuv3/bare_words.ts";
import { readSmmuv3Log } from "./smmuv3/log.ts";
import { readQemuSmmuv3Trace } from "./smmuv3/qemu_trace.ts";
import { readSuppressed } from "./suppressed.ts";
import { readFaultStatus, readVtdFaults } from "./vtd/faults.ts";
import { readQemuVtd } from "./vtd/qemu.ts";
import { readVtdQueue } from "./vtd/queue.ts";
import { readVtdRegisters } from "./vtd/regset.ts";
import { readVtdTables } from "./vtd/tables.ts";

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

/** What looks for reports of its own kind; none takes a line from another. */
const READERS: readonly ((lines: readonly LogLine[], log: LogText) => readonly DecodedEntry[])[] = [
  readSmmuv3Log,
  readQemuSmmuv3Trace,
  (_, log) => readFaultStatus(log),
  (_, log) => readVtdFaults(log),
  (_, log) => readVtdQueue(log),
  (_, log) => readVtdTables(log),
  (_, log) => readVtdRegisters(log),
  (_, log) => readQemuVtd(log),
  (_, log) => readAmdEvents(log),
  (_, log) => readCompletionTimeouts(log),
  (_, log) => readAmdTables(log),
  (_, log) => readAmdCommands(log),
  (_, log) => readAmdRegisters(log),
  readSuppressed,
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
  const log = new LogText(lines);
  const reports: DecodedEntry[] = READERS.flatMap((read) => read(lines, log));
  let dump: FoundWords | null = null;
  if (reports.length === 0) {
    const words = findHexWords(source);
    if (words !== null) {
      dump = { words: words.words, kinds: likelyKinds(words) };
      reports.push(...(eventsInDump(words) ?? []));
    }
  }
  const entries = [...reports, ...findRefusals(lines, reports.length > 0)];
  entries.sort((a, b) => a.lines[0] - b.lines[0]);
  if (entries.length === 0) {
    notes.push(
      dump !== null
        ? "These words are no event record; choose what to read them as."
        : "No IOMMU event was recognised in this text.",
    );
  }
  return { entries, notes, dump };
}
