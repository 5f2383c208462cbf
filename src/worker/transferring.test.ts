import { deepStrictEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { expose, proxy, type Remote, releaseProxy, wrap } from "comlink";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EngineApi, Progress } from "../protocol/engine.ts";
import { receivingLog, sendingLog } from "../protocol/log_wire.ts";
import { createEngine } from "./engine_api.ts";
import { moving, transferring } from "./transferring.ts";

const FOLDER = new URL("../../public/captures/smmuv3-iommufd-nested/", import.meta.url);
const files = ["capture.json", "memory.bin"].map((name) => ({
  name,
  bytes: Uint8Array.from(readFileSync(new URL(name, FOLDER))),
}));
const ACCESS = { sid: 16, ssid: null, iova: 0x10000n, write: true, privileged: false, instruction: false };

describe("answers across a message channel", { timeout: 30_000 }, () => {
  let channel: MessageChannel;
  let remote: Remote<EngineApi>;

  beforeEach(() => {
    channel = new MessageChannel();
    expose(transferring(createEngine()), channel.port1 as unknown as Parameters<typeof expose>[1]);
    remote = wrap<EngineApi>(channel.port2 as unknown as Parameters<typeof wrap>[0]);
  });
  afterEach(() => {
    remote[releaseProxy]();
    channel.port1.close();
    channel.port2.close();
  });

  it("come with progress told on the way", async () => {
    const seen: Progress[] = [];
    const many = JSON.parse(new TextDecoder().decode(files[0]!.bytes));
    many.translations = Array.from({ length: 20 }, () => many.translations).flat();
    const long = { name: "capture.json", bytes: new TextEncoder().encode(JSON.stringify(many)) };
    const r = await remote.openFiles(
      [long, files[1]!],
      proxy((p: Progress) => void seen.push(p)),
    );
    expect(r.ok).toBe(true);
    await expect.poll(() => seen.length).toBeGreaterThan(0);
  });

  it("arrive as they were, again and again", async () => {
    const local = createEngine();
    const quiet = (): void => {};
    for (const opened of [await local.openFiles(files, quiet), await remote.openFiles(files, proxy(quiet))]) {
      expect(opened.ok).toBe(true);
    }
    for (let i = 0; i < 2; i++) {
      // Arrays of very many bytes are compared at once.
      deepStrictEqual(await remote.walk(ACCESS), await local.walk(ACCESS));
      deepStrictEqual(await remote.leaves(16, null), await local.leaves(16, null));
      deepStrictEqual(await remote.recorded(), await local.recorded());
      deepStrictEqual(await remote.tableMap(16, null, 2), await local.tableMap(16, null, 2));
      expect(await remote.tableMap(8, null, 2)).toBeNull();
      deepStrictEqual(await remote.events(), await local.events());
      deepStrictEqual(await remote.document(), await local.document());
    }
  });

  it("carry a problem with all its fields", async () => {
    const r = await remote.openFiles(
      [files[0]!],
      proxy(() => {}),
    );
    expect(r).toMatchObject({ ok: false, error: { title: expect.any(String), place: "capture.json" } });
  });
});

describe("the log of actions across a message channel", { timeout: 30_000 }, () => {
  it("is whole at the page's end, while only what is new travels", async () => {
    const engine = createEngine();
    const { port1, port2 } = new MessageChannel();
    const travelled: number[] = [];
    const sending = sendingLog(transferring(engine));
    const counting = new Proxy(sending, {
      get: (target, name) =>
        name !== "apply" && name !== "seek" && name !== "applyAll"
          ? Reflect.get(target, name)
          : async (argument: never) => {
              const answer = await target[name](argument);
              if (answer.ok) travelled.push(answer.value.actions.length);
              return answer;
            },
    });
    expose(counting, port1 as unknown as Parameters<typeof expose>[1]);
    const remote = wrap<EngineApi>(port2 as unknown as Parameters<typeof wrap>[0]);
    const page = receivingLog(remote as unknown as EngineApi);
    await remote.openFiles(
      files,
      proxy(() => {}),
    );
    const toggle = (bit: number) => ({ do: "toggle", at: 0x41525000n, bit }) as const;
    await page.applyAll([toggle(0), toggle(1), toggle(2)]);
    const third = await page.apply(toggle(3));
    const back = await page.seek(2);
    if (!third.ok || !back.ok) throw new Error("refused");
    expect(back.value.actions).toBe(third.value.actions);
    // The third and the fourth go, another one comes.
    await page.apply(toggle(9));
    const [local, there] = [await engine.summary(), await page.summary()];
    expect(there).toEqual(local);
    expect(there.actions).toEqual([toggle(0), toggle(1), toggle(9)]);
    expect(travelled).toEqual([3, 1, 0, 1]);
    remote[releaseProxy]();
    port1.close();
    port2.close();
  });
});

describe("events across a message channel", { timeout: 30_000 }, () => {
  it("are those of the session at the page's end, while only what is new travels", async () => {
    const engine = createEngine();
    const { port1, port2 } = new MessageChannel();
    const asked: number[] = [];
    const counting: EngineApi = {
      ...engine,
      events: (from = 0) => {
        asked.push(from);
        return engine.events(from);
      },
    };
    expose(sendingLog(transferring(counting)), port1 as unknown as Parameters<typeof expose>[1]);
    const remote = wrap<EngineApi>(port2 as unknown as Parameters<typeof wrap>[0]);
    const page = receivingLog(remote as unknown as EngineApi);
    const open = () =>
      remote.openFiles(
        files,
        proxy(() => {}),
      );
    const astray = (iova: bigint) => ({ do: "dma", ...ACCESS, iova, length: 8 }) as const;
    const expectEvents = async (): Promise<void> => {
      expect(await page.events()).toEqual(await engine.events());
      expect((await page.summary()).recorded.events).toBe((await engine.events()).length);
    };
    await open();
    await expectEvents();
    const recorded = asked.length === 1 ? (await page.events()).length : 0;
    await page.applyAll([astray(0xdead_0000_0000n), astray(0xdead_0000_1000n)]);
    await expectEvents();
    const both = await page.events();
    expect(both).toHaveLength(recorded + 2);
    expect(await page.events()).toBe(both);
    // The second goes, another one comes; what stays is the same object.
    await page.seek(1);
    await page.apply(astray(0xdead_0000_2000n));
    await expectEvents();
    const after = await page.events();
    expect(after[recorded]).toBe(both[recorded]);
    expect(after[recorded + 1]).not.toEqual(both[recorded + 1]);
    await page.seek(0);
    await page.seek(2);
    await expectEvents();
    expect(asked.filter((from) => from === 0)).toHaveLength(1);
    await open();
    await expectEvents();
    remote[releaseProxy]();
    port1.close();
    port2.close();
  });
});

describe("what moves", { timeout: 30_000 }, () => {
  it("is a copy where an array is a window on a larger buffer", () => {
    const store = Uint32Array.of(1, 2, 3, 4);
    const answer = moving({ column: store.subarray(1, 3), count: 2 });
    expect(answer).toEqual({ column: Uint32Array.of(2, 3), count: 2 });
    expect(answer.column.buffer).not.toBe(store.buffer);
  });
});
