/**
 * Tables of Intel VT-d as Linux prints them: the dump that goes with a fault, and the debugfs files
 * `dmar_translation_struct`, `domain_translation_struct` and `ir_translation_struct`. VT-d specification §9.1 to §9.11.
 */
import { pagingEntryLayout } from "../../arch/vtd/paging_entries.ts";
import type { PagingLevel } from "../../arch/vtd/paging_names.ts";
import { hex } from "../entry.ts";
import type { LogText } from "../log_text.ts";
import { fieldReader } from "../printed_fields.ts";
import type { VtdStructureEntry } from "./entries.ts";
import {
  contextEntry,
  interruptEntry,
  type PrintedPlace,
  pasidDirectoryEntry,
  pasidEntry,
  rootEntry,
} from "./structures.ts";

const WORD = "(0x[0-9a-f]{1,16})";

const ROOT = new RegExp(`\\b(scalable mode )?root entry: (?:hi ${WORD}, low ${WORD}|${WORD})`, "gi");
const CONTEXT = new RegExp(`\\bcontext entry: hi ${WORD}, low ${WORD}`, "gi");
const DIRECTORY = new RegExp(`\\bpasid dir entry: ${WORD}`, "gi");
const PASID_WORD = new RegExp(`\\bpasid table entry\\[([0-7])\\]: ${WORD}`, "gi");
const LEVEL = new RegExp(`\\bpte level: ([1-6]), pte value: ${WORD}`, "gi");

/** Words of one PASID entry stand this close together, in characters. */
const ENTRY_REACH = 400;

const big = (printed: string | undefined): bigint => BigInt(printed ?? "0x0");

/** Index of the last match that begins before place `at`; -1 where there is none. Matches are in ascending order. */
function lastBefore(matches: readonly RegExpMatchArray[], at: number): number {
  let [low, high] = [-1, matches.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (matches[middle]!.index! < at) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The mode that the nearest root entry before place `at` was printed for. */
const scalableAt = (roots: readonly RegExpMatchArray[], at: number): boolean =>
  roots[lastBefore(roots, at)]?.[1] !== undefined;

/** Groups of matches whose words belong to one entry: a new one begins with word 0, or far from the last. */
function groups(matches: readonly RegExpMatchArray[], starts: (m: RegExpMatchArray) => boolean): RegExpMatchArray[][] {
  const out: RegExpMatchArray[][] = [];
  for (const m of matches) {
    const last = out.at(-1)?.at(-1);
    const first = starts(m);
    if (last === undefined || first || m.index! - last.index! > ENTRY_REACH) out.push([m]);
    else out.at(-1)!.push(m);
  }
  return out;
}

/** The dump of the tables that lead to a faulting address. */
function dump(log: LogText): VtdStructureEntry[] {
  const { text } = log;
  const span = (m: RegExpMatchArray, last = m) => log.span(m.index!, last.index! + last[0].length);
  const roots = [...text.matchAll(ROOT)];
  const entries = roots.map((m) => rootEntry(big(m[2]), big(m[3] ?? m[4]), span(m)));
  for (const m of text.matchAll(CONTEXT)) {
    entries.push(contextEntry(scalableAt(roots, m.index), big(m[1]), big(m[2]), span(m)));
  }
  for (const m of text.matchAll(DIRECTORY)) entries.push(pasidDirectoryEntry(big(m[1]), span(m)));
  for (const words of groups([...text.matchAll(PASID_WORD)], (m) => m[1] === "0")) {
    const values = Array.from({ length: 8 }, (_, i) => big(words.find((m) => m[1] === String(i))?.[2]));
    entries.push(pasidEntry(values, span(words[0]!, words.at(-1))));
  }
  let above = 0;
  const falls = (m: RegExpMatchArray): boolean => {
    const level = Number(m[1]!);
    const starts = level >= above;
    above = level;
    return starts;
  };
  for (const walk of groups([...text.matchAll(LEVEL)], falls)) {
    const levels = walk.map((m) => ({ level: Number(m[1]!), pte: hex(big(m[2])) }));
    entries.push({
      type: "vtd-walk",
      levels,
      lines: span(walk[0]!, walk.at(-1)),
      summary: `The kernel walked ${levels.length} levels, down to level ${levels.at(-1)!.level}: ${levels.at(-1)!.pte}.`,
    });
  }
  return entries;
}

const PAIR = "(0x[0-9a-f]{16}):(0x[0-9a-f]{16})";
const HEADING = /(?:\bIOMMU (\S{1,32}): )?\bRoot Table Address: ?(0x[0-9a-f]{1,16})/g;
const ROW = new RegExp(`^ {0,8}([0-9a-f]{2}:[0-9a-f]{2}\\.[0-7]) {1,16}${PAIR}(?: {1,16}${PAIR})?`, "gm");
const CONTEXT_ROW = new RegExp(`^ {0,8}${PAIR} {0,16}$`, "gm");
const PASID_ROW = new RegExp(`(?:^ {0,8}| )(-1|\\d{1,7}) {1,16}(0x[0-9a-f]{16}):${PAIR}`, "gm");

/** Rows of one root table as entries: a root entry once for a bus, the others once for a row. */
function translationRows(log: LogText, from: number, end: number, unit: PrintedPlace): VtdStructureEntry[] {
  const part = log.text.slice(from, end);
  const span = (m: RegExpMatchArray) => log.span(from + m.index!, from + m.index! + m[0].length);
  const rows = [...part.matchAll(ROW)];
  const contexts = [...part.matchAll(CONTEXT_ROW)];
  const pasids = [...part.matchAll(PASID_ROW)];
  const entries: VtdStructureEntry[] = [];
  let root = "";
  rows.forEach((row, i) => {
    const words = `${row[1]!.slice(0, 2)} ${row[2]}:${row[3]}`;
    if (words !== root) {
      entries.push(rootEntry(big(row[2]), big(row[3]), span(row), { ...unit, bus: row[1]!.slice(0, 2) }));
    }
    root = words;
    const place = { ...unit, requester: row[1]! };
    const context = row[4] !== undefined ? row : contexts[i];
    const next = rows[i + 1]?.index ?? part.length;
    const own =
      rows.length === pasids.length
        ? pasids.slice(i, i + 1)
        : pasids.slice(lastBefore(pasids, row.index) + 1, lastBefore(pasids, next) + 1);
    const scalable = own.some((p) => p[1] !== "-1");
    if (context !== undefined) {
      const [hi, lo] = context === row ? [row[4], row[5]] : [context[1], context[2]];
      entries.push(contextEntry(scalable, big(hi), big(lo), span(context), place));
    }
    for (const p of own) {
      if (p[1] === "-1") continue;
      const words = [big(p[4]), big(p[3]), big(p[2])];
      entries.push(pasidEntry(words, span(p), { ...place, pasid: hex(Number(p[1])) }));
    }
  });
  return entries;
}

function translationFile(log: LogText): VtdStructureEntry[] {
  const headings = [...log.text.matchAll(HEADING)];
  return headings.flatMap((m, i) => {
    const unit = { ...(m[1] === undefined ? {} : { unit: m[1] }), root_table: hex(big(m[2])) };
    return translationRows(log, m.index + m[0].length, headings[i + 1]?.index ?? log.text.length, unit);
  });
}

const DEVICE =
  /\bDevice ([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])(?: with pasid (?:0x)?([0-9a-f]{1,5}))? @(0x[0-9a-f]{1,16})/g;
const COLUMNS = /^[ |]*((?:IOVA_PFN|PML5E|PML4E|PDPE|PDE|PTE)(?: {1,40}(?:PML5E|PML4E|PDPE|PDE|PTE)){0,5}) *$/gm;
const CELLS = /^ {0,8}(?:(0x[0-9a-f]{1,16}) \| {1,8})?(0x[0-9a-f]{16}(?: {1,16}0x[0-9a-f]{16}){0,4}) *$/gm;

/** Level of the entries in each column. */
const COLUMN_LEVELS: Readonly<Record<string, PagingLevel>> = { PTE: 1, PDE: 2, PDPE: 3, PML4E: 4, PML5E: 5 };
/** Most rows of one file that become entries. */
const MAX_ROWS = 4096;

/** Rows of a domain's tables: blocks of columns, which a document may have torn apart, joined by their order. */
function walkRows(log: LogText, device: RegExpMatchArray, end: number): VtdStructureEntry[] {
  const from = device.index! + device[0].length;
  const part = log.text.slice(from, end);
  const headings = [...part.matchAll(COLUMNS)];
  const rows: { cells: Map<string, bigint>; pfn: bigint | null; at: number; to: number }[] = [];
  let row = 0;
  let heading = -1;
  for (const m of part.matchAll(CELLS)) {
    const current = lastBefore(headings, m.index);
    if (current !== heading) row = headings[current]?.[1]?.startsWith("IOVA_PFN") === true ? rows.length : 0;
    heading = current;
    const names = (headings[current]?.[1] ?? "IOVA_PFN PML5E PML4E PDPE PDE PTE")
      .split(/ +/)
      .filter((n) => n !== "IOVA_PFN");
    if (row >= MAX_ROWS) break;
    rows[row] ??= { cells: new Map(), pfn: null, at: from + m.index, to: from + m.index + m[0].length };
    const target = rows[row++]!;
    if (m[1] !== undefined) target.pfn = BigInt(m[1]);
    m[2]!.split(/ +/).forEach((cell, i) => {
      if (names[i] !== undefined) target.cells.set(names[i], BigInt(cell));
    });
    target.to = Math.max(target.to, from + m.index + m[0].length);
  }
  return rows.flatMap(({ cells, pfn, at, to }) => {
    if (pfn === null) return [];
    const leaf = [...cells].findLast(([, value]) => value !== 0n);
    const keys = [...cells]
      .filter(([, value]) => value !== 0n)
      .map(([name, value]) => [name.toLowerCase(), hex(value)]);
    const iova = pfn << 12n;
    const [column, value] = leaf ?? ["PTE", 0n];
    const f = fieldReader(pagingEntryLayout(2, COLUMN_LEVELS[column]!, true), [value]);
    return [
      {
        type: "vtd-debugfs-walk" as const,
        device: device[1]!,
        pasid: device[2] === undefined ? null : hex(BigInt(`0x${device[2]}`)),
        top: hex(big(device[3])),
        iova: hex(iova),
        ...Object.fromEntries(keys),
        page: hex(f("ADDR")),
        read: f("R") === 1n,
        write: f("W") === 1n,
        snoop_bit: f("SNP") === 1n,
        lines: log.span(at, to),
        summary: `${device[1]} reaches ${hex(f("ADDR"))} at IOVA ${hex(iova)}.`,
      },
    ];
  });
}

function domainFile(log: LogText): VtdStructureEntry[] {
  const devices = [...log.text.matchAll(DEVICE)];
  return devices.flatMap((m, i) => walkRows(log, m, devices[i + 1]?.index ?? log.text.length));
}

/** A row of `ir_translation_struct`: index, requester, what the file took out of the entry, then the entry itself. */
const INTERRUPT =
  /^ {0,8}(\d{1,5}) {1,8}[0-9a-f]{2}:[0-9a-f]{2}\.[0-7] {1,4}[0-9a-f]{8}(?: [0-9a-f]{8})? [0-9a-f]{2} {1,8}([0-9a-f]{16}) {1,8}([0-9a-f]{16}) *$/gm;

const interrupts = (log: LogText): VtdStructureEntry[] =>
  [...log.text.matchAll(INTERRUPT)].slice(0, MAX_ROWS).map((m) => {
    const words = [BigInt(`0x${m[3]!}`), BigInt(`0x${m[2]!}`)];
    return interruptEntry(Number(m[1]!), words, log.span(m.index, m.index + m[0].length));
  });

/** Every structure that a log prints. */
export function readVtdTables(log: LogText): VtdStructureEntry[] {
  return [...dump(log), ...translationFile(log), ...domainFile(log), ...interrupts(log)];
}
