/** Entries of queues in memory, whatever the architecture. */
import type { Layout } from "../../base/layout.ts";
import type { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import type { QueueEntry, QueueRow } from "../../protocol/inspection.ts";
import { decodedFields } from "./decoded.ts";
import { readWords } from "./structure_words.ts";

/** A command or record read by its words. */
export interface ReadEntry {
  readonly name: string;
  readonly layout: Layout;
}

/** A queue with the way its entries are read. */
export interface ReadableQueue {
  readonly row: QueueRow;
  readonly read: (words: Uint32Array) => ReadEntry;
  /** The physical address of a byte by its offset, null for none; absent: the queue is in one piece. */
  readonly locate?: (offset: number) => bigint | null;
}

/** Entries that are written and not read; a wrap bit tells a full queue from an empty one. */
export function waitingOf({
  entries,
  producer,
  consumer,
}: Pick<QueueRow, "entries" | "producer" | "consumer">): number {
  const apart = (((producer.index - consumer.index) % entries) + entries) % entries;
  if (apart > 0 || producer.wrap === null || producer.wrap === consumer.wrap) return apart;
  return entries;
}

/** Entries from number `from` on, at most `count` and no further than the end of the queue. */
export function queueEntries(
  memory: PhysicalMemory,
  { row: queue, read, locate }: ReadableQueue,
  from: number,
  count: number,
): QueueEntry[] {
  const first = Math.max(0, Math.floor(from) || 0);
  const length = Math.max(0, Math.min(Math.floor(count) || 0, queue.entries - first));
  return Array.from({ length }, (_, i) => {
    const index = first + i;
    const offset = index * queue.entryBytes;
    const place = locate === undefined ? queue.base + BigInt(offset) : locate(offset);
    const words = place === null ? null : readWords(memory, place, queue.entryBytes);
    const at = place ?? 0n;
    const waiting = (index - queue.consumer.index + queue.entries) % queue.entries < queue.waiting;
    if (words === null) return { index, at, words, name: "", waiting, fields: [] };
    const { name, layout } = read(words);
    return { index, at, words, name, waiting, fields: decodedFields(layout, words) };
  });
}
