/** Which memory holds the tables of a stream. */
import { scan } from "../../pagetable/scan.ts";
import type { OwnerRow } from "../../protocol/inspection.ts";
import type { TableSource } from "./table_source.ts";

/** Most tables of one stream that are looked at, and most entries read for them. */
const LIMITS = { tables: 1024, leaves: 1 << 20, entries: 1 << 20 };
const PAGE = 4096;

/** The tables of a stage, a row for each run of pages that follow on each other. */
export function tableOwners(source: TableSource | null, owner: string, sid: number): OwnerRow[] {
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
