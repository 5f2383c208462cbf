/**
 * Page tables as a plan sees them: what memory holds, with the writes planned so far on top, which become actions in
 * their order. A new table is written whole before an entry leads to it.
 */
import { high, join, low } from "../../base/halves.ts";
import { type SurveyReader, UNKNOWN_CODE } from "../../engine/common/survey.ts";
import type { TableStore } from "../../pagetable/build.ts";
import type { CommandWords, HardwareAction } from "../../protocol/machine.ts";

/** Places looked at for a new table. */
const MOST_PLACES = 1 << 13;

/** Where new tables may lie, as the tables' owner names it; looked up where a table is needed. */
export interface FreeMemory {
  readonly ranges: () => Iterable<{ readonly from: number; readonly to: number }>;
  /** Nothing that is known of lies in the 4 KiB page at a physical address. */
  readonly isFree: (physical: number) => boolean;
}

/** A new table that nothing leads to yet. */
interface Fresh {
  readonly words: bigint[];
  /** What its memory holds is not known, so that zeros are written, too. */
  readonly unknown: boolean;
}

/** A run of memory that is to be written. */
interface Run {
  readonly at: number;
  readonly words: bigint[];
}

export class EditStore implements TableStore {
  hi = 0;
  lo = 0;
  /** Addresses of entries that had to be read and cannot be. */
  readonly unreadable: number[] = [];
  readonly #reader: SurveyReader;
  readonly #free: FreeMemory;
  readonly #planned = new Map<number, bigint>();
  readonly #actions: HardwareAction[] = [];
  /** By address. */
  readonly #fresh = new Map<number, Fresh>();
  /** Tables that were made. */
  readonly #made = new Set<number>();
  #run: Run | null = null;

  constructor(reader: SurveyReader, free: FreeMemory) {
    this.#reader = reader;
    this.#free = free;
  }

  read(at: number): void {
    const value = this.#valueAt(at);
    this.hi = high(value) | 0;
    this.lo = low(value) | 0;
  }

  isZero(at: number, bytes: number): boolean {
    for (let a = at; a < at + bytes; a += 8) if (this.#valueAt(a) !== 0n) return false;
    return true;
  }

  allocate(bytes: number): number | null {
    // What is known to be empty first.
    for (const unknown of [false, true]) {
      for (const at of this.#places(bytes)) {
        if (this.#made.has(at) || !this.#isUsable(at, bytes, unknown)) continue;
        this.#made.add(at);
        this.#fresh.set(at, { words: Array<bigint>(bytes / 8).fill(0n), unknown });
        return at;
      }
    }
    return null;
  }

  *#places(bytes: number): Iterable<number> {
    let left = MOST_PLACES;
    for (const { from, to } of this.#free.ranges()) {
      for (let at = Math.ceil(from / bytes) * bytes; at + bytes <= to; at += bytes) {
        if (left-- === 0) return;
        yield at;
      }
    }
  }

  write(at: number, hi: number, lo: number): void {
    const value = join(hi, lo);
    for (const [table, { words }] of this.#fresh) {
      if (at < table || at >= table + 8 * words.length) continue;
      words[(at - table) / 8] = value;
      this.#planned.set(at, value);
      return;
    }
    this.#settle();
    if (this.#valueAt(at) === value) return;
    this.#planned.set(at, value);
    this.#put(at, value);
  }

  /** Commands that software sends here. */
  send(commands: readonly CommandWords[]): void {
    this.#settle();
    this.#flush();
    for (const command of commands) this.#actions.push({ do: "command", ...command });
  }

  /** Everything planned, in order. */
  take(): readonly HardwareAction[] {
    this.#settle();
    this.#flush();
    return this.#actions;
  }

  #valueAt(at: number): bigint {
    const planned = this.#planned.get(at);
    if (planned !== undefined) return planned;
    if (this.#reader.readEntry(at) === 0) return join(this.#reader.hi, this.#reader.lo);
    this.unreadable.push(at);
    return 0n;
  }

  /** Memory that is zero, or of which nothing is known, with nothing in it that anybody knows of. */
  #isUsable(at: number, bytes: number, unknown: boolean): boolean {
    for (let a = at; a < at + bytes; a += 8) {
      const code = this.#reader.readEntry(a);
      if (code !== (unknown ? UNKNOWN_CODE : 0) || (!unknown && (this.#reader.hi | this.#reader.lo) !== 0))
        return false;
      if (a % 4096 === 0 && !this.#free.isFree(this.#reader.physical(a))) return false;
    }
    return true;
  }

  /** New tables are written before anything that may lead to them. */
  #settle(): void {
    for (const [table, { words, unknown }] of this.#fresh) {
      this.#fresh.delete(table);
      words.forEach((value, i) => {
        this.#planned.set(table + 8 * i, value);
        if (unknown || value !== 0n) this.#put(table + 8 * i, value);
      });
    }
  }

  /** One more word of the run, or the first of a new one. Runs stay within a page, which lies in one piece. */
  #put(at: number, value: bigint): void {
    const run = this.#run;
    if (run !== null && at === run.at + 8 * run.words.length && at % 4096 !== 0) run.words.push(value);
    else {
      this.#flush();
      this.#run = { at, words: [value] };
    }
  }

  #flush(): void {
    const run = this.#run;
    this.#run = null;
    if (run === null) return;
    this.#reader.readEntry(run.at);
    const bytes = new Uint8Array(8 * run.words.length);
    const view = new DataView(bytes.buffer);
    for (const [i, word] of run.words.entries()) view.setBigUint64(8 * i, word, !this.#reader.bigEndian);
    this.#actions.push({ do: "write", at: BigInt(this.#reader.physical(run.at)), bytes });
  }
}
