/**
 * What a context reaches, as runs: input that leads to memory in one piece, with the same rights throughout. Runs of two
 * stages are put one behind the other. Addresses are numbers: multiples of the smallest page are exact up to 2^64.
 */
import { fromHalves } from "../../base/address.ts";
import { entrySizeLg2 } from "../../pagetable/format.ts";
import { type ScanLimits, type ScanPlace, TableScan } from "../../pagetable/scan.ts";
import type { TableSource, UntranslatedRange } from "./table_source.ts";

/**
 * Runs as columns, of which only the first `count` places are in use: in ascending order of input address, but for
 * {@link besides}, which puts what passes untranslated last.
 */
export class ReachRuns {
  count = 0;
  input = new Float64Array(64);
  output = new Float64Array(64);
  bytes = new Float64Array(64);
  /** Bit 0 read, 1 write, 2 execute. */
  permissions = new Uint8Array(64);

  /** One more run: part of the one before it where it goes on from there. */
  add(input: number, output: number, bytes: number, permissions: number): void {
    const last = this.count - 1;
    const length = last < 0 ? 0 : this.bytes[last]!;
    const follows =
      last >= 0 &&
      this.input[last]! + length === input &&
      this.output[last]! + length === output &&
      this.permissions[last] === permissions;
    if (follows) {
      this.bytes[last] = length + bytes;
      return;
    }
    if (this.count === this.input.length) this.#grow();
    this.input[this.count] = input;
    this.output[this.count] = output;
    this.bytes[this.count] = bytes;
    this.permissions[this.count++] = permissions;
  }

  /** Number of runs that begin at or below an input address. */
  before(input: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.input[middle]! <= input) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #grow(): void {
    const longer = (column: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
      const grown = new Float64Array(2 * column.length);
      grown.set(column);
      return grown;
    };
    [this.input, this.output, this.bytes] = [longer(this.input), longer(this.output), longer(this.bytes)];
    const permissions = new Uint8Array(this.input.length);
    permissions.set(this.permissions);
    this.permissions = permissions;
  }
}

/** Entries or runs between two stops of what takes its time. */
export const BREATH = 1 << 14;

interface MappedRuns {
  readonly runs: ReachRuns;
  readonly leaves: number;
  /** The limits allowed all of it. */
  readonly whole: boolean;
}

/** What the tables of a stage map. Tells from time to time how much of it is done, from 0 to 1. */
export function* runsOf({ roots }: TableSource, limits: ScanLimits): Generator<number, MappedRuns> {
  const runs = new ReachRuns();
  let leaves = 0;
  let whole = true;
  for (const [i, root] of roots.entries()) {
    const leaf = (p: ScanPlace): void => {
      leaves++;
      const { permissions } = root.verdict(p);
      if (permissions === 0) return;
      runs.add(fromHalves(...root.inputAddress(p.va)), p.out, 2 ** entrySizeLg2(root.scan.fmt, p.level), permissions);
    };
    const visitor = { enter: () => {}, leave: () => {}, bad: () => {}, leaf };
    const scan = new TableScan(root.scan, root.reader, visitor, { ...limits, leaves: limits.leaves - leaves });
    while (scan.advance(BREATH)) yield (i + scan.share) / roots.length;
    whole &&= scan.complete;
  }
  return { runs, leaves, whole };
}

/**
 * What is reached through two stages: the output of `first` is the input of `second`. Tells as {@link runsOf} does.
 * @param most runs that are made; `whole` is false where there are more
 */
export function* through(
  first: ReachRuns,
  second: ReachRuns,
  most: number,
): Generator<number, Omit<MappedRuns, "leaves">> {
  const both = new ReachRuns();
  for (let i = 0, steps = 0; i < first.count; i++) {
    const [from, end] = [first.output[i]!, first.output[i]! + first.bytes[i]!];
    for (let j = Math.max(0, second.before(from) - 1); j < second.count && second.input[j]! < end; j++) {
      if (++steps % BREATH === 0) yield i / first.count;
      const low = Math.max(from, second.input[j]!);
      const high = Math.min(end, second.input[j]! + second.bytes[j]!);
      const permissions = first.permissions[i]! & second.permissions[j]!;
      if (low >= high || permissions === 0) continue;
      if (both.count >= most) return { runs: both, whole: false };
      both.add(first.input[i]! + (low - from), second.output[j]! + (low - second.input[j]!), high - low, permissions);
    }
  }
  return { runs: both, whole: true };
}

/** The same input, of which each byte leads to itself. */
export function toThemselves(runs: ReachRuns): ReachRuns {
  const same = new ReachRuns();
  for (let i = 0; i < runs.count; i++) same.add(runs.input[i]!, runs.input[i]!, runs.bytes[i]!, runs.permissions[i]!);
  return same;
}

/**
 * What is reached where tables do not decide for all of the input.
 * @param runs of the tables; made part of the answer
 * @param toMemory false: the runs lead to what a second stage translates, which passing accesses do not meet
 */
export function besides(runs: ReachRuns, ranges: readonly UntranslatedRange[], toMemory: boolean): ReachRuns {
  let translated = runs;
  let passing = new ReachRuns();
  for (const range of ranges) {
    if (meets(translated, range)) translated = limited(translated, range, range.translates);
    passing = limited(passing, range, 0);
    if (toMemory && range.passes !== 0) passing.add(range.from, range.from, range.to - range.from, range.passes);
  }
  for (let i = 0; i < passing.count; i++) {
    translated.add(passing.input[i]!, passing.output[i]!, passing.bytes[i]!, passing.permissions[i]!);
  }
  return translated;
}

/** Whether runs have part in a range of the input. */
function meets(runs: ReachRuns, { from, to }: UntranslatedRange): boolean {
  const last = runs.before(to - 1) - 1;
  return last >= 0 && runs.input[last]! + runs.bytes[last]! > from;
}

/** The runs with no more than some rights to a range of the input. */
function limited(runs: ReachRuns, { from, to }: UntranslatedRange, rights: number): ReachRuns {
  const left = new ReachRuns();
  for (let i = 0; i < runs.count; i++) {
    const [input, permissions] = [runs.input[i]!, runs.permissions[i]!];
    const end = input + runs.bytes[i]!;
    const part = (low: number, high: number, allowed: number): void => {
      if (low < high && allowed !== 0) left.add(low, runs.output[i]! + (low - input), high - low, allowed);
    };
    part(input, Math.min(end, from), permissions);
    part(Math.max(input, from), Math.min(end, to), permissions & rights);
    part(Math.max(input, to), end, permissions);
  }
  return left;
}
