/**
 * Reads the messages of the Linux SMMUv3 driver out of a log: event records, Command queue errors and timeouts,
 * global errors, overflows, dropped prints. Other lines may stand anywhere between them.
 */
import { commandByOpcode } from "../../arch/smmuv3/commands.ts";
import { CERROR, SMMU_GERROR } from "../../arch/smmuv3/control_registers.ts";
import { eventByName, eventByNumber } from "../../arch/smmuv3/events.ts";
import { type DecodedEntry, hex, hexWide, type Smmuv3CmdqEntry } from "../entry.ts";
import { deviceOf, type LogLine, namesDevice } from "../lines.ts";
import { continueWord, knownWord, type LogWord, takeWords, tokensOf, wordDigits, wordLine } from "../words.ts";
import { agrees, closeEvent, extend, type OpenEvent, openEvent } from "./open_event.ts";
import * as P from "./patterns.ts";

/** Most messages of other origin between two parts of one event. */
const REACH = 64;
/** Most messages that one wrapped line is spread over. */
const WRAP = 3;
/** How many events back decoded lines are matched. */
const LOOK_BACK = 8;
/** Devices whose events may wait for words at the same time. */
const MOST_OPEN = 16;

const STARTS = [P.HEADER, P.IDENTITY, P.CMDQ_ERROR, P.CMD_SKIPPED, P.SYNC_TIMEOUT, P.GERROR_START, P.AUTO_SUPPRESSING];

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface OpenCommand {
  readonly entry: Mutable<Smmuv3CmdqEntry>;
  readonly words: LogWord[];
  readonly at: number;
}

/** What is found, in order; events stay open to the end, as their parts may come late. */
type Item = { readonly event: OpenEvent } | { readonly entry: DecodedEntry };

/** Is the kernel's first decoded line complete, given how the next line starts? */
function identityEnds(text: string, next: string): boolean {
  if (/\b(?:ipa|fetch_addr): 0x[0-9a-fA-F]+/.test(text)) return true;
  return /\bsid: 0x/.test(text) && !text.endsWith(":") && !/^(?:client|sid|ssid|iova|ipa|fetch_addr):/.test(next);
}

class LogReader {
  readonly #lines: readonly LogLine[];
  readonly #items: Item[] = [];
  /** Events that may still get words, by device ("" where no device was named). */
  readonly #open = new Map<string, OpenEvent>();
  readonly #events: OpenEvent[] = [];
  #described: OpenEvent | null = null;
  #command: OpenCommand | null = null;
  #gerrorBits: readonly string[] = [];

  constructor(lines: readonly LogLine[]) {
    this.#lines = lines;
  }

  read(): DecodedEntry[] {
    for (let i = 0; i < this.#lines.length; ) i = this.#message(i);
    return this.#items.map((item) => ("event" in item ? closeEvent(item.event) : item.entry));
  }

  /** Deal with message `i`; returns the index of the next one. */
  #message(i: number): number {
    const text = this.#lines[i]!.text;
    if (text.length < 8) return i + 1;
    return (
      this.#header(i, text) ??
      this.#identity(i, text) ??
      this.#access(i, text) ??
      this.#commandQueue(i, text) ??
      this.#globalError(i, text) ??
      this.#autoSuppressed(i, text) ??
      this.#wordsLine(i, text) ??
      i + 1
    );
  }

  /** Message `i` and the lines it was wrapped to, as one text; `used` counts messages. */
  #joined(i: number, enough: (text: string, next: string) => boolean): { text: string; used: number } {
    let text = this.#lines[i]!.text;
    let used = 1;
    while (used < WRAP) {
      const next = this.#lines[i + used];
      if (next === undefined || next.stamped || enough(text, next.text) || namesDevice(next.text)) break;
      if (STARTS.some((p) => p.test(next.text))) break;
      text = `${text} ${next.text}`;
      used++;
    }
    return { text, used };
  }

  #push(entry: DecodedEntry): void {
    this.#items.push({ entry });
  }

  #span(i: number, used: number): [number, number] {
    return [this.#lines[i]!.line, this.#lines[i + used - 1]!.line];
  }

  #start(e: OpenEvent): void {
    this.#items.push({ event: e });
    this.#events.push(e);
    const key = e.device ?? "";
    this.#open.delete(key);
    this.#open.set(key, e);
    const oldest = this.#open.keys().next();
    if (this.#open.size > MOST_OPEN && !oldest.done) this.#open.delete(oldest.value);
  }

  // --- event records ---

  #header(i: number, text: string): number | null {
    const m = P.HEADER.exec(text);
    if (m === null) return null;
    const number = Number.parseInt(m[1]!, 16);
    const prefix = text.slice(0, m.index).trimEnd();
    const rest = text.slice(m.index + m[0].length);
    if (!this.#isHeader(i, number, prefix, rest)) return null;
    const device = prefix === "" ? null : deviceOf(prefix);
    const e = openEvent(device, number, this.#lines[i]!.line, i);
    this.#start(e);
    const { words, partial } = takeWords(tokensOf(rest.replace(/^[\s:]*(?:received)?[\s:]*/, "")));
    this.#addWords(e, words, words.length > 0 ? null : partial);
    return i + 1;
  }

  /** Is this a header of an SMMUv3 and not some other driver's event? */
  #isHeader(i: number, number: number, prefix: string, rest: string): boolean {
    const received = /^\s*received\b/.test(rest);
    if (prefix !== "" && !prefix.endsWith(":")) return false;
    if (received && (prefix === "" || /s?mmu/i.test(prefix))) return true;
    const torn = rest.trim() === "" && /s?mmu/i.test(prefix);
    if (!received && !torn) return false;
    for (let k = i + 1; k < Math.min(i + 8, this.#lines.length); k++) {
      const next = this.#lines[k]!.text;
      if (torn && /^received\b/.test(next)) return true;
      const w = wordLine(next)?.words[0];
      if (w !== undefined) return (w.known & 0xffn) === 0xffn && Number(w.value & 0xffn) === number;
    }
    return false;
  }

  #wordsLine(i: number, text: string): number | null {
    const { line } = this.#lines[i]!;
    for (const e of this.#open.values()) {
      if (e.partial === null || e.at !== i - 1) continue;
      const w = continueWord(e.partial, text);
      if (w === null) continue;
      e.partial = null;
      this.#addWords(e, [w], null);
      extend(e, line, i);
      return i + 1;
    }
    const found = wordLine(text);
    if (found === null) return null;
    if (this.#toCommand(i, found.words)) return i + 1;
    const e = this.#eventFor(i, text, found.device, found.words);
    if (e === null) return null;
    this.#addWords(e, found.words, found.partial);
    extend(e, line, i);
    return i + 1;
  }

  /** The event that words of `device` belong to; a new one where the header is missing. */
  #eventFor(i: number, text: string, device: string | null, words: readonly LogWord[]): OpenEvent | null {
    const waiting = (e: OpenEvent | undefined): e is OpenEvent =>
      e !== undefined && e.words.length < 4 && i - e.at <= REACH;
    const named = device === null ? undefined : (this.#open.get(device) ?? this.#open.get(""));
    if (waiting(named)) return named;
    if (device === null) {
      const newest = [...this.#open.values()].filter(waiting).sort((a, b) => b.at - a.at)[0];
      return newest ?? null;
    }
    const first = words[0];
    if (first === undefined || !/s?mmu/i.test(text)) return null;
    if ((first.known & 0xfffn) !== 0xfffn || (first.value & 0x700n) !== 0n) return null;
    if (eventByNumber(Number(first.value & 0xffn)) === undefined) return null;
    const e = openEvent(device, null, this.#lines[i]!.line, i);
    this.#start(e);
    return e;
  }

  #addWords(e: OpenEvent, words: readonly LogWord[], partial: string | null): void {
    for (const w of words) if (e.words.length < 4) e.words.push(w);
    e.partial = e.words.length < 4 ? partial : null;
    const key = e.device ?? "";
    if (e.words.length === 4 && this.#open.get(key) === e) this.#open.delete(key);
  }

  #identity(i: number, text: string): number | null {
    const m = P.IDENTITY.exec(text);
    if (m === null || (m[1] !== "UNKNOWN" && eventByName(m[1]!) === undefined)) return null;
    const prefix = text.slice(0, m.index).trimEnd();
    const { text: whole, used } = this.#joined(i, identityEnds);
    if (!/s?mmu/i.test(prefix) && !/\bclient: /.test(whole)) return null;
    const said = P.identityOf(whole)!;
    const device = prefix === "" ? null : deviceOf(prefix);
    let e = this.#events
      .slice(-LOOK_BACK)
      .reverse()
      .find(
        (x) => x.identity === null && (device === null || x.device === null || x.device === device) && agrees(x, said),
      );
    if (e === undefined) {
      e = openEvent(device, null, this.#lines[i]!.line, i);
      this.#items.push({ event: e });
      this.#events.push(e);
    }
    e.identity = said;
    // A retelling may put the class into the same line.
    e.access = P.accessOf(whole);
    for (let k = 0; k < used; k++) extend(e, this.#lines[i + k]!.line, i + k);
    this.#described = e;
    return i + used;
  }

  #access(i: number, text: string): number | null {
    const e = this.#described;
    if (!P.ACCESS.test(text) || e === null || i - e.at > REACH || e.access !== null) return null;
    const { text: whole, used } = this.#joined(i, (t) => /\bstag: 0x/.test(t));
    e.access = P.accessOf(whole);
    for (let k = 0; k < used; k++) extend(e, this.#lines[i + k]!.line, i + k);
    return i + used;
  }

  // --- Command queue ---

  #commandQueue(i: number, text: string): number | null {
    const error = P.CMDQ_ERROR.exec(text);
    if (error !== null) return this.#commandError(i, Number.parseInt(error[1]!, 16));
    if (P.CMD_SKIPPED.test(text)) {
      const entry = this.#command?.entry ?? this.#commandEntry(i, null);
      if (this.#command === null) this.#push(entry);
      this.#command = { entry, words: [], at: i };
      return i + 1;
    }
    if (!P.SYNC_TIMEOUT.test(text) && !P.CMDQ_TIMEOUT.test(text)) return null;
    const { text: whole, used } = this.#joined(i, (t) => /\bhwcons 0x/.test(t) || !/\btimeout at 0x/.test(t));
    const t = P.timeoutOf(whole);
    const left =
      t.hwprod === null || t.hwcons === null ? null : (Number(t.hwprod) & 0xfffff) - (Number(t.hwcons) & 0xfffff);
    this.#push({
      type: "smmuv3-cmdq-timeout",
      ...t,
      outstanding: left === null || left < 0 ? null : hex(left),
      lines: this.#span(i, used),
      summary: `The SMMU did not work off its Command queue in time${left !== null && left >= 0 ? `: ${left} entries were left` : ""}.`,
    });
    return i + used;
  }

  #commandEntry(i: number, cons: number | null): Mutable<Smmuv3CmdqEntry> {
    const err = cons === null ? null : (cons >>> 24) & 0x7f;
    const name = err === null ? null : (CERROR[err] ?? null);
    return {
      type: "smmuv3-cmdq",
      cons: cons === null ? null : hexWide(cons, 8),
      err,
      err_name: name,
      rd_with_wrap: cons === null ? null : hex(cons & 0xfffff),
      lines: this.#span(i, 1),
      summary: `The Command queue stopped with ${name ?? (err === null ? "an error" : `error code ${err}`)}.`,
    };
  }

  #commandError(i: number, cons: number): number {
    const { text, used } = this.#joined(i, (t) => /\(cons 0x[0-9a-fA-F]+\)\S*\s*\S/.test(t));
    const entry = this.#commandEntry(i, cons);
    entry.lines = this.#span(i, used);
    const said = P.CERROR_TEXTS.findIndex((p) => p.test(text));
    if (said >= 0 && said !== entry.err) entry.text_disagrees = true;
    this.#push(entry);
    this.#command = { entry, words: [], at: i };
    return i + used;
  }

  /** Words behind "skipping command in error state"; true when they were taken. */
  #toCommand(i: number, words: readonly LogWord[]): boolean {
    const c = this.#command;
    if (c === null || i - c.at > REACH || c.words.length >= 2) return false;
    const skipped = this.#lines.slice(c.at, i).some((l) => P.CMD_SKIPPED.test(l.text));
    if (!skipped) return false;
    c.words.push(...words.slice(0, 2 - c.words.length));
    c.entry.words = c.words.map(wordDigits);
    c.entry.lines = [c.entry.lines[0], this.#lines[i]!.line];
    const opcode = Number((c.words[0] ?? knownWord(0n)).value & 0xffn);
    c.entry.opcode = hexWide(opcode, 2);
    c.entry.command = commandByOpcode(opcode)?.name ?? null;
    return true;
  }

  // --- global errors, overflows ---

  #globalError(i: number, text: string): number | null {
    if (P.GERROR_START.test(text)) {
      const { text: whole, used } = this.#joined(i, (t) => P.GERROR.test(t));
      const m = P.GERROR.exec(whole);
      if (m === null) return null;
      const active = Number.parseInt(m[1]!, 16);
      const bits = SMMU_GERROR.fields
        .filter((d) => d.form !== "reserved" && (active >>> d.lo) & 1)
        .map((d) => d.name as string);
      this.#gerrorBits = bits;
      this.#push({
        type: "smmuv3-gerror",
        active: hexWide(active, 8),
        bits,
        lines: this.#span(i, used),
        summary: `The SMMU reports global errors: ${bits.join(", ") || "none that is defined"}.`,
      });
      return i + used;
    }
    const single = P.GERROR_TEXTS.find(([p]) => p.test(text));
    if (single !== undefined) {
      if (this.#gerrorBits.includes(single[1])) return i + 1;
      this.#push({
        type: "smmuv3-gerror",
        active: null,
        bits: [single[1]],
        lines: this.#span(i, 1),
        summary: `The SMMU reports the global error ${single[1]}.`,
      });
      return i + 1;
    }
    const queue = P.EVTQ_OVERFLOW.test(text) ? "Event" : P.PRIQ_OVERFLOW.test(text) ? "PRI" : null;
    if (queue === null) return null;
    this.#push({
      type: queue === "Event" ? "smmuv3-evtq-overflow" : "smmuv3-priq-overflow",
      lines: this.#span(i, 1),
      summary: `The ${queue} queue was full: some records were lost.`,
    });
    return i + 1;
  }

  #autoSuppressed(i: number, text: string): number | null {
    const auto = P.AUTO_SUPPRESSING.exec(text);
    if (auto === null) return null;
    const sid = BigInt(`0x${auto[1]!}`);
    const e = this.#events
      .slice(-REACH)
      .findLast((x) => x.identity?.sid === sid || (x.words[0]?.value ?? -1n) >> 32n === sid);
    if (e !== undefined) e.autoSuppressed = true;
    return i + 1;
  }
}

/** Everything the Linux SMMUv3 driver reports in these messages, in order of first appearance. */
export function readSmmuv3Log(lines: readonly LogLine[]): DecodedEntry[] {
  return new LogReader(lines).read();
}
