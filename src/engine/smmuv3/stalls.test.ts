import { describe, expect, it } from "vitest";
import { xorshift32 } from "../../base/rng.ts";
import { NO_TAG, StallEnd, Stalls } from "./stalls.ts";

describe("tags of stalled transactions, IHI 0070 §3.12.2", () => {
  it("are different, and no more than there may be", () => {
    const stalls = new Stalls(3);
    const tags = [1, 1, 2, 2].map((sid) => stalls.take(sid));
    expect([new Set(tags.slice(0, 3)).size, tags[3], stalls.count]).toEqual([3, NO_TAG, 3]);
  });

  it("come back with a command, and are not used again at once", () => {
    const stalls = new Stalls(3);
    const first = stalls.take(1);
    stalls.resume(1, first, StallEnd.Retry);
    expect([stalls.count, stalls.take(1) === first]).toEqual([0, false]);
  });

  it("answer for their own stream only, and once, §4.7.1", () => {
    const stalls = new Stalls(4);
    const tag = stalls.take(7);
    stalls.resume(8, tag, StallEnd.Abort);
    stalls.resume(7, tag + 1, StallEnd.Abort);
    expect([stalls.takeDecisions(), stalls.count]).toEqual([[], 1]);
    stalls.resume(7, tag, StallEnd.Zero);
    stalls.resume(7, tag, StallEnd.Abort);
    expect(stalls.takeDecisions()).toEqual([[tag, StallEnd.Zero]]);
    expect(stalls.takeDecisions()).toEqual([]);
  });

  it("all end with the stream, or with translation, §4.7.2, §6.3.9.6", () => {
    const stalls = new Stalls(8);
    for (const sid of [1, 2, 1, 3]) stalls.take(sid);
    stalls.terminateStream(1);
    expect([stalls.count, stalls.isTerminated(1), stalls.isTerminated(2)]).toEqual([2, true, false]);
    stalls.forgetTerminated();
    stalls.terminateAll();
    expect([stalls.count, stalls.isTerminated(2)]).toEqual([0, true]);
    expect(stalls.takeDecisions().map(([, end]) => end)).toEqual([2, 2, 2, 2]);
  });

  it.each([1, 2, 3])("are never held by two at a time, and come back in a snapshot, seed %i", (seed) => {
    const next = xorshift32(seed);
    const stalls = new Stalls(5);
    const held = new Map<number, number>();
    for (let i = 0; i < 2000; i++) {
      const sid = next() % 3;
      if (next() % 2 === 0) {
        const tag = stalls.take(sid);
        expect(tag === NO_TAG).toBe(held.size === 5);
        if (tag === NO_TAG) continue;
        expect(held.has(tag)).toBe(false);
        held.set(tag, sid);
      } else {
        const tag = next() % 5;
        stalls.resume(sid, tag, StallEnd.Abort);
        if (held.get(tag) === sid) held.delete(tag);
      }
      expect(stalls.count).toBe(held.size);
    }
    const image = stalls.snapshot();
    const copy = new Stalls(5);
    copy.restore(image);
    stalls.terminateAll();
    expect([copy.count, stalls.count]).toEqual([held.size, 0]);
    expect([...copy.snapshot().tags]).toEqual([...image.tags]);
  });
});
