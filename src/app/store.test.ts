import { describe, expect, it, vi } from "vitest";
import type { Access } from "../protocol/machine.ts";
import { encodeFragment } from "../scenario/url_codec.ts";
import { EMPTY_DOCUMENT } from "./scripted_engine.ts";
import { file, settled, setUp } from "./scripted_store.ts";

const at = (iova: bigint, sid = 16): Access => ({
  sid,
  ssid: null,
  iova,
  write: false,
  privileged: false,
  instruction: false,
});

describe("The first visit", () => {
  it("opens the shipped capture and walks the first leaf of its nested stream that goes through", async () => {
    const { now } = setUp();
    await now().start("");
    expect(now().engine.state).toBe("ready");
    expect(now().summary?.title).toBe("shipped");
    expect(now().stream).toEqual({ sid: 16, ssid: null });
    expect(now().access).toEqual(at(0x11000n));
    expect(now().walk?.access).toEqual(at(0x11000n));
    expect(now().shown).toBe(6);
    expect(now().structureAnswer?.query.kind).toBe("S1 descriptor");
  });

  it("opens the case of the address instead, and what its sender looked at", async () => {
    const { now } = setUp();
    const fragment = await encodeFragment({ ...EMPTY_DOCUMENT, title: "sent", view: { access: at(0x5000n, 8) } });
    await now().start(`#${fragment}`);
    expect(now().summary?.title).toBe("sent");
    expect(now().walk?.access).toEqual(at(0x5000n, 8));
    expect(now().notices).toEqual([]);
  });

  it("says what is wrong with a damaged address and is not empty all the same", async () => {
    const { now } = setUp();
    await now().start("#c=1.%%%");
    expect(now().notices).toHaveLength(1);
    expect(now().notices[0]?.place).toContain("character 5");
    expect(now().summary?.title).toBe("shipped");
  });

  it("leaves other fragments alone", async () => {
    const { now } = setUp();
    await now().start("#section-2");
    expect(now().notices).toEqual([]);
    expect(now().summary?.title).toBe("shipped");
  });

  it("says when the shipped capture cannot be fetched, and can open something else", async () => {
    const error = { title: "The shipped capture could not be fetched.", place: "capture.json", detail: "" };
    const { now } = setUp((engine) => {
      engine.noShipped = error;
    });
    await now().start("");
    expect(now().notices).toMatchObject([error]);
    expect(now().summary).toBeNull();
    expect(now().engine.state).toBe("ready");
    await now().openFiles([file("mine")]);
    expect(now().summary?.title).toBe("mine");
  });
});

describe("Opening", () => {
  it("keeps the open session when the new one is refused", async () => {
    const { now } = setUp();
    await now().start("");
    const before = now();
    await now().openFiles([file("bad")]);
    expect(now().notices).toMatchObject([{ tone: "fault", title: "This capture is bad.", place: "a file" }]);
    expect(now().summary).toBe(before.summary);
    expect(now().walk).toBe(before.walk);
    expect(now().engine.state).toBe("ready");
  });

  it("keeps the open session when a changed address is damaged", async () => {
    const { now } = setUp();
    await now().start("");
    const { summary } = now();
    await now().followFragment("#c=9.AAAA");
    expect(now().notices[0]?.title).toContain("later version");
    expect(now().summary).toBe(summary);
  });

  it("shows progress while the open session stays, and takes the fragment off the address", async () => {
    const { now, hold, letGo, cleared } = setUp();
    await now().start("");
    hold("openFiles");
    const opening = now().openFiles([file("next")]);
    await settled();
    expect(now().engine).toMatchObject({ state: "loading", progress: { done: 1, total: 2 } });
    expect(now().summary?.title).toBe("shipped");
    await letGo(0);
    await opening;
    expect(now().summary?.title).toBe("next");
    expect(cleared).toEqual(["cleared"]);
  });

  it("drops what comes of an opening that was cancelled", async () => {
    const { now, hold, letGo, running } = setUp();
    await now().start("");
    hold("openFiles");
    const opening = now().openFiles([file("unwanted")]);
    await settled();
    now().cancelOpening();
    expect(running().calls.at(-1)?.name).toBe("cancel");
    await letGo(0);
    await opening;
    expect(now().summary?.title).toBe("shipped");
    expect(now().engine.state).toBe("ready");
    expect(now().notices).toEqual([]);
  });

  it("shows the last of two sessions opened at once, whichever is there first", async () => {
    const { now, hold, letGo } = setUp();
    await now().start("");
    hold("openFiles");
    const first = now().openFiles([file("first")]);
    await settled();
    const second = now().openFiles([file("second")]);
    await settled();
    await letGo(1);
    await letGo(0);
    await Promise.all([first, second]);
    expect(now().summary?.title).toBe("second");
  });

  it("says the same problem once", async () => {
    const { now } = setUp();
    await now().start("");
    await now().openFiles([file("bad")]);
    await now().openFiles([file("bad")]);
    expect(now().notices).toHaveLength(1);
    now().dismiss(now().notices[0]!.id);
    expect(now().notices).toEqual([]);
  });

  it("refuses more bytes than it reads, before reading any", async () => {
    const { now } = setUp();
    await now().start("");
    const read = vi.fn<() => Promise<Uint8Array>>(async () => new Uint8Array());
    await now().openPicked([{ name: "huge", size: 2 ** 40, read }]);
    expect(read).not.toHaveBeenCalled();
    expect(now().notices[0]?.title).toBe("These files are too much.");
  });

  it("names the file that cannot be read", async () => {
    const { now } = setUp();
    await now().start("");
    await now().openPicked([{ name: "dir/gone.bin", size: 8, read: () => Promise.reject(new Error("gone")) }]);
    expect(now().notices[0]).toMatchObject({ place: "dir/gone.bin" });
    expect(now().summary?.title).toBe("shipped");
  });
});

describe("Walks", () => {
  it("shows the newest choice when answers come back in another order", async () => {
    const { now, hold, letGo } = setUp();
    await now().start("");
    hold("walk");
    const choices = [0x1000n, 0x2000n, 0x3000n].map((iova) => now().chooseAccess(at(iova)));
    await settled();
    await letGo(2);
    expect(now().walk?.access.iova).toBe(0x3000n);
    await letGo(0);
    await letGo(1);
    await Promise.all(choices);
    expect(now().walk?.access.iova).toBe(0x3000n);
    expect(now().access?.iova).toBe(0x3000n);
  });

  it("drops an answer for a state that the session has left", async () => {
    const { now, hold, letGo, running } = setUp();
    await now().start("");
    hold("walk");
    const old = now().chooseAccess(at(0x7000n));
    await settled();
    const edit = now().toggleBit(3);
    await settled();
    expect(running().held.map((h) => h.name)).toEqual(["walk", "walk"]);
    await letGo(0);
    expect(now().walk?.access.iova).not.toBe(0x7000n);
    await letGo(1);
    await Promise.all([old, edit]);
    expect(now().walk?.digest).toBe("walk of 16 at 7000 after 1");
    expect(now().walk?.revision).toBe(now().summary?.revision);
  });

  it("gives way to a choice made while the leaves of another stream are on their way", async () => {
    const { now, hold, letGo } = setUp();
    await now().start("");
    hold("leaves");
    const stream = now().chooseStream(8, null);
    const access = now().chooseAccess(at(0x9000n));
    await settled();
    await letGo(0);
    await letGo(1);
    await Promise.all([stream, access]);
    expect(now().access).toEqual(at(0x9000n));
    expect(now().stream).toEqual({ sid: 16, ssid: null });
    expect(now().leaves?.iovaLo[0]).toBe(0x10000);
  });

  it("steps from access to access, an output with the access before it", async () => {
    const { now } = setUp();
    await now().start("");
    now().first();
    expect(now().shown).toBe(0);
    const seen: number[] = [];
    for (let i = 0; i < 6; i++) {
      now().step(1);
      seen.push(now().shown);
    }
    expect(seen).toEqual([1, 2, 3, 4, 6, 6]);
    expect(now().selected).toBe(4);
    now().step(-1);
    expect(now().shown).toBe(4);
    expect(now().structure?.pa).toBe(0x4000n);
  });

  it("plays to the end and stops", async () => {
    vi.useFakeTimers();
    try {
      const { now } = setUp();
      const started = now().start("");
      await vi.runAllTimersAsync();
      await started;
      now().play("accesses");
      expect(now().shown).toBe(0);
      await vi.advanceTimersByTimeAsync(10_000);
      expect(now().shown).toBe(6);
      expect(now().playing).toBeNull();
    } finally {
      vi.useRealTimers();
    }
  });

  it("keeps place and structure when an edit changes the walk of the same access", async () => {
    const { now } = setUp();
    await now().start("");
    now().showRecord(3);
    now().select(1);
    expect(now().structure?.pa).toBe(0x2000n);
    await now().toggleBit(0);
    expect(now().shown).toBe(3);
    expect(now().selected).toBe(1);
    expect(now().structureAnswer?.words?.[0]).toBe(1);
  });

  it("goes back to what was selected before", async () => {
    const { now } = setUp();
    await now().start("");
    now().select(1);
    now().select(2);
    now().selectBefore();
    expect([now().selected, now().structure?.pa]).toEqual([1, 0x2000n]);
    now().selectBefore();
    expect(now().structure?.pa).toBe(0x5000n);
    now().selectBefore();
    expect(now().structure?.pa).toBe(0x5000n);
    now().select(1);
    await now().openFiles([file("other")]);
    now().selectBefore();
    expect(now().structure?.pa).toBe(0x5000n);
  });

  it("keeps the inspected structure when the walk no longer reads it", async () => {
    const { now } = setUp();
    await now().start("");
    expect(now().structure?.pa).toBe(0x5000n);
    await now().toggleBit(0);
    expect(now().selected).toBeNull();
    expect(now().structure?.pa).toBe(0x5000n);
    expect(now().structureAnswer?.revision).toBe(now().summary?.revision);
  });
});

describe("Edits", () => {
  it("become actions of the log and are taken back by going to a step", async () => {
    const { now, running } = setUp();
    await now().start("");
    await now().toggleBit(95);
    expect(now().summary?.actions).toEqual([{ do: "toggle", at: 0x5008n, bit: 31 }]);
    await now().seek(0);
    expect(now().summary?.step).toBe(0);
    expect(now().walk?.digest).toContain("after 0");
    expect(
      running()
        .calls.filter((c) => c.name === "seek")
        .map((c) => c.argument),
    ).toEqual([0]);
    await now().seek(-1);
    await now().seek(9);
    expect(now().summary?.step).toBe(1);
  });

  it("write an address field in place, and one changed bit as a flip", async () => {
    const { now } = setUp();
    await now().start("");
    const field = { name: "Table", hi: 47, lo: 12, form: "address", about: "" } as const;
    await now().writeField(field, 0x1234_5678_9000n);
    expect(now().summary?.actions.at(-1)).toEqual({
      do: "write",
      at: 0x5000n,
      bytes: Uint8Array.of(0, 0x90, 0x78, 0x56, 0x34, 0x12, 0, 0),
    });
    await now().writeField({ name: "AF", hi: 10, lo: 10, form: "number", about: "" }, 1n);
    expect(now().summary?.actions.at(-1)).toEqual({ do: "toggle", at: 0x5000n, bit: 10 });
  });

  it("see each other in turn", async () => {
    const { now } = setUp();
    await now().start("");
    await Promise.all([now().toggleBit(0), now().toggleBit(1), now().seek(1)]);
    expect(now().summary?.actions).toHaveLength(2);
    expect(now().summary?.step).toBe(1);
  });

  it("close a packed link, for it holds the state before", async () => {
    const { now } = setUp();
    await now().start("");
    await now().openShare();
    expect(now().share).toMatchObject({ state: "packed", walkDigest: "walk of 16 at 11000" });
    await now().toggleBit(0);
    expect(now().share.state).toBe("closed");
  });
});

describe("When the engine stops", () => {
  it("says why and brings back source, actions, step, access, place and selection", async () => {
    const { now, running, engines } = setUp();
    await now().start("");
    await now().openFiles([file("mine")]);
    await now().chooseAccess(at(0x6000n, 8));
    await now().toggleBit(0);
    await now().toggleBit(1);
    await now().seek(1);
    now().showRecord(2);
    now().select(1);
    await settled();
    const before = now();

    running().die("RangeError: walk.ts.");
    expect(now().engine).toMatchObject({ state: "stopped", stopped: "RangeError: walk.ts." });
    expect(now().walk).toBe(before.walk);
    expect(engines[0]?.ended).toBe(true);

    await now().restartEngine();
    expect(engines).toHaveLength(2);
    const after = now();
    expect(after.engine.state).toBe("ready");
    expect(after.summary).toMatchObject({ title: "mine", step: 1, digest: before.summary?.digest });
    expect(after.summary?.actions).toEqual(before.summary?.actions);
    expect(after.access).toEqual(before.access);
    expect(after.walk?.digest).toBe(before.walk?.digest);
    expect([after.shown, after.selected, after.structure]).toEqual([before.shown, before.selected, before.structure]);
    expect(after.structureAnswer?.words).toEqual(before.structureAnswer?.words);
  });

  it("does what is asked for while it comes back to the session that comes back", async () => {
    const { now, running } = setUp();
    await now().start("");
    await now().toggleBit(0);
    await now().toggleBit(1);
    running().die("gone.");
    const restart = now().restartEngine();
    const back = now().seek(1);
    await Promise.all([restart, back]);
    expect(now().summary).toMatchObject({ step: 1, actions: { length: 2 } });
    expect(now().notices).toEqual([]);
  });

  it("takes a call that throws for a stop and names it", async () => {
    const { now, running } = setUp();
    await now().start("");
    running().throwing = "walk";
    await now().chooseAccess(at(0x1000n));
    expect(now().engine.state).toBe("stopped");
    expect(now().engine.stopped).toBe("RangeError: planted. It was busy with the walk of IOVA 0x1000, StreamID 0x10.");
  });

  it("takes silence for a stop when a call does not come back", async () => {
    const { now, hold } = setUp();
    await now().start("");
    hold("walk");
    await now().chooseAccess(at(0x1000n));
    expect(now().engine.state).toBe("stopped");
    expect(now().engine.stopped).toContain("no sign of life");
    await now().restartEngine();
    expect(now().walk?.access.iova).toBe(0x1000n);
  });

  it("leaves out the edit that was under way, and only that one", async () => {
    const { now, running } = setUp();
    await now().start("");
    await now().toggleBit(0);
    running().throwing = "apply";
    await now().toggleBit(1);
    expect(now().engine.state).toBe("stopped");
    await now().restartEngine();
    expect(now().summary?.actions).toHaveLength(1);
  });

  it("does not repeat a walk that stopped it twice", async () => {
    const { now, engines, running } = setUp();
    await now().start("");
    running().throwing = "walk";
    await now().chooseAccess(at(0xbad000n));
    const restart = now().restartEngine();
    engines.at(-1)!.throwing = "walk";
    await restart;
    expect(now().engine.state).toBe("stopped");
    await now().restartEngine();
    expect(now().engine.state).toBe("ready");
    expect(now().notices[0]?.title).toBe("One walk is left out.");
    expect(now().summary?.title).toBe("shipped");
  });

  it("can open something else at once", async () => {
    const { now, running } = setUp();
    await now().start("");
    running().die("gone.");
    await now().openFiles([file("other")]);
    expect(now().engine.state).toBe("ready");
    expect(now().summary?.title).toBe("other");
  });

  it("opens the shipped capture on restart when nothing had been open", async () => {
    const { now } = setUp((engine, index) => {
      if (index === 0) engine.throwing = "openShipped";
    });
    await now().start("");
    expect(now().engine.state).toBe("stopped");
    await now().restartEngine();
    expect(now().summary?.title).toBe("shipped");
  });
});

describe("Sharing", () => {
  it("packs the walk into a link that opens to the same", async () => {
    const { now } = setUp();
    await now().start("");
    await now().openShare();
    const { share } = now();
    if (share.state !== "packed") throw new Error(share.state);
    const other = setUp();
    await other.now().start(new URL(share.link).hash);
    expect(other.now().walk?.digest).toBe(now().walk?.digest);
    expect(other.now().access).toEqual(now().access);
    expect(JSON.parse(share.file)).toMatchObject({ title: "shipped" });
  });

  it("drops a case that is ready after the panel was closed", async () => {
    const { now, hold, letGo } = setUp();
    await now().start("");
    hold("share");
    const packing = now().openShare();
    await settled();
    now().closeShare();
    await letGo(0);
    await packing;
    expect(now().share.state).toBe("closed");
  });
});
