/** What memory is for: what an architecture keeps there, its queues, and what leads a stream's requests on. */
import { scan } from "../../pagetable/scan.ts";
import type { StreamRow } from "../../protocol/engine.ts";
import type { OwnerRow, QueueRow } from "../../protocol/inspection.ts";
import { TRACE, TRACE_WORDS, traceAddress } from "../../protocol/trace.ts";
import type { TableSource } from "./table_source.ts";

/** What an architecture keeps in memory. */
export interface OwnerParts<U> {
  /** Tables that every stream is looked up in. */
  readonly shared: (unit: U) => Iterable<OwnerRow>;
  /** The structures that a context is reached through. */
  readonly context: (unit: U, sid: number, ssid: number | null) => Iterable<OwnerRow>;
  /** What the tables of the two stages are called. */
  readonly tables: readonly [string, string];
}

/** The rest of what is asked of a unit for that. */
interface Beside {
  readonly queues: readonly QueueRow[];
  readonly streams: readonly StreamRow[];
  readonly stage: (sid: number, ssid: number | null, stage: 1 | 2) => TableSource | null;
}

/** Most streams that are followed. */
const MAX_STREAMS = 256;

/** Ranges of memory with what they are for; what contexts share is named once. */
export function* listOwners<U>(unit: U, parts: OwnerParts<U>, { queues, streams, stage }: Beside): Generator<OwnerRow> {
  yield* parts.shared(unit);
  for (const { base, entries, entryBytes, title } of queues) {
    const to = base + BigInt(entries * entryBytes);
    if (base !== 0n) yield { from: base, to, owner: title, group: "queue", sid: null };
  }
  const seen = new Set<string>();
  for (const { sid, ssids } of streams.slice(0, MAX_STREAMS)) {
    for (const ssid of [null, ...ssids]) {
      const tables = ([1, 2] as const).flatMap((n) => tableOwners(stage(sid, ssid, n), parts.tables[n - 1]!, sid));
      for (const row of [...parts.context(unit, sid, ssid), ...tables]) {
        const key = `${row.owner} ${row.from} ${row.to}`;
        if (!seen.has(key)) yield row;
        seen.add(key);
      }
    }
  }
}

/**
 * Configuration structures that a walk read, by the address where each was read.
 * @param place what is there: its first byte, its length and what it is called; null for nothing to name
 */
export function* structureOwners(
  trace: Uint32Array,
  sid: number,
  place: (kind: number, pa: bigint) => { readonly from: bigint; readonly bytes: number; readonly owner: string } | null,
): Generator<OwnerRow> {
  for (let record = 0; record * TRACE_WORDS < trace.length; record++) {
    const at = record * TRACE_WORDS;
    if (TRACE.f.access.get(trace, at) === 0) continue;
    const found = place(TRACE.f.kind.get(trace, at), traceAddress("pa", trace, record));
    if (found === null) continue;
    const { from, bytes, owner } = found;
    yield { from, to: from + BigInt(bytes), owner, group: "configuration", sid };
  }
}

/** Most tables of one stream that are looked at, and most entries read for them. */
const LIMITS = { tables: 1024, leaves: 1 << 20, entries: 1 << 20 };
const PAGE = 4096;

/** The tables of a stage, a row for each run of pages that follow on each other. */
function tableOwners(source: TableSource | null, owner: string, sid: number): OwnerRow[] {
  const pages = new Set<number>();
  for (const { scan: root, reader } of source?.roots ?? []) {
    const visitor = {
      enter: (p: { readonly out: number }, entries: number): void => {
        for (let at = p.out; at < p.out + 8 * entries; at += PAGE) {
          if (reader.readEntry(at) === 0) pages.add(Math.floor(reader.physical(at) / PAGE));
        }
      },
      leave: () => {},
      leaf: () => {},
      bad: () => {},
    };
    scan(root, reader, visitor, LIMITS);
  }
  const group = source?.stage === 1 ? "stage 1" : "stage 2";
  return runs([...pages].sort((a, b) => a - b)).map(([first, last]) => {
    return { from: BigInt(first * PAGE), to: BigInt((last + 1) * PAGE), owner, group, sid };
  });
}

/** Runs of numbers that follow on each other, first and last. */
function runs(sorted: readonly number[]): [number, number][] {
  const all: [number, number][] = [];
  for (const n of sorted) {
    const last = all.at(-1);
    if (last !== undefined && last[1] === n - 1) last[1] = n;
    else all.push([n, n]);
  }
  return all;
}
