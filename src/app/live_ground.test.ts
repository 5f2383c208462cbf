import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { ActionResult, EngineApi } from "../protocol/engine.ts";
import type { MachineDescription, SessionDocument } from "../protocol/machine.ts";
import { PROFILE_IDS } from "../protocol/profiles.ts";
import { kernelOn, virtualMachine } from "../scenario/library/machines.ts";
import { createEngine } from "../worker/engine_api.ts";
import { liveDevice } from "./live_ground.ts";

const document = (machine: MachineDescription): SessionDocument => ({
  title: "a device",
  about: "",
  machine,
  actions: [],
  recorded: { accesses: [], events: [] },
});

async function opened(machine: MachineDescription): Promise<EngineApi> {
  const engine = createEngine();
  expect(await engine.openDocument(document(machine))).toMatchObject({ ok: true });
  return engine;
}

const MACHINES: readonly (readonly [string, () => MachineDescription])[] = [
  ["a guest on an SMMUv3", () => virtualMachine()],
  ["a guest whose card has a cache of its own", () => virtualMachine({ ats: true })],
  ["a lazy kernel on an SMMUv3", () => kernelOn("smmuv3", "neoverse", { lazy: true })],
  ["a kernel on VT-d", () => kernelOn("vtd", "sapphire-rapids")],
  ["a kernel on AMD-Vi", () => kernelOn("amdvi", "full")],
];

const succeeded = (result: ActionResult): boolean =>
  result.type === "software" ? result.done : (result.type === "went" || result.type === "device") && result.pa !== null;

describe.each(MACHINES)("On %s", (_name, machine) => {
  it.each(PROFILE_IDS)(
    "all that the %s does goes through, and nothing stays mapped",
    { timeout: 30_000 },
    async (profile) => {
      const engine = await opened(machine());
      const { rows } = await engine.streams(0, 99);
      const stream = rows.find(({ sid }) => sid === 0x28)!;
      const device = await liveDevice(engine, profile, stream);
      if (!device.ok) throw new Error(device.error.detail);
      await engine.applyAll(device.value.next(300));
      await engine.applyAll(device.value.end());
      const log = await engine.log(0, 2000);
      expect(log.total).toBeGreaterThan(300);
      const wrong = log.rows.filter(({ result }) => result === null || !succeeded(result));
      expect(wrong.map(({ action, result }) => [action, result])).toEqual([]);
      expect(await engine.events()).toEqual([]);
      expect((await engine.leaves(stream.sid, profile === "accelerator" ? 1 : null)).count).toBe(0);
    },
  );
});

describe("Over a capture", () => {
  it("a card works in what is mapped for its stream", async () => {
    const folder = new URL("../../public/captures/smmuv3-iommufd-nested/", import.meta.url);
    const engine = createEngine();
    const files = ["capture.json", "memory.bin"].map((name) => ({
      name,
      bytes: Uint8Array.from(readFileSync(new URL(name, folder))),
    }));
    expect(await engine.openFiles(files, () => {})).toMatchObject({ ok: true });
    const { rows } = await engine.streams(0, 99);
    const stream = rows.find(({ sid }) => sid === 16)!;
    const device = await liveDevice(engine, "nic", stream);
    if (!device.ok) throw new Error(device.error.detail);
    expect(await engine.applyAll(device.value.next(1000))).toMatchObject({ ok: true });
    const { rows: log } = await engine.log(0, 1000);
    expect(log.map(({ result }) => (result?.type === "refused" ? result : "went")).filter((r) => r !== "went")).toEqual(
      [],
    );
    expect(await liveDevice(engine, "accelerator", stream)).toMatchObject({
      ok: false,
      error: { place: "stream 0x10", detail: expect.stringContaining("no PASIDs") },
    });
  });
});
