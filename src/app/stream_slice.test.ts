import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LIMITS } from "../scenario/limits.ts";
import { EMPTY_DOCUMENT } from "./scripted_engine.ts";
import { setUp } from "./scripted_store.ts";

const SID = 16;
/** An answer may be many turns late. */
const PATIENT = { turnMs: 1000, turns: 20 };

describe("A device that runs", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Let so many turns of a device pass, each with its answer. */
  async function turns(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await vi.advanceTimersByTimeAsync(33);
  }

  async function running(rate = 1000) {
    const all = setUp(undefined, PATIENT);
    await all.now().start("");
    all.now().setLiveRate(rate);
    await all.now().startLive("nic", SID);
    return all;
  }
  const batches = ({ running }: ReturnType<typeof setUp>): number[] =>
    running()
      .calls.filter(({ name }) => name === "applyAll")
      .map(({ argument }) => (argument as readonly unknown[]).length);
  const sum = (of: readonly number[]): number => of.reduce((a, b) => a + b, 0);

  it("does as many actions a second as it is told to, in batches", async () => {
    const all = await running(1000);
    await turns(40);
    const { live } = all.now();
    expect(live).toMatchObject({ profile: "nic", sid: SID, running: true });
    expect(live!.done).toBeGreaterThan(1200);
    expect(live!.done).toBeLessThanOrEqual(1320);
    expect(live!.reached).toBeGreaterThan(900);
    expect(sum(batches(all))).toBe(live!.done);
    expect(Math.max(...batches(all))).toBeLessThanOrEqual(66);
  });

  it("takes one batch at a time, and what could not be done meanwhile is let go of", async () => {
    const all = await running(1000);
    all.hold("applyAll");
    await turns(40);
    expect(batches(all)).toHaveLength(1);
    expect(all.now().engine.state).toBe("ready");
    all.running().holding = new Set();
    await all.letGo(0);
    // 1,300 actions were due; a batch is what the worker is taken to do in 10 ms.
    await turns(1);
    expect(batches(all)).toHaveLength(2);
    expect(sum(batches(all))).toBeLessThan(200);
    await turns(10);
    expect(all.now().live!.done).toBe(sum(batches(all)));
    expect(sum(batches(all))).toBeLessThan(600);
  });

  it("shows everything it did when it is held, and goes on from there", async () => {
    const all = await running(1000);
    await turns(10);
    await all.now().pauseLive();
    const { live, summary } = all.now();
    expect(live?.running).toBe(false);
    expect(summary?.actions.length).toBe(live?.done);
    await turns(10);
    expect(all.now().live?.done).toBe(live?.done);
    await all.now().goOnLive();
    await turns(10);
    expect(all.now().live!.done).toBeGreaterThan(live!.done);
  });

  it("counts as held when the batch under way is back, not before: what is counted then stays", async () => {
    const all = await running(1000);
    await turns(5);
    all.hold("applyAll");
    await turns(2);
    const before = all.now().live!.done;
    const paused = all.now().pauseLive();
    await turns(5);
    expect(all.now().live).toMatchObject({ running: true, done: before });
    await all.letGo(0);
    await paused;
    const { live, summary } = all.now();
    expect(live!.running).toBe(false);
    expect(live!.done).toBeGreaterThan(before);
    expect(summary?.actionCount).toBe(live!.done);
  });

  it("is held by a step back, which loses nothing, and begins anew from there", async () => {
    const all = await running(1000);
    await turns(10);
    await all.now().seek(3);
    const { live, summary } = all.now();
    expect(live?.running).toBe(false);
    expect(summary).toMatchObject({ step: 3, actionCount: live?.done });
    await all.now().goOnLive();
    await turns(2);
    await all.now().pauseLive();
    expect(all.now().summary?.actionCount).toBe(3 + all.now().live!.done);
  });

  it("ends when it is stopped, and when something else is opened", async () => {
    const all = await running(1000);
    await turns(3);
    await all.now().stopLive();
    expect(all.now().live).toBeNull();
    await all.now().startLive("nvme", SID);
    await turns(3);
    await all.now().openDocument({ ...EMPTY_DOCUMENT, title: "other" }, "a test");
    expect(all.now().live).toBeNull();
    const sent = batches(all).length;
    await turns(10);
    expect(batches(all).length).toBe(sent);
    expect(all.now().summary).toMatchObject({ title: "other", actionCount: 0 });
  });

  it("is held where the log is full, with a sentence", async () => {
    const all = setUp();
    await all.now().start("");
    const actions = Array.from({ length: LIMITS.actions - 50 }, () => ({ do: "guest faults" }) as const);
    await all.now().openDocument({ ...EMPTY_DOCUMENT, title: "long", actions }, "a test");
    all.now().setLiveRate(1000);
    await all.now().startLive("nic", SID);
    await turns(10);
    expect(all.now().live).toMatchObject({ running: false, done: 50 });
    expect(all.now().summary?.actionCount).toBe(LIMITS.actions);
    expect(all.now().notices).toMatchObject([{ title: "The device was held.", place: "log of actions" }]);
  });

  it("is not run where there is nothing for it to do, with a sentence", async () => {
    const all = setUp();
    await all.now().start("");
    await all.now().startLive("accelerator", SID);
    expect(all.now().live).toBeNull();
    expect(all.now().notices).toMatchObject([{ tone: "warning", place: "stream 0x10" }]);
  });

  it("is held when the engine stops, and what it did comes back with a fresh one", async () => {
    const all = await running(1000);
    await turns(10);
    const { done } = all.now().live!;
    all.running().die("gone.");
    await turns(1);
    expect(all.now().live?.running).toBe(false);
    await all.now().restartEngine();
    expect(all.now().summary?.actionCount).toBe(done);
  });
});
