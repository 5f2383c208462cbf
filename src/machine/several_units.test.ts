import { describe, expect, it } from "vitest";
import { SMMU_GBPA } from "../arch/smmuv3/control_registers.ts";
import { Digest } from "../base/digest.ts";
import { chooser } from "../engine/smmuv3/testing/random_world.ts";
import { type Access, type Action, ARCHES, type HardwareAction, type SessionDocument } from "../protocol/machine.ts";
import { formatScenario, parseScenario } from "../scenario/document.ts";
import { register } from "../scenario/library/hardware.ts";
import { Machine } from "./machine.ts";
import { Session } from "./session.ts";
import { unitsOf } from "./several_units.ts";
import { WORLDS } from "./testing/worlds.ts";
import { Timeline } from "./timeline.ts";
import { loadArchitecture } from "./units.ts";

const [NEAR, FAR] = [0x28, 0x30];
const ABORTS = register(SMMU_GBPA, { ABORT: 1, Update: 1 });

/** Two SMMUs that are off: GBPA says what becomes of everything. */
const DOCUMENT: SessionDocument = {
  title: "",
  about: "",
  machine: {
    arch: "smmuv3",
    preset: "neoverse-dvm-mpam",
    registers: {},
    caches: { tlb: { entries: 16, ways: 4 } },
    memory: { outside: "abort", zero: [[0n, 0x1_0000n]], segments: [] },
    devices: [
      { sid: NEAR, bdf: "0000:00:05.0", label: "near" },
      { sid: FAR, bdf: "0001:00:06.0", label: "far", iommu: 1 },
    ],
  },
  actions: [],
  recorded: { accesses: [], events: [] },
};

const access = (sid: number): Access => ({
  sid,
  ssid: null,
  iova: 0x1000n,
  write: true,
  privileged: false,
  instruction: false,
});
const dma = (sid: number): Action => ({ do: "dma", ...access(sid), length: 4 });
const abortBehind = (block?: string): Action => ({
  do: "register",
  name: "GBPA",
  value: ABORTS,
  ...(block === undefined ? {} : { block }),
});

async function open(actions: readonly Action[]): Promise<Session> {
  const opened = Session.open({ ...DOCUMENT, actions }, (await loadArchitecture("smmuv3"))!);
  if (!opened.ok) throw new Error(`${opened.error.place}: ${opened.error.detail}`);
  return opened.value;
}

const results = (session: Session): unknown[] => session.log(0, 100).rows.map(({ result }) => result?.type);

describe("A machine with two IOMMUs", () => {
  it("sends each device's requests to its own, which is programmed by itself", async () => {
    expect(results(await open([dma(NEAR), dma(FAR)]))).toEqual(["went", "went"]);
    expect(results(await open([abortBehind("iommu1"), dma(NEAR), dma(FAR)])).slice(1)).toEqual(["went", "refused"]);
    expect(results(await open([abortBehind(), dma(NEAR), dma(FAR)])).slice(1)).toEqual(["refused", "went"]);
  });

  it("goes back and forth, each with its own state", async () => {
    const session = await open([abortBehind("iommu1"), dma(FAR)]);
    const digests = [0, 1, 2].map((step) => {
      session.seek(step);
      return session.summary().digest;
    });
    expect(digests[0]).not.toBe(digests[1]);
    session.seek(0);
    expect(session.walk(access(FAR)).outcome.type).toBe("ok");
    session.seek(1);
    expect(session.summary().digest).toBe(digests[1]);
    expect(session.walk(access(FAR)).outcome.type).not.toBe("ok");
    expect(session.walk(access(NEAR)).outcome.type).toBe("ok");
  });

  it("names registers, queues and caches of the second", async () => {
    const session = await open([]);
    const blocks = new Set(session.registers().rows.map(({ block }) => block));
    expect([...blocks].sort()).toEqual(["", "iommu1", "iommu1 pe", "pe"]);
    const queues = session.queues().queues.map(({ id }) => id);
    expect(queues.filter((id) => id.endsWith("CMDQ"))).toEqual(["CMDQ", "iommu1 CMDQ"]);
    expect(new Set(queues).size).toBe(queues.length);
    expect(session.queueEntries("iommu1 CMDQ", 0, 4)).toEqual(session.queueEntries("CMDQ", 0, 4));
    const caches = session.caches().caches.map(({ name }) => name);
    expect(caches).toContain("iommu1 tlb");
    expect(session.streams(0, 10).rows.map(({ sid }) => sid)).toEqual([NEAR, FAR]);
  });

  it("has a consumer of commands for each, which is held by itself", async () => {
    const hold = (queue: string): Action => ({ do: "consumer", what: "hold", queue });
    const session = await open([hold("iommu1 CMDQ")]);
    expect(results(session)).toEqual(["written"]);
    const { readers } = session.queues();
    expect(readers["iommu1 CMDQ"]).toMatchObject({ held: true });
    expect(readers.CMDQ).toMatchObject({ held: false });
  });

  it("keeps to its own when a walk is shared, with the registers of the IOMMU that served it", async () => {
    const session = await open([abortBehind("iommu1")]);
    const again = formatScenario(session.document());
    expect(parseScenario(again, "scenario")).toMatchObject({ ok: true, value: { machine: DOCUMENT.machine } });
    const shared = session.share(access(FAR));
    expect(shared).toMatchObject({ ok: true });
    const near = session.share(access(NEAR));
    const reopened = await Promise.all(
      [shared, near].map(async (result) => {
        if (!result.ok) throw new Error(result.error.detail);
        const opened = Session.open(result.value.document, (await loadArchitecture("smmuv3"))!);
        return opened.ok ? opened.value.walk(result.value.document.view!.access!).outcome.type : null;
      }),
    );
    expect(reopened[1]).toBe("ok");
    expect(reopened[0]).not.toBe("ok");
  });
});

describe.each(ARCHES)("Behind the second of two IOMMUs with %s", (arch) => {
  it.each([1, 2, 3, 128383])("everything is as behind an only one, forth and back, seed %i", async (seed) => {
    const { make } = (await loadArchitecture(arch))!;
    const world = WORLDS[arch](seed);
    const { next, one, pick } = chooser(seed + 9);
    const alone = new Machine(world.machine, make);
    const names = alone.unit.inspect.registers().map(({ name }) => name);
    const actions = Array.from({ length: 200 }, (): HardwareAction => {
      if (one(12) === 1) return { do: "toggle", at: world.entry(), bit: next() % 64 };
      if (one(60) === 1) return { do: "register", name: pick(names), value: BigInt(next()) };
      return { do: "dma", length: pick([1, 64, 5000]), ...world.access() };
    });
    const sids = new Set(actions.flatMap((action) => (action.do === "dma" ? [action.sid] : [])));
    const devices = [...sids].map((sid) => ({ sid, bdf: "", label: "", iommu: 1 }));
    const two = new Machine({ ...world.machine, devices }, unitsOf(make));
    const timeline = new Timeline(two);
    const digests = [two.digest()];
    for (const action of actions) {
      timeline.append(action.do === "register" ? { ...action, block: "iommu1" } : action);
      expect(timeline.doneAt(timeline.now - 1)!.result).toEqual(alone.apply(action));
      digests.push(two.digest());
    }
    expect(two.unit.records()).toEqual(alone.unit.records());
    const [memory, wanted] = [two, alone].map((machine) => {
      const digest = new Digest();
      machine.memory.digest(digest);
      return digest.hex();
    });
    expect(memory).toBe(wanted);
    for (let i = 0; i < 8; i++) {
      const step = next() % (actions.length + 1);
      timeline.seek(step);
      expect([step, two.digest()]).toEqual([step, digests[step]]);
    }
  });
});
