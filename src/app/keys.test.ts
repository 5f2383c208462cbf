// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { COMMANDS, GROUPS } from "./commands.ts";
import { commandOf } from "./keys.ts";

/** The binding of a press on an element of this markup with id `t`, or on the page. */
function press(init: KeyboardEventInit, markup = ""): string | null {
  document.body.innerHTML = markup;
  const target = document.getElementById("t") ?? document.body;
  let found: string | null = null;
  const listen = (event: KeyboardEvent): void => {
    found = commandOf(event)?.what ?? null;
  };
  window.addEventListener("keydown", listen, { once: true });
  target.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init }));
  return found;
}

describe("The key table", () => {
  it("has one meaning for each press, and a name and a press of its own for each command", () => {
    const all = COMMANDS.flatMap((c) => c.presses ?? []);
    const presses = all.flatMap((p) => p.keys.map((key) => `${p.control ?? false} ${key} ${p.shift ?? "any"}`));
    expect(new Set(presses).size).toBe(presses.length);
    expect(new Set(all.map((p) => p.shown)).size).toBe(all.length);
    expect(new Set(COMMANDS.map((c) => c.id)).size).toBe(COMMANDS.length);
    expect(new Set(COMMANDS.map((c) => c.what)).size).toBe(COMMANDS.length);
    for (const c of COMMANDS) expect(GROUPS).toContain(c.group);
  });

  it("knows characters that need Shift, and tells F6 from Shift F6", () => {
    expect(press({ key: "?", shiftKey: true })).toBe("These keys");
    expect(press({ key: "F6" })).toBe("Next pane");
    expect(press({ key: "F6", shiftKey: true })).toBe("Pane before");
  });

  it("leaves browser shortcuts alone", () => {
    expect(press({ key: "ArrowLeft", altKey: true })).toBeNull();
    expect(press({ key: "s", ctrlKey: true })).toBeNull();
    expect(press({ key: "r", metaKey: true })).toBeNull();
  });

  it("takes back and does again as every program does", () => {
    expect(press({ key: "z", ctrlKey: true })).toBe("Take back one action");
    expect(press({ key: "Z", ctrlKey: true, shiftKey: true })).toBe("Do one action again");
    expect(press({ key: "z", metaKey: true })).toBe("Take back one action");
    expect(press({ key: "z", ctrlKey: true }, "<input id=t>")).toBeNull();
  });

  it("opens the palette from anywhere, also from a field", () => {
    expect(press({ key: "k", ctrlKey: true }, "<div role=dialog><input id=t></div>")).toBe("Find or run");
  });

  it("leaves typing alone, but for F6", () => {
    expect(press({ key: "ArrowLeft" }, "<input id=t>")).toBeNull();
    expect(press({ key: "s" }, "<textarea id=t></textarea>")).toBeNull();
    expect(press({ key: "F6" }, "<input id=t>")).toBe("Next pane");
  });

  it("lets Space press a button and play elsewhere", () => {
    expect(press({ key: " " }, "<button id=t></button>")).toBeNull();
    expect(press({ key: " " })).toBe("Play or pause");
    expect(press({ key: "ArrowRight" }, "<button id=t></button>")).toBe("Forward one access");
    expect(press({ key: " " }, "<input type=checkbox id=t>")).toBeNull();
    expect(press({ key: "ArrowRight" }, "<input type=checkbox id=t>")).toBe("Forward one access");
  });

  it("leaves what a pane has handled", () => {
    document.body.innerHTML = "<div id=t></div>";
    document.getElementById("t")?.addEventListener("keydown", (event) => event.preventDefault(), { once: true });
    const event = new KeyboardEvent("keydown", { key: "Home", bubbles: true, cancelable: true });
    document.getElementById("t")?.dispatchEvent(event);
    expect(commandOf(event)).toBeNull();
  });
});
