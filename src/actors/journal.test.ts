import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEEDS, type Deed, type JournalEntry } from "../protocol/journal.ts";
import { Journal } from "./journal.ts";

interface Noted {
  readonly deed: Deed;
  readonly at: number;
  readonly value: number;
  /** It begins a new action. */
  readonly begins: boolean;
}

const noted: fc.Arbitrary<Noted> = fc.record({
  deed: fc.constantFrom(...DEEDS),
  at: fc.oneof(fc.constant(-1), fc.nat(2 ** 52)),
  value: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  begins: fc.boolean(),
});

/** Note everything. @returns all entries as they have to be, and how many actions began */
function play(journal: Journal, list: readonly Noted[]): { all: JournalEntry[]; actions: number } {
  let action = -1;
  const all = list.map(({ deed, at, value, begins }, id): JournalEntry => {
    if (begins) journal.begin(++action);
    journal.note("guest", deed, `entry ${id}`, at, value, ~value);
    const about = `entry ${id}`;
    return { id, cause: null, action, actor: "guest", deed, about, at, valueHi: value, valueLo: ~value };
  });
  return { all, actions: action + 1 };
}

describe("A journal", () => {
  it("keeps the newest entries as they were noted, however few it may keep", () => {
    fc.assert(
      fc.property(fc.array(noted, { maxLength: 700 }), fc.integer({ min: 1, max: 600 }), (list, most) => {
        const journal = new Journal(most);
        const { all, actions } = play(journal, list);
        expect(journal.entries).toEqual(all.slice(-most));
        for (let step = 0; step <= actions; step++) {
          const kept = all.slice(-most).filter((entry) => entry.action < step);
          expect(journal.slice(step, 2, 5)).toEqual({ total: kept.length, entries: kept.slice(2, 7) });
        }
      }),
      { numRuns: 40 },
    );
  });

  it("counts every deed up to any action, also those it no longer keeps", () => {
    fc.assert(
      fc.property(fc.array(noted, { maxLength: 600 }), (list) => {
        const journal = new Journal(3);
        const { all, actions } = play(journal, list);
        for (let step = 0; step <= actions; step++) {
          const before = all.filter((entry) => entry.action < step);
          const counts = journal.countsBefore(step);
          for (const deed of DEEDS) expect(counts[deed]).toBe(before.filter((entry) => entry.deed === deed).length);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("has what happens meanwhile under its cause, also after something threw", () => {
    const journal = new Journal();
    journal.during("guest", "sync", "outer", () => {
      journal.note("guest", "command", "inner");
      expect(() =>
        journal.during("VMM", "ioctl", "failing", () => {
          throw new Error("bug");
        }),
      ).toThrow("bug");
      journal.note("guest", "command", "after");
    });
    journal.note("host", "command", "alone");
    expect(journal.entries.map(({ cause }) => cause)).toEqual([null, 0, 0, 0, null]);
  });
});
