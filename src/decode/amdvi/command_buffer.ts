/**
 * Commands of AMD-Vi as Linux prints them: the debugfs file `cmdbuf`, and the command that an ILLEGAL_COMMAND_ERROR
 * points to, word by word. AMD IOMMU specification 48882 §2.4.
 */
import { COMMAND_WORDS, commandOf } from "../../arch/amdvi/commands.ts";
import { join } from "../../base/halves.ts";
import { decodeAs } from "../decode_as.ts";
import { hexWide } from "../entry.ts";
import type { LogText } from "../log_text.ts";
import { halvesOf, setFields } from "../printed_fields.ts";
import type { AmdCommandBufferEntry, AmdCommandEntry } from "./entries.ts";
import { type NumberedWord, numberedWords } from "./numbered_words.ts";

const HEADING = /\bCMD Buffer Head Offset: ?(\d{1,5}) {1,4}Tail Offset: ?(\d{1,5})\b/gi;
const ROW = /^ {0,8}(\d{1,5}): ([0-9a-f]{8}) ([0-9a-f]{8}) ([0-9a-f]{8}) ([0-9a-f]{8}) *$/gim;
/** Most rows of one paste that become entries; a kernel's buffer has 512. */
const MAX_ROWS = 4096;

type Lines = readonly [first: number, last: number];

interface Row {
  readonly index: number;
  readonly words: readonly bigint[];
  readonly lines: Lines;
}

/** 32-bit words as printed, lowest first, as words of 64 bits. */
function joined(digits: readonly string[]): bigint[] {
  const halves = digits.map((d) => Number.parseInt(d, 16));
  return Array.from({ length: COMMAND_WORDS / 2 }, (_, i) => join(halves[2 * i + 1] ?? 0, halves[2 * i] ?? 0));
}

const empty = ({ words }: Row): boolean => words.every((word) => word === 0n);

function commandEntry(where: string, words: readonly bigint[], waiting: boolean | null, lines: Lines): AmdCommandEntry {
  const definition = commandOf(halvesOf(words, 32 * COMMAND_WORDS));
  const read = decodeAs(words, "amd-command");
  const reserved = read.ok && read.reservedSet.length > 0;
  const operands = read.ok && definition !== undefined ? setFields(read).filter((f) => !f.startsWith("Opcode ")) : [];
  const state = waiting === null ? "" : waiting ? ", which waits" : ", which is carried out";
  const what = definition === undefined ? "an opcode that is reserved" : definition.name;
  return {
    type: "amd-command",
    where,
    command: definition?.name ?? null,
    operands,
    waiting,
    reserved_set: reserved,
    words: words.map((word) => hexWide(word, 16).slice(2)),
    lines,
    summary: `Command ${where}${state}: ${[what, ...operands].join(", ")}${reserved ? "; reserved bits are set" : ""}.`,
  };
}

/** Whether a slot lies from `head` up to but not including `tail`. */
const between = (head: number, tail: number, index: number): boolean =>
  head <= tail ? head <= index && index < tail : head <= index || index < tail;

/** Rows that no heading stands over are commands only where all of them can be. */
function areCommands(rows: readonly Row[]): boolean {
  const used = rows.filter((row) => !empty(row));
  const follows = rows.every(({ index }, i) => i === 0 || index === rows[i - 1]!.index + 1);
  return rows.length > 1 && used.length > 0 && follows && used.every(({ words }) => isLegal(words));
}

function isLegal(words: readonly bigint[]): boolean {
  const read = decodeAs(words, "amd-command");
  return commandOf(halvesOf(words, 32 * COMMAND_WORDS)) !== undefined && read.ok && read.reservedSet.length === 0;
}

function bufferEntry(head: number, tail: number, rows: readonly Row[], lines: Lines): AmdCommandBufferEntry {
  const wrapped = tail < head && rows.length > 0 ? Math.max(...rows.map(({ index }) => index)) + 1 : 0;
  const waiting = tail < head && wrapped <= head ? null : tail - head + wrapped;
  const says =
    head === tail ? "all of it is carried out" : `${waiting ?? "some"} command${waiting === 1 ? " waits" : "s wait"}`;
  return {
    type: "amd-cmdbuf",
    head,
    tail,
    waiting,
    lines,
    summary: `The command buffer is read at ${head} and written at ${tail}: ${says}.`,
  };
}

function debugfs(log: LogText): (AmdCommandBufferEntry | AmdCommandEntry)[] {
  const headings = [...log.text.matchAll(HEADING)];
  const parts: Row[][] = Array.from({ length: headings.length + 1 }, () => []);
  let next = 0;
  let left = MAX_ROWS;
  for (const m of log.text.matchAll(ROW)) {
    while (next < headings.length && headings[next]!.index < m.index) next++;
    if (left-- === 0) break;
    const lines = log.span(m.index, m.index + m[0].length);
    parts[next]!.push({ index: Number(m[1]!), words: joined(m.slice(2)), lines });
  }
  const [beheaded = [], ...files] = parts;
  const alone = areCommands(beheaded) ? beheaded.filter((row) => !empty(row)) : [];
  const told = headings.flatMap((m, i) => {
    const [head, tail, rows] = [Number(m[1]!), Number(m[2]!), files[i]!];
    const shown = rows.filter((row) => !empty(row) || between(head, tail, row.index));
    return [
      bufferEntry(head, tail, rows, log.span(m.index, m.index + m[0].length)),
      ...shown.map(({ index, words, lines }) => commandEntry(String(index), words, between(head, tail, index), lines)),
    ];
  });
  return [...alone.map(({ index, words, lines }) => commandEntry(String(index), words, null, lines)), ...told];
}

const WORD = /\bCMD\[([0-3])\]: (?:0x)?([0-9a-f]{8})\b/gi;

const refused = (log: LogText): AmdCommandEntry[] =>
  numberedWords(log, WORD, COMMAND_WORDS).map(({ digits, lines }: NumberedWord) =>
    commandEntry("at fault", joined(digits), null, lines),
  );

/** Every command of a log, and the buffers that they stand in. */
export function readAmdCommands(log: LogText): (AmdCommandBufferEntry | AmdCommandEntry)[] {
  return [...debugfs(log), ...refused(log)];
}
