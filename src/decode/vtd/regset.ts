/**
 * Registers of VT-d units as the debugfs file `iommu_regset` prints them: a heading for each unit, then name, offset and
 * contents. VT-d specification §11.4.
 */
import { hex, hexWide } from "../entry.ts";
import type { LogText } from "../log_text.ts";
import { fieldReader, setFields, structureOf } from "../printed_fields.ts";
import type { VtdRegisterEntry, VtdRegistersEntry } from "./entries.ts";
import { vtdRegister } from "./structure_kinds.ts";

const HEADING = /\bIOMMU: (\S{1,32}) Register Base Address: (?:0x)?([0-9a-f]{1,16})\b/gi;
const ROW = /^ {0,8}([A-Z][A-Z0-9_]{1,31}) {1,60}0x([0-9a-f]{1,4}) {1,60}0x([0-9a-f]{1,16}) *$/gm;

/** Most rows of one paste that become entries; a unit of a kernel has about 60. */
const MAX_ROWS = 4096;
/** Bytes of a page of the invalidation queue. */
const PAGE = 4096n;

/** Registers under a heading; those before the first have none, as in a paste whose beginning is missing. */
interface Unit {
  readonly name: string | null;
  readonly base: string | null;
  readonly rows: VtdRegisterEntry[];
  readonly heading: readonly [first: number, last: number];
}

function registerEntry(m: RegExpMatchArray, unit: string | null, lines: readonly [number, number]): VtdRegisterEntry {
  const [, name = "", offset = "", digits = ""] = m;
  const layout = vtdRegister(name)?.layout;
  const value = BigInt(`0x${digits}`);
  const what = layout === undefined ? ["no fields are declared of it"] : setFields(structureOf(layout, [value]));
  return {
    type: "vtd-register",
    unit,
    name,
    offset: hex(Number.parseInt(offset, 16)),
    value: hex(value),
    words: [hexWide(value, 16)],
    lines,
    summary: `${name}${unit === null ? "" : ` of ${unit}`} is ${hex(value)}${what.length === 0 ? "" : `: ${what.join(", ")}`}.`,
  };
}

/** A row without heading is one only where name and offset are those of a register. */
const isKnown = (m: RegExpMatchArray): boolean => vtdRegister(m[1]!)?.offset === Number.parseInt(m[2]!, 16);

function unitsOf(log: LogText): Unit[] {
  const headings = [...log.text.matchAll(HEADING)];
  const units = headings.map((m): Unit => {
    const heading = log.span(m.index, m.index + m[0].length);
    return { name: m[1]!, base: hex(BigInt(`0x${m[2]!}`)), rows: [], heading };
  });
  const beheaded: Unit = { name: null, base: null, rows: [], heading: [1, 1] };
  let next = 0;
  let left = MAX_ROWS;
  for (const m of log.text.matchAll(ROW)) {
    while (next < headings.length && headings[next]!.index < m.index) next++;
    const unit = units[next - 1] ?? beheaded;
    if (unit === beheaded && !isKnown(m)) continue;
    if (left-- === 0) break;
    unit.rows.push(registerEntry(m, unit.name, log.span(m.index, m.index + m[0].length)));
  }
  return [beheaded, ...units].filter(({ rows }) => rows.length > 0);
}

/** Descriptors between head and tail, §6.5.1; null where a register of the queue is missing. */
function waiting(field: (register: string, name: string) => bigint | null): number | null {
  const [head, tail, wide, pages] = [field("IQH", "QH"), field("IQT", "QT"), field("IQA", "DW"), field("IQA", "QS")];
  if (head === null || tail === null || wide === null || pages === null) return null;
  const bytes = PAGE << pages;
  return Number(((tail - head + bytes) % bytes) / (wide === 1n ? 32n : 16n));
}

const MODES = ["legacy", "scalable", "reserved", "abort-DMA"] as const;

/** What the registers of a unit say together. */
function unitEntry({ name, base, rows, heading }: Unit): VtdRegistersEntry {
  const values = new Map(rows.map((row) => [row.name, BigInt(row.value)]));
  const field = (register: string, fieldName: string): bigint | null => {
    const value = values.get(register);
    const layout = vtdRegister(register)?.layout;
    return value === undefined || layout === undefined ? null : fieldReader(layout, [value])(fieldName);
  };
  const flag = (register: string, fieldName: string): boolean | null => {
    const value = field(register, fieldName);
    return value === null ? null : value === 1n;
  };
  const mode = field("RTADDR", "TTM");
  const root = field("RTADDR", "RTA");
  const entry = {
    type: "vtd-registers",
    unit: name,
    base,
    registers: Object.fromEntries(rows.map((row) => [row.name, row.value])),
    translating: flag("GSTS", "TES"),
    mode: mode === null ? null : MODES[Number(mode)]!,
    root_table: root === null ? null : hex(root),
    interrupts_remapped: flag("GSTS", "IRES"),
    descriptors_waiting: waiting(field),
    lines: name === null ? rows[0]!.lines : heading,
  } as const;
  return { ...entry, summary: `${name ?? "A unit"}, ${rows.length} registers: ${unitSentence(entry)}.` };
}

function unitSentence(e: Omit<VtdRegistersEntry, "summary">): string {
  const told: string[] = [];
  if (e.translating !== null) told.push(e.translating ? "requests are translated" : "requests are not translated");
  if (e.mode !== null) told.push(`${e.mode} mode, root table at ${e.root_table}`);
  if (e.interrupts_remapped !== null) told.push(`interrupts are ${e.interrupts_remapped ? "" : "not "}remapped`);
  if (e.descriptors_waiting !== null) {
    const { descriptors_waiting: n } = e;
    told.push(n === 0 ? "the invalidation queue is worked off" : `${n} descriptors wait in the invalidation queue`);
  }
  return told.join("; ") || "none of them tells what it does";
}

/** Registers of a log: what each unit's say together, then one by one. */
export function readVtdRegisters(log: LogText): (VtdRegistersEntry | VtdRegisterEntry)[] {
  return unitsOf(log).flatMap((unit) => [unitEntry(unit), ...unit.rows]);
}
