import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { OverlapQuery } from "../protocol/overlaps.ts";
import { createEngine } from "./engine_api.ts";

const FOLDER = new URL("../../public/captures/smmuv3-iommufd-nested/", import.meta.url);
const FILES = ["capture.json", "memory.bin"].map((name) => {
  return { name, bytes: Uint8Array.from(readFileSync(new URL(name, FOLDER))) };
});
const QUERY: OverlapQuery = { sid: 0x10, ssid: null, space: "PA", all: true, bypassing: false, at: null };
const quiet = (): void => {};

describe("a search for overlaps", { timeout: 30_000 }, () => {
  it("ends for a newer one, when it is stopped, and when the session changes", async () => {
    const engine = createEngine();
    expect((await engine.openFiles(FILES, quiet)).ok).toBe(true);
    const [older, newer] = await Promise.all([engine.overlaps(QUERY, quiet), engine.overlaps(QUERY, quiet)]);
    expect(older.ok).toBe(false);
    expect(newer).toMatchObject({ ok: true, value: { space: "PA", truncated: false } });
    const stopped = engine.overlaps(QUERY, quiet);
    await engine.stopOverlaps();
    expect((await stopped).ok).toBe(false);
    const overtaken = engine.overlaps(QUERY, quiet);
    await engine.apply({ do: "toggle", at: 0x41f9_7080n, bit: 6 });
    expect((await overtaken).ok).toBe(false);
    const after = await engine.overlaps(QUERY, quiet);
    if (!after.ok || !newer.ok) throw new Error("stopped");
    expect(after.value.revision).toBeGreaterThan(newer.value.revision);
    // Half a page's rights are gone with that bit, and with it a way to what it led to.
    expect(after.value.rows).not.toEqual(newer.value.rows);
  });
});
