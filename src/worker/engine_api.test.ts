import { readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { Session } from "../machine/session.ts";
import type { InputFile, Progress } from "../protocol/engine.ts";
import { type Access, ARCHES, type SessionDocument } from "../protocol/machine.ts";
import { formatScenario } from "../scenario/document.ts";
import { ok, problem } from "../scenario/problem.ts";
import { decodeFragment, encodeFragment } from "../scenario/url_codec.ts";
import { createEngine } from "./engine_api.ts";

const FOLDER = new URL("../../public/captures/smmuv3-iommufd-nested/", import.meta.url);
const read = (name: string): InputFile => ({ name, bytes: Uint8Array.from(readFileSync(new URL(name, FOLDER))) });
const SHIPPED = [read("capture.json"), read("memory.bin")];
const quiet = (): void => {};

/** A page both stages map: IOVA 0x10000 of the device 0000:00:02.0. */
const NESTED: Access = { sid: 16, ssid: null, iova: 0x10000n, write: true, privileged: false, instruction: false };

const opened = async () => {
  const engine = createEngine();
  const r = await engine.openFiles(SHIPPED, quiet);
  if (!r.ok) throw new Error(r.error.detail);
  return { engine, summary: r.value };
};

const EMPTY = { title: "", about: "", actions: [], recorded: { accesses: [], events: [] } };

const textFile = (name: string, text: string): InputFile => ({ name, bytes: new TextEncoder().encode(text) });

describe("the engine", { timeout: 30_000 }, () => {
  it("opens the shipped capture and agrees with all that was recorded", async () => {
    const { engine, summary } = await opened();
    expect(summary).toMatchObject({ arch: "smmuv3", step: 0, recorded: { accesses: 687, events: 11 } });
    const { agrees, count } = await engine.recorded();
    expect([count, [...agrees].every((a) => a === 1)]).toEqual([687, true]);
  });

  it("walks a nested page in 24 table accesses or fewer and gives its physical address", async () => {
    const { engine } = await opened();
    const walk = await engine.walk(NESTED);
    expect(walk.outcome).toMatchObject({ type: "ok", pa: 0x480cd000n });
    expect(walk.counts.stage1 + walk.counts.stage2).toBeLessThanOrEqual(24);
  });

  it("keeps the open session when anything it is given cannot be opened", async () => {
    const { engine, summary } = await opened();
    await engine.apply({ do: "toggle", at: 0x40bb3000n, bit: 0 });
    const before = await engine.summary();
    const { document } = { document: await engine.document() };
    const short = { name: "memory.bin", bytes: SHIPPED[1]!.bytes.subarray(0, 5000) };
    const json = JSON.parse(new TextDecoder().decode(SHIPPED[0]!.bytes));
    delete json.registers.STRTAB_BASE;
    const inputs: InputFile[][] = [
      [SHIPPED[0]!, short],
      [textFile("capture.json", JSON.stringify(json)), SHIPPED[1]!],
      [SHIPPED[0]!],
      [],
      [textFile("case.json", '{"v": 2}')],
      [textFile("case.json", "garbage")],
      [{ name: "a.zip", bytes: Uint8Array.of(0x50, 0x4b, 3, 4, 1, 2, 3) }],
    ];
    for (const files of inputs) {
      const r = await engine.openFiles(files, quiet);
      expect(r).toMatchObject({ ok: false, error: { title: expect.any(String), place: expect.any(String) } });
    }
    const lacking: SessionDocument = { ...document, machine: { ...document.machine, registers: {} } };
    expect((await engine.openDocument(lacking)).ok).toBe(false);
    expect(await engine.summary()).toEqual(before);
    expect(before.digest).not.toBe(summary.digest);
  });

  it("does not let a mistake of its own cost the open session", async () => {
    const { engine, summary } = await opened();
    vi.spyOn(Session, "open").mockImplementation(() => {
      throw new Error("out of cheese");
    });
    const r = await engine.openFiles(SHIPPED, quiet);
    expect(r).toMatchObject({ ok: false, error: { detail: expect.stringContaining("out of cheese") } });
    expect(await engine.summary()).toEqual(summary);
  });

  it("answers a problem, not an exception, while nothing is open", async () => {
    const engine = createEngine();
    const refused = { ok: false, error: { title: "No session is open." } };
    expect(await engine.apply({ do: "register", name: "CR0", value: 0n })).toMatchObject(refused);
    expect(await engine.seek(0)).toMatchObject(refused);
    expect(await engine.share(NESTED)).toMatchObject(refused);
    await expect(engine.summary()).rejects.toThrow("no session is open");
  });

  it("stops an opening when told to, and when a newer one begins", async () => {
    const { engine, summary } = await opened();
    const json = JSON.parse(new TextDecoder().decode(SHIPPED[0]!.bytes));
    json.translations = Array.from({ length: 40_000 }, () => json.translations[0]);
    const long = [textFile("capture.json", JSON.stringify(json)), SHIPPED[1]!];
    const cancelled = { ok: false, error: { title: "Opening was cancelled." } };

    const seen: Progress[] = [];
    const first = engine.openFiles(long, (p) => {
      seen.push(p);
      void engine.cancel();
    });
    expect(await first).toMatchObject(cancelled);
    expect(seen.length).toBeGreaterThan(0);
    expect(await engine.summary()).toEqual(summary);

    const overtaken = engine.openFiles(long, quiet);
    const newer = await engine.openFiles(SHIPPED, quiet);
    expect(newer.ok).toBe(true);
    expect(await overtaken).toMatchObject(cancelled);
  });

  it("opens what comes with the page, unless it cannot be read or another opening began meanwhile", async () => {
    const asked: string[] = [];
    const engine = createEngine(async (base) => {
      asked.push(base);
      return base === "gone" ? problem("It is gone.", "capture.json", "") : ok(SHIPPED);
    });
    expect(await engine.openShipped("gone", quiet)).toMatchObject({ ok: false, error: { title: "It is gone." } });
    const overtaken = engine.openShipped("here", quiet);
    expect(await engine.openFiles(SHIPPED, quiet)).toMatchObject({ ok: true });
    expect(await overtaken).toMatchObject({ ok: false, error: { title: "Opening was cancelled." } });
    const byFiles = await engine.summary();
    expect(await engine.openShipped("here", quiet)).toEqual(ok(byFiles));
    expect(asked).toEqual(["gone", "here", "here"]);
  });

  it("cuts a case down to a link that shows the same walk elsewhere", async () => {
    const { engine } = await opened();
    const shared = await engine.share(NESTED);
    if (!shared.ok) throw new Error(shared.error.detail);
    const link = await encodeFragment(shared.value.document);
    expect(link.length).toBeLessThanOrEqual(2000);
    const decoded = await decodeFragment(link);
    if (!decoded.ok) throw new Error(decoded.error.detail);
    const elsewhere = createEngine();
    const there = await elsewhere.openDocument(decoded.value);
    expect(there).toMatchObject({ ok: true, value: { view: NESTED } });
    const walk = await elsewhere.walk(NESTED);
    expect(walk.digest).toBe(shared.value.walkDigest);
    expect(walk.digest).toBe((await engine.walk(NESTED)).digest);
  });

  it("shows every recorded access the same way wherever and in whatever order it is asked", async () => {
    const { engine } = await opened();
    const { recorded } = await engine.document();
    const forward: string[] = [];
    for (const { access } of recorded.accesses) forward.push((await engine.walk(access)).digest);
    const { engine: other } = await opened();
    const backward: string[] = [];
    for (const { access } of recorded.accesses.toReversed()) backward.unshift((await other.walk(access)).digest);
    expect(backward).toEqual(forward);
    for (const [i, { access }] of recorded.accesses.entries()) {
      expect(await engine.share(access)).toMatchObject({ ok: true, value: { walkDigest: forward[i] } });
    }
  });

  it("saves and opens again the whole session, actions and all", async () => {
    const { engine } = await opened();
    const tip = await engine.walk(NESTED);
    await engine.apply({ do: "toggle", at: 0x40bb3000n, bit: 3 });
    await engine.apply({ do: "dma", ...NESTED, length: 4 });
    const before = await engine.summary();
    const again = createEngine();
    const r = await again.openFiles([textFile("session.json", formatScenario(await engine.document()))], quiet);
    expect(r).toMatchObject({ ok: true, value: { digest: before.digest, step: 2 } });
    await again.seek(0);
    expect((await again.walk(NESTED)).digest).toBe(tip.digest);
  });

  it("says what a description may choose, with nothing open, and makes every preset with every cache", async () => {
    const engine = createEngine();
    for (const arch of ARCHES) {
      const { presets, caches, options } = await engine.choices(arch);
      expect([presets.length > 2, caches.length > 3, options.length > 0]).toEqual([true, true, true]);
      for (const { id } of presets) {
        const machine = {
          arch,
          preset: id,
          registers: {},
          memory: { outside: "abort", zero: [[0n, 0x10_0000n]], segments: [] },
          devices: [],
          caches: Object.fromEntries(caches.map(({ name, size }) => [name, size])),
          options: Object.fromEntries(options.map(({ name }) => [name, false])),
        } as const;
        const opened = await engine.openDocument({ ...EMPTY, machine });
        expect(opened).toMatchObject({ ok: true, value: { arch } });
        const there = (await engine.caches()).caches.filter(({ sid }) => sid === null);
        expect(there.map(({ name }) => name)).toEqual(caches.map(({ name }) => name));
      }
    }
  });

  it("does several actions at once and tells what became of each", async () => {
    const { engine } = await opened();
    const [total, step] = [(await engine.summary()).actionCount, (await engine.summary()).step];
    const dma = { do: "dma", ...NESTED, length: 4 } as const;
    const done = await engine.applyAll([dma, { do: "toggle", at: 0x40bb3000n, bit: 3 }, { ...dma, iova: 1n << 60n }]);
    expect(done).toMatchObject({ ok: true, value: { actionCount: total + 3, step: step + 3 } });
    const { rows } = await engine.log(total, 9);
    expect(rows.map(({ result }) => result?.type)).toEqual(["went", "written", "refused"]);
    expect(rows[2]?.records).toBe(1);
    await engine.seek(total + 1);
    expect((await engine.log(total, 9)).rows.map(({ result }) => result?.type)).toEqual(["went", undefined, undefined]);
    expect(await engine.events(1_000_000)).toEqual([]);
  });
});
