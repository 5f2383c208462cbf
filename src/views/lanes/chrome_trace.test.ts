import { describe, expect, it } from "vitest";
import { DEEDS, type JournalEntry } from "../../protocol/journal.ts";
import { chromeTrace } from "./chrome_trace.ts";

const NONE = { at: -1, valueHi: 0, valueLo: 0 } as const;
/** A boot of one write, then an action in which a guest's write makes the VMM call the host. */
const ENTRIES: readonly JournalEntry[] = [
  { id: 0, cause: null, action: -1, actor: "host", deed: "register write", about: "CR0", ...NONE, at: 0x20 },
  { id: 1, cause: null, action: 0, actor: "guest", deed: "intent", about: "map", ...NONE },
  {
    id: 2,
    cause: 1,
    action: 0,
    actor: "guest",
    deed: "register write",
    about: "CMDQ_PROD",
    ...NONE,
    at: 0x98,
    valueHi: -1,
    valueLo: -2,
  },
  { id: 3, cause: 2, action: 0, actor: "VMM", deed: "trapped write", about: "SMMU register", ...NONE, at: 0x98 },
  { id: 4, cause: 3, action: 0, actor: "host", deed: "ioctl", about: "IOMMU_HWPT_INVALIDATE", ...NONE },
  { id: 5, cause: 1, action: 0, actor: "guest", deed: "memory write", about: "STE", ...NONE, at: 0x4000 },
];
const PRICES = Object.fromEntries(DEEDS.map((deed, i) => [deed, 100 * i]));

interface Event {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur: number;
  readonly id?: number;
  readonly args: Readonly<Record<string, unknown>>;
}
const eventsOf = (entries: readonly JournalEntry[]): readonly Event[] =>
  (JSON.parse(chromeTrace("a title", entries, PRICES)) as { traceEvents: Event[] }).traceEvents;
const EVENTS = eventsOf(ENTRIES);
const threadName = (tid: number): unknown => EVENTS.find((e) => e.name === "thread_name" && e.tid === tid)?.args.name;
const slices = EVENTS.filter((e) => e.ph === "X" && threadName(e.tid) !== "Actions");

describe("The journal as Chrome trace JSON", () => {
  it("has a slice for each entry in the thread of its actor, with address and value", () => {
    expect(slices.map((e) => [threadName(e.tid), e.name])).toEqual(ENTRIES.map(({ actor, about }) => [actor, about]));
    expect(slices[2]?.args).toEqual({
      deed: "register write",
      entry: 2,
      action: 1,
      cause: 1,
      at: "0x98",
      value: "0xfffffffffffffffe",
    });
    expect(slices[0]?.args).not.toHaveProperty("action");
  });

  it("tells time by the prices, in microseconds: an effect within its cause, siblings one after the other", () => {
    const [, map, write, trap, call, ste] = slices;
    const end = (e: Event | undefined): number => (e?.ts ?? 0) + (e?.dur ?? 0);
    const price = (deed: string): number => PRICES[deed]! / 1000;
    expect(call?.dur).toBeCloseTo(price("ioctl"));
    expect(trap?.dur).toBeCloseTo(price("trapped write") + price("ioctl"));
    expect(call?.ts).toBeCloseTo((trap?.ts ?? 0) + price("trapped write"));
    expect(end(write)).toBeCloseTo(end(trap));
    expect(ste?.ts).toBeCloseTo(end(write));
    expect(end(map)).toBeCloseTo(end(ste));
  });

  it("draws an arrow where an actor makes another act, each from a slice to one that begins there", () => {
    const flows = EVENTS.filter((e) => e.ph === "s");
    expect(flows.map((e) => threadName(e.tid))).toEqual(["guest", "VMM"]);
    for (const from of flows) {
      const to = EVENTS.find((e) => e.ph === "f" && e.id === from.id)!;
      expect(slices.some((s) => s.tid === to.tid && s.ts === to.ts)).toBe(true);
      expect(slices.some((s) => s.tid === from.tid && s.ts <= from.ts && from.ts <= s.ts + s.dur)).toBe(true);
    }
  });

  it("shows how long each action is, and every event has the parts that the format asks for", () => {
    const actions = EVENTS.filter((e) => e.ph === "X" && threadName(e.tid) === "Actions");
    expect(actions.map((e) => e.name)).toEqual(["before the first action", "action 1"]);
    expect(actions[1]?.dur).toBeCloseTo(slices[1]?.dur ?? 0);
    for (const e of EVENTS) {
      expect([typeof e.name, typeof e.pid, typeof e.tid]).toEqual(["string", "number", "number"]);
      if (e.ph !== "M") expect(Number.isFinite(e.ts)).toBe(true);
      if (e.ph === "X") expect(e.dur).toBeGreaterThanOrEqual(0);
    }
  });

  it("of nothing is a trace without slices", () => {
    expect(eventsOf([]).every((e) => e.ph === "M")).toBe(true);
  });
});
