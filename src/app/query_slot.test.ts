import { describe, expect, it } from "vitest";
import { STOPPED } from "./engine_client.ts";
import { QuerySlot } from "./query_slot.ts";

/** A request whose answer the test gives. */
function later<T>() {
  let give: (answer: T | typeof STOPPED) => void = () => {};
  const promise = new Promise<T | typeof STOPPED>((resolve) => {
    give = resolve;
  });
  return { send: () => promise, give };
}

describe("A query slot", () => {
  it("takes in the answer to the newest request, in whatever order answers come", async () => {
    const slot = new QuerySlot<string>();
    const [first, second] = [later<string>(), later<string>()];
    const asked = [slot.ask("events", 1, first.send), slot.ask("events", 2, second.send)];
    second.give("new");
    first.give("old");
    await Promise.all(asked);
    expect(slot.state).toEqual({ answer: "new", stale: false });
  });

  it("keeps the old answer, marked stale, until the session's new one is there", async () => {
    const slot = new QuerySlot<string>();
    await slot.ask("events", 1, async () => "before");
    const next = later<string>();
    const asked = slot.ask("events", 2, next.send);
    expect(slot.state).toEqual({ answer: "before", stale: true });
    next.give("after");
    await asked;
    expect(slot.state).toEqual({ answer: "after", stale: false });
  });

  it("drops the answer at once when another question is asked, or none", async () => {
    const slot = new QuerySlot<string>();
    await slot.ask("stage 1", 1, async () => "map");
    const asked = slot.ask("stage 2", 1, async () => "other map");
    expect(slot.state).toEqual({ answer: null, stale: true });
    await asked;
    await slot.ask(null, 1, async () => "never");
    expect(slot.state).toEqual({ answer: null, stale: false });
  });

  it("does not ask the same twice of the same session", async () => {
    const slot = new QuerySlot<number>();
    let sent = 0;
    const send = async (): Promise<number> => ++sent;
    await slot.ask("events", 1, send);
    await slot.ask("events", 1, send);
    expect(sent).toBe(1);
  });

  it("asks again after the engine stopped", async () => {
    const slot = new QuerySlot<string>();
    await slot.ask("events", 1, async () => STOPPED);
    expect(slot.state).toEqual({ answer: null, stale: true });
    await slot.ask("events", 1, async () => "back");
    expect(slot.state).toEqual({ answer: "back", stale: false });
  });

  it("tells listeners the state now and every change", async () => {
    const slot = new QuerySlot<string>();
    const seen: (string | null)[] = [];
    const stop = slot.subscribe((state) => seen.push(state.answer));
    await slot.ask("events", 1, async () => "a");
    stop();
    await slot.ask("events", 2, async () => "b");
    expect(seen).toEqual([null, null, "a"]);
  });
});
