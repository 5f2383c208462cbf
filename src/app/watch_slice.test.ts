import { describe, expect, it } from "vitest";
import { EMPTY_DOCUMENT } from "./scripted_engine.ts";
import { setUp } from "./scripted_store.ts";

const stray = { do: "toggle", at: 0n, bit: 0 } as const;
const watch = { on: "memory", from: 0n, to: 8n, label: "STE" } as const;

describe("What is watched", () => {
  it("stops a run with its reason, and never a step that was asked for", async () => {
    const { now } = setUp();
    await now().start("");
    await now().openDocument({ ...EMPTY_DOCUMENT, actions: [stray, stray, stray, stray] }, "a test");
    now().addWatch(watch);
    now().addWatch({ ...watch });
    expect(now().watches).toEqual([watch]);
    await now().seek(0);
    await now().seek(3);
    expect(now().summary!.step).toBe(3);
    await now().seek(0);
    await now().runTo(4);
    expect(now().summary!.step).toBe(2);
    expect(now().notices.at(-1)).toMatchObject({
      title: "Stopped after action 2.",
      place: "STE at PA 0x0 to 0x7",
      detail: "It changed.",
    });
    now().dropWatch(watch);
    await now().seek(0);
    await now().runTo(4);
    expect(now().summary!.step).toBe(4);
  });

  it("is forgotten with the session it belongs to", async () => {
    const { now } = setUp();
    await now().start("");
    now().addWatch(watch);
    await now().openDocument(EMPTY_DOCUMENT, "a test");
    expect(now().watches).toEqual([]);
  });
});
