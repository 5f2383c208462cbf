import { describe, expect, it } from "vitest";
import { chooser } from "../../engine/smmuv3/testing/random_world.ts";
import type { StructureKind, WalkAnswer, Writer } from "../../protocol/engine.ts";
import { type Action, ARCHES, type Arch, type HardwareAction, type SessionDocument } from "../../protocol/machine.ts";
import { TRACE, TRACE_WORDS, TraceKind, traceAddress } from "../../protocol/trace.ts";
import { LIBRARY } from "../../scenario/library/library.ts";
import { Machine } from "../machine.ts";
import type { Session } from "../session.ts";
import { openSession } from "../testing/open_session.ts";
import { WORLDS } from "../testing/worlds.ts";
import { loadArchitecture } from "../units.ts";

const LESSONS: Readonly<Record<Arch, string>> = { smmuv3: "nested-dma", vtd: "nested-vtd", amdvi: "nested-amd" };

const EMPTY = { title: "", about: "", recorded: { accesses: [], events: [] } };

const writer = (session: Session, pa: bigint, kind: StructureKind = "S2 descriptor"): Writer | null =>
  session.structure({ kind, pa, level: 3, granuleLg2: 12, sid: 0 }).writtenBy;

/** Physical addresses that a walk read of one kind, and of one stage for descriptors. */
function placesOf({ trace }: WalkAnswer, kind: number, stage = 0): bigint[] {
  const records = Array.from({ length: trace.length / TRACE_WORDS }, (_, record) => record);
  return records
    .filter((record) => TRACE.f.kind.get(trace, record * TRACE_WORDS) === kind)
    .filter((record) => TRACE.f.stage.get(trace, record * TRACE_WORDS) === stage)
    .map((record) => traceAddress("pa", trace, record));
}

describe.each(ARCHES)("who wrote a place last, %s", (arch) => {
  const document = (): SessionDocument => LIBRARY.find(({ id }) => id === LESSONS[arch])!.document();
  const sid = () => document().machine.devices[0]!.sid;
  const dma = (iova: bigint, data: readonly number[] = []): Extract<Action, { do: "dma" }> => ({
    do: "dma",
    sid: sid(),
    ssid: null,
    iova,
    write: true,
    privileged: false,
    instruction: false,
    length: 8,
    ...(data.length === 0 ? {} : { data: Uint8Array.from({ length: 8 }, (_, i) => data[i] ?? 0) }),
  });

  it("is the guest for its tables and the host for those beneath, from the action that made them on", async () => {
    const session = await openSession(document());
    session.seek(1);
    const walk = session.walk(dma(0x10_0000n));
    expect(walk.outcome.type).toBe("ok");
    const own = placesOf(walk, TraceKind.Descriptor, 1);
    expect(own.map((pa) => writer(session, pa))).toEqual(own.map(() => ({ action: 0, by: "guest" })));
    const beneath = placesOf(walk, TraceKind.Descriptor, 2);
    expect(new Set(beneath.map((pa) => writer(session, pa)?.by))).toEqual(new Set(["host"]));
    session.seek(0);
    expect(own.map((pa) => writer(session, pa)?.action ?? null)).toEqual(own.map(() => null));
  });

  it("is software before the first action for what it set up then, and nobody for what nobody wrote", async () => {
    const session = await openSession({ ...document(), actions: [] });
    const register = { smmuv3: "SMMU_STRTAB_BASE", vtd: "RTADDR", amdvi: "DEVTAB_BASE" }[arch];
    const { value } = session.registers().rows.find(({ name }) => name === register)!;
    const first = arch === "smmuv3" ? "L1STD" : arch === "vtd" ? "RootEntry" : "DTE";
    expect(writer(session, value & 0xf_ffff_ffff_f000n, first)).toEqual({ action: null, by: "host" });
    expect(writer(session, 0x1_0040_0000n - 8n)).toBeNull();
  });

  it("is the device for its data, the action for what is written by hand, each where it did", async () => {
    const session = await openSession({ ...document(), actions: document().actions.slice(0, 1) });
    session.apply(dma(0x10_0ff8n, [1, 2, 3]));
    const { result } = session.log(1, 1).rows[0]!;
    if (result?.type !== "went") throw new Error("the device's write did not go through");
    const pa = result.pa!;
    expect([writer(session, pa), writer(session, pa - 8n)]).toEqual([{ action: 1, by: "device" }, null]);
    session.apply({ do: "toggle", at: pa, bit: 9 });
    session.apply({ do: "write", at: pa - 1n, bytes: Uint8Array.of(1) });
    const by = (at: bigint) => writer(session, at);
    expect([by(pa), by(pa - 8n)]).toEqual([
      { action: 2, by: "hand" },
      { action: 3, by: "hand" },
    ]);
    session.seek(2);
    expect([by(pa), by(pa - 8n)]).toEqual([{ action: 1, by: "device" }, null]);
  });

  it("is the hand for a command typed, and the IOMMU for the record of a fault", async () => {
    const session = await openSession({ ...document(), actions: document().actions.slice(0, 1) });
    const slot = (who: "software" | "hardware") => {
      const queue = session.queues().queues.find((q) => q.enabled && q.writer === who)!;
      return queue.base + BigInt(queue.producer.index * queue.entryBytes);
    };
    const [command, record] = [slot("software"), slot("hardware")];
    const name = { smmuv3: "CMD_TLBI_NSNH_ALL", vtd: "iotlb_inv_dsc", amdvi: "INVALIDATE_IOMMU_ALL" }[arch];
    const typed = session.apply({ do: "command", name, fields: {} });
    expect(typed).toMatchObject({ ok: true });
    session.apply({ ...dma(0xdead_0000n), sid: 0xbad0 });
    expect([writer(session, command), writer(session, record)]).toEqual([
      { action: 1, by: "hand" },
      // VT-d has registers for that.
      arch === "vtd" ? null : { action: 2, by: "IOMMU" },
    ]);
  });

  it.each([1, 2, 3])("is found over a long log as if every write had been watched, seed %i", async (seed) => {
    const world = WORLDS[arch](seed);
    const { next, pick } = chooser(seed + 5);
    const entries = Array.from({ length: 24 }, () => world.entry());
    const action = (): HardwareAction => {
      if (next() % 16 > 0) return { do: "dma", ...world.access(), write: true, length: 1, data: Uint8Array.of(next()) };
      return { do: "toggle", at: pick(entries), bit: next() % 12 };
    };
    const actions = Array.from({ length: 300 }, action);
    const session = await openSession({ ...EMPTY, machine: world.machine, actions });
    const machine = new Machine(world.machine, (await loadArchitecture(arch)).make);
    const last = new Map<bigint, Writer>();
    const note = (at: number, action: number, by: Writer["by"]) => last.set(BigInt(at - (at % 8)), { action, by });
    for (const [i, action] of actions.entries()) {
      machine.memory.tap = {
        word: (at) => note(at, i, action.do === "toggle" ? "hand" : "IOMMU"),
        run: (at) => note(at, i, "device"),
      };
      machine.apply(action);
    }
    expect([...last.values()].map(({ by }) => by)).toContain("hand");
    // Writes to where no memory is are heard as well.
    const known = [...entries, ...last.keys()].filter((at) => machine.readMemory(at, 8) !== null);
    for (const at of known) expect([at, writer(session, at)]).toEqual([at, last.get(at) ?? null]);
    session.seek(40);
    for (const at of entries) expect(writer(session, at)?.action ?? 0).toBeLessThan(40);
    expect(session.summary().step).toBe(40);
  });
});

it("is not looked for without end where the page is written all the time", async () => {
  const world = WORLDS.smmuv3(1);
  const actions = Array.from({ length: 5000 }, (): Action => ({ do: "toggle", at: 0x3f00_0000n, bit: 1 }));
  const session = await openSession({ ...EMPTY, machine: world.machine, actions });
  expect(writer(session, 0x3f00_0000n)).toEqual({ action: 4999, by: "hand" });
  expect(writer(session, 0x3f00_0080n)).toEqual({ action: 5000 - (5000 % 256) - 15 * 256, by: "earlier" });
  session.seek(4000);
  expect(writer(session, 0x3f00_0080n)).toBeNull();
});

it.each(["vtd", "amdvi"] as const)("is the IOMMU for the flags that it sets in tables itself, %s", async (arch) => {
  let flagged = 0;
  for (let seed = 1; seed < 8; seed++) {
    const world = WORLDS[arch](seed);
    const accesses = Array.from({ length: 12 }, () => ({ ...world.access(), write: true }));
    const actions = accesses.map((access): Action => ({ do: "dma", ...access, length: 8 }));
    const session = await openSession({ ...EMPTY, machine: world.machine, actions });
    const leaves = accesses.flatMap((access) => placesOf(session.walk(access), TraceKind.Descriptor, 1));
    const writers = leaves.flatMap((pa) => writer(session, pa) ?? []);
    expect(writers.every(({ by }) => by === "IOMMU")).toBe(true);
    flagged += writers.length;
  }
  expect(flagged).toBeGreaterThan(0);
});
