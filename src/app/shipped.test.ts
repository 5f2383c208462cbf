import { describe, expect, it } from "vitest";
import { EngineClient, STOPPED } from "./engine_client.ts";
import { ScriptedEngine } from "./scripted_engine.ts";
import { begun, shippedOpener } from "./shipped.ts";

function setUp() {
  const engines: ScriptedEngine[] = [];
  const client = new EngineClient(() => {
    engines.push(new ScriptedEngine());
    return engines.at(-1)!.transport();
  });
  client.restart();
  const opens = (): number => engines.flatMap(({ calls }) => calls).filter(({ name }) => name === "openShipped").length;
  return { client, engines, opens, open: shippedOpener(client, "https://here/") };
}

const quiet = (): void => {};

describe("Opening the shipped capture ahead", () => {
  it("gives what was begun to who asks first, and asks again for everybody else", async () => {
    const { engines, opens, open } = setUp();
    const ahead = begun(open);
    expect(opens()).toBe(1);
    expect(await ahead(quiet)).toMatchObject({ ok: true, value: { title: "shipped" } });
    expect(opens()).toBe(1);
    expect(engines[0]?.calls[0]?.argument).toBe("https://here/");
    expect(await ahead(quiet)).toMatchObject({ ok: true });
    expect(opens()).toBe(2);
  });

  it("asks the engine of now where the one it was begun in stopped", async () => {
    const { client, engines, opens, open } = setUp();
    const ahead = begun(open);
    engines[0]?.die("early.");
    client.restart();
    expect(await ahead(quiet)).toMatchObject({ ok: true });
    expect(opens()).toBe(2);
    client.end();
    expect(await ahead(quiet)).toBe(STOPPED);
  });
});
