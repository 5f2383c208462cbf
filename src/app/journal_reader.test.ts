import { describe, expect, it } from "vitest";
import type { JournalEntry } from "../protocol/journal.ts";
import type { JournalAnswer } from "../protocol/software.ts";
import { readActionJournal, readJournal } from "./journal_reader.ts";

/** Keeps entries `first` on; each action has as many as `lengths` says, the first of them before all actions. */
function journalOf(lengths: readonly number[], first = 0) {
  const actions = lengths.flatMap((length, i) => Array.from({ length }, () => i - 1));
  const all = actions.map(
    (action, id): JournalEntry => ({
      id,
      cause: null,
      action,
      actor: "guest",
      deed: "intent",
      about: "",
      at: -1,
      valueHi: 0,
      valueLo: 0,
    }),
  );
  const kept = all.slice(first);
  const asked: number[] = [];
  const journal = async (from: number, count: number): Promise<JournalAnswer> => {
    asked.push(count);
    return { revision: 1, total: kept.length, entries: kept.slice(from, from + count) };
  };
  return { journal, asked };
}

const ids = (length: number, first: number): number[] => Array.from({ length }, (_, i) => first + i);

describe("Reading the journal", () => {
  it("of an action gives its entries, in pieces of at most 4096", async () => {
    const source = journalOf([3, 2, 10_000]);
    const { entries, cut } = await readActionJournal(source, 1);
    expect(entries.map(({ id }) => id)).toEqual(ids(10_000, 5));
    expect(cut).toBe(false);
    expect(Math.max(...source.asked)).toBe(4096);
  });

  it("does not read further back than the action goes", async () => {
    const source = journalOf([50_000, 7]);
    expect((await readActionJournal(source, 0)).entries).toHaveLength(7);
    expect(source.asked).toEqual([0, 4096]);
  });

  it("of an action without entries gives none", async () => {
    expect(await readActionJournal(journalOf([5, 0]), 0)).toEqual({ entries: [], cut: false });
    expect(await readActionJournal(journalOf([]), -1)).toEqual({ entries: [], cut: false });
  });

  it("says when older entries are no longer kept", async () => {
    expect((await readActionJournal(journalOf([0, 9000], 100), 0)).cut).toBe(true);
    expect((await readActionJournal(journalOf([0, 9000, 5], 100), 1)).cut).toBe(false);
    const whole = await readJournal(journalOf([4, 9000], 3));
    expect([whole.entries.length, whole.cut]).toEqual([9001, true]);
    expect((await readJournal(journalOf([4, 9000]))).cut).toBe(false);
  });
});
