/** Ranges of addresses in which a new table could lie, as far as memory goes. */
import type { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import { entrySizeLg2 } from "../../pagetable/format.ts";
import { scan } from "../../pagetable/scan.ts";
import type { TableSource } from "./table_source.ts";

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Beyond what is held where nobody knows what lies there. */
const BEYOND_BYTES = 1 << 20;
const LIMITS = { tables: 1 << 10, leaves: 1 << 12, entries: 1 << 17 } as const;

/** Memory that is held, and, where the rest is unknown, some after it. */
export function heldRanges(memory: PhysicalMemory): Range[] {
  const held = memory.segments().map(({ at, bytes }) => ({ from: at, to: at + bytes.length }));
  const last = held.at(-1)?.to ?? 0;
  return [
    ...memory.zeroRanges,
    ...held,
    ...(memory.outside === "unknown" ? [{ from: last, to: last + BEYOND_BYTES }] : []),
  ];
}

/** What the tables of a stage map, as its input. */
export function mappedRanges({ roots }: TableSource): Range[] {
  const ranges: Range[] = [];
  for (const { scan: root, reader } of roots) {
    const leaf = ({ va, level }: { va: number; level: number }): void => {
      const last = ranges.at(-1);
      const to = va + 2 ** entrySizeLg2(root.fmt, level);
      if (last?.to === va) ranges[ranges.length - 1] = { from: last.from, to };
      else ranges.push({ from: va, to });
    };
    scan(root, reader, { enter: () => {}, leave: () => {}, bad: () => {}, leaf }, LIMITS);
  }
  return ranges;
}
