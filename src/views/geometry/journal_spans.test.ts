import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ACTORS, DEEDS, type JournalEntry } from "../../protocol/journal.ts";
import { type JournalSpan, journalSpans, LANE_ACTORS, spanShapes } from "./journal_spans.ts";

type Part = Pick<JournalEntry, "id" | "cause" | "actor"> & Partial<JournalEntry>;
const entry = (part: Part): JournalEntry => ({
  action: 0,
  deed: "intent",
  about: "",
  at: -1,
  valueHi: 0,
  valueLo: 0,
  ...part,
});

/** A guest's write leaves for the VMM, which calls the host; then the guest goes on. */
const TRAP: readonly JournalEntry[] = [
  entry({ id: 7, cause: null, actor: "guest" }),
  entry({ id: 8, cause: 7, actor: "guest", deed: "register write" }),
  entry({ id: 9, cause: 8, actor: "VMM", deed: "trapped write" }),
  entry({ id: 10, cause: 9, actor: "host", deed: "register write" }),
  entry({ id: 11, cause: 7, actor: "guest", deed: "memory write" }),
];
const NONE: ReadonlySet<number> = new Set();

/** Any tree of causes in the order in which things happen: each entry's cause is one that is still under way. */
const anyJournal = fc
  .array(fc.record({ up: fc.nat(6), actor: fc.constantFrom(...ACTORS), deed: fc.constantFrom(...DEEDS) }), {
    maxLength: 120,
  })
  .map((parts) => {
    const open: number[] = [];
    return parts.map(({ up, actor, deed }, i) => {
      open.length = Math.max(0, open.length - up);
      const cause = open.at(-1) ?? null;
      open.push(i + 50);
      return entry({ id: i + 50, cause, actor, deed });
    });
  });

const priced = (deed: string): number => deed.length;

describe("Spans of a journal", () => {
  it("last as long as what they cause, in the lane of who acts, below what of the same actor caused them", () => {
    const { spans, rows, length } = journalSpans(TRAP, NONE, null);
    expect(spans.map(({ lane, row, from, to, cause }) => [LANE_ACTORS[lane], row, from, to, cause])).toEqual([
      ["guest", 0, 0, 5, -1],
      ["guest", 1, 1, 4, 0],
      ["VMM", 0, 2, 4, 1],
      ["host", 0, 3, 4, 2],
      ["guest", 1, 4, 5, 0],
    ]);
    expect([rows, length]).toEqual([[2, 1, 1, 1, 1], 5]);
  });

  it("folded, hide what they cause and say how much it is; to scale, its time stays", () => {
    const folded = new Set([8]);
    const { spans, length } = journalSpans(TRAP, folded, null);
    expect(spans.map(({ entry: at, from, to, below }) => [at, from, to, below])).toEqual([
      [0, 0, 3, 4],
      [1, 1, 2, 2],
      [4, 2, 3, 0],
    ]);
    expect(length).toBe(3);
    expect(journalSpans(TRAP, folded, priced).length).toBe(journalSpans(TRAP, NONE, priced).length);
  });

  it("of which the cause is not there stand by themselves", () => {
    expect(journalSpans(TRAP.slice(2), NONE, null).spans.map(({ cause }) => cause)).toEqual([-1, 0, -1]);
  });

  it("never overlap in a row, lie within their causes, and have the length of all there is", () => {
    fc.assert(
      fc.property(anyJournal, fc.array(fc.nat(120)), fc.boolean(), (entries, some, scaled) => {
        const folded = new Set(some.map((id) => id + 50));
        const { spans, rows, length } = journalSpans(entries, folded, scaled ? priced : null);
        const ends = new Map<string, number>();
        for (const { lane, row, from, to, cause } of spans) {
          expect(from).toBeGreaterThanOrEqual(ends.get(`${lane} ${row}`) ?? 0);
          ends.set(`${lane} ${row}`, to);
          expect(row).toBeLessThan(rows[lane]!);
          const above: JournalSpan | undefined = spans[cause];
          if (above !== undefined) expect(from >= above.from && to <= above.to).toBe(true);
        }
        const all = scaled ? entries.reduce((sum, { deed }) => sum + priced(deed), 0) : spans.length;
        expect(length).toBe(all);
      }),
    );
  });
});

describe("Shapes of spans", () => {
  const many = Array.from({ length: 60_000 }, (_, i) => entry({ id: i, cause: null, actor: ACTORS[i % 5]! }));

  it("stand for every span in view once, and are no more than the width can show", () => {
    const spans = journalSpans(many, NONE, null);
    const shapes = spanShapes(spans, { from: 0, to: spans.length }, 1000);
    expect(shapes.reduce((sum, { count }) => sum + count, 0)).toBe(many.length);
    expect(shapes.length).toBeLessThanOrEqual(5 * 251);
  });

  it("are one to a span where there is room, cut at the ends of the view", () => {
    const shapes = spanShapes(journalSpans(TRAP, NONE, null), { from: 1, to: 3 }, 200);
    expect(shapes.filter(({ width }) => width >= 4).map(({ span, x, width }) => [span, x, width])).toEqual([
      [0, 0, 200],
      [1, 0, 200],
      [2, 100, 100],
    ]);
  });
});
