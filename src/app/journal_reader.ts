/** The journal in pieces: no answer of the engine is so large that reading it in would hold the page up. */
import type { EngineApi } from "../protocol/engine.ts";
import type { JournalEntry } from "../protocol/journal.ts";

/** Most entries of one answer. */
const PIECE = 4096;

type Source = Pick<EngineApi, "journal">;

/** Entries, oldest first. */
export interface JournalPart {
  readonly entries: readonly JournalEntry[];
  /** Older entries of it are no longer kept. */
  readonly cut: boolean;
}

/** What happened during one action that is the newest of the current step; -1 for what stood before the first. */
export function readActionJournal(source: Source, action: number): Promise<JournalPart> {
  return readBack(source, (entry) => entry.action === action);
}

/** Everything up to the current step that is kept. */
export function readJournal(source: Source): Promise<JournalPart> {
  return readBack(source, () => true);
}

/** From the newest entry back to the first that is not `wanted`. */
async function readBack(source: Source, wanted: (entry: JournalEntry) => boolean): Promise<JournalPart> {
  let from = (await source.journal(0, 0)).total;
  const pieces: (readonly JournalEntry[])[] = [];
  while (from > 0) {
    const count = Math.min(PIECE, from);
    from -= count;
    const { entries } = await source.journal(from, count);
    const mine = entries.filter(wanted);
    pieces.unshift(mine);
    if (mine.length < count) return { entries: pieces.flat(), cut: false };
  }
  const entries = pieces.flat();
  return { entries, cut: (entries[0]?.id ?? 0) > 0 };
}
