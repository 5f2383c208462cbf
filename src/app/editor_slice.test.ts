import { describe, expect, it } from "vitest";
import { settled, setUp } from "./scripted_store.ts";

const TEXT = JSON.stringify({
  v: 1,
  title: "typed",
  machine: { arch: "smmuv3", registers: {} },
  steps: [{ do: "toggle", at: "0x1000", bit: 3 }],
});
const FROM = "the session's text";

async function opened() {
  const test = setUp();
  await test.now().start("");
  return test;
}

describe("The edited text", () => {
  it("is opened in place of the session, and is then no draft any more", async () => {
    const { now } = await opened();
    now().editText(TEXT, FROM);
    await now().openText();
    expect(now().summary?.title).toBe("typed");
    expect(now().summary?.actionCount).toBe(1);
    expect(now().draft).toBeNull();
  });

  it("with problems opens nothing, and neither it nor the session is lost", async () => {
    const { now } = await opened();
    const before = now().summary;
    now().choosePreset("walk");
    now().editText("{", FROM);
    await now().openText();
    expect(now().summary).toBe(before);
    expect(now().draft).toEqual({ text: "{", from: FROM, refused: null });
    expect(now().preset).toBe("edit");
  });

  it("that is typed on while it is being opened stays a draft", async () => {
    const { now, hold, running } = await opened();
    hold("openDocument");
    now().editText(TEXT, FROM);
    const opening = now().openText();
    while (running().held.length === 0) await settled();
    now().editText(`${TEXT} `, FROM);
    running().held[0]!.letGo();
    await opening;
    expect(now().summary?.title).toBe("typed");
    expect(now().draft?.text).toBe(`${TEXT} `);
  });

  it("is no draft where it is the session's text again", async () => {
    const { now } = await opened();
    now().editText("a", FROM);
    now().editText(FROM, FROM);
    expect(now().draft).toBeNull();
  });

  it("has its steps changed one after the other, however fast that is asked", async () => {
    const { now } = await opened();
    await Promise.all([1, 2, 3].map(() => now().changeStep({ change: "duplicate", at: 0 }, TEXT)));
    expect(JSON.parse(now().draft?.text ?? "").steps).toHaveLength(4);
    expect(now().draft?.from).toBe(TEXT);
  });
});
