import { describe, expect, it } from "vitest";
import type { QueueRow } from "../protocol/inspection.ts";
import type { Access, Action } from "../protocol/machine.ts";
import { formatScenario, parseScenario } from "../scenario/document.ts";
import { LIBRARY } from "../scenario/library/library.ts";
import { openLesson } from "../scenario/testing/lessons.ts";
import type { Session } from "./session.ts";

async function open(lesson: string, step: number): Promise<Session> {
  const session = await openLesson(lesson);
  session.seek(step);
  return session;
}

const queueOf = (session: Session, id: string): QueueRow => session.queues().queues.find((queue) => queue.id === id)!;

function act(session: Session, ...actions: Action[]): void {
  const done = session.applyAll(actions);
  if (!done.ok) throw new Error(done.error.detail);
}

/** A write to where nothing is mapped. */
function stray(session: Session): Action {
  const { sid } = session.document().machine.devices[0]!;
  const access: Access = { sid, ssid: null, iova: 0xdead_0000n, write: true, privileged: false, instruction: false };
  return { do: "dma", ...access, length: 4 };
}

describe.each([
  ["nested-dma", "EVENTQ"],
  ["nested-amd", "EVT"],
])("the host's driver, which reads the events of %s", (lesson, queue) => {
  it("reads none while it is held, all at a step, and is held again when time goes back", async () => {
    const session = await open(lesson, 1);
    act(session, stray(session));
    expect([queueOf(session, queue).waiting, session.queues().readers[queue]]).toEqual([
      0,
      { by: "host", held: false },
    ]);
    act(session, { do: "consumer", what: "hold", queue }, stray(session), stray(session));
    expect([queueOf(session, queue).waiting, session.queues().readers[queue]]).toEqual([2, { by: "host", held: true }]);
    const { step, digest } = session.summary();
    act(session, { do: "consumer", what: "step", queue });
    expect(queueOf(session, queue).waiting).toBe(0);
    act(session, stray(session));
    expect(queueOf(session, queue).waiting).toBe(1);
    act(session, { do: "consumer", what: "let go", queue }, stray(session));
    expect([queueOf(session, queue).waiting, session.queues().readers[queue]]).toEqual([
      0,
      { by: "host", held: false },
    ]);
    session.seek(step);
    expect([session.summary().digest, queueOf(session, queue).waiting]).toEqual([digest, 2]);
    // Going on from there, the software is booted anew and held as it was.
    act(session, stray(session));
    expect(queueOf(session, queue).waiting).toBe(3);
  });
});

describe("a virtual Command queue", () => {
  it("is held by itself, and carries out its commands one by one", async () => {
    const session = await open("vcmdq-merged", 1);
    const id = session.queues().queues.find((queue) => queue.id.startsWith("VCMDQ") && queue.enabled)!.id;
    const { waiting } = queueOf(session, id);
    expect([waiting, session.queues().readers[id]]).toEqual([0, { by: "IOMMU", held: false }]);
    act(session, { do: "consumer", what: "hold", queue: id });
    expect(session.queues().readers).toMatchObject({ [id]: { held: true }, CMDQ: { held: false } });
    // Two CMD_SYNCs, and the producer behind them.
    const { producer, base, entries } = queueOf(session, id);
    const sync = Uint8Array.from({ length: 32 }, (_, i) => (i % 16 === 0 ? 0x46 : 0));
    act(session, { do: "write", at: base + 16n * BigInt(producer.index), bytes: sync });
    const value = BigInt((producer.wrap! * entries + producer.index + 2) % (2 * entries));
    act(session, { do: "register", block: "cmdqv", name: producer.register, value });
    expect(queueOf(session, id).waiting).toBe(2);
    const { step, digest } = session.summary();
    act(session, { do: "consumer", what: "step", queue: id });
    expect([queueOf(session, id).waiting, queueOf(session, id).error]).toEqual([1, null]);
    act(session, { do: "consumer", what: "let go", queue: id });
    expect(queueOf(session, id).waiting).toBe(0);
    session.seek(0);
    session.seek(step);
    expect([session.summary().digest, queueOf(session, id).waiting]).toEqual([digest, 2]);
  });
});

describe("a guest's command buffer in hardware, of AMD", () => {
  it("is listed with its logs, where the host's tables put them, and is held by itself", async () => {
    const session = await open("amd-viommu-buffers", 2);
    const { queues, readers } = session.queues();
    const own = queues.filter(({ of }) => of === "guest");
    expect(own.map(({ id }) => id.replace(/\d+/, ""))).toEqual(["GUEST_CMD", "GUEST_EVT", "GUEST_PPR"]);
    expect(own.every(({ base, enabled }) => enabled && base >= 0x1_0000_0000n)).toBe(true);
    const [commands, events] = own;
    expect(readers[events!.id]).toEqual({ why: "The guest reads it when it is asked to." });
    const { id, producer } = commands!;
    act(session, { do: "consumer", what: "hold", queue: id });
    expect(session.queues().readers).toMatchObject({ [id]: { by: "IOMMU", held: true }, CMD: { held: false } });
    const { actions } = LIBRARY.find((lesson) => lesson.id === "amd-viommu-buffers")!.document();
    act(session, actions[2]!);
    const waiting = queueOf(session, id);
    expect(waiting.waiting).toBeGreaterThan(1);
    expect(session.queueEntries(id, producer.index, 1)[0]).toMatchObject({
      name: "INVALIDATE_IOMMU_PAGES",
      waiting: true,
    });
    const { step, digest } = session.summary();
    act(session, { do: "consumer", what: "step", queue: id });
    expect(queueOf(session, id).waiting).toBe(waiting.waiting - 1);
    act(session, { do: "consumer", what: "let go", queue: id });
    expect(queueOf(session, id).waiting).toBe(0);
    session.seek(0);
    session.seek(step);
    expect([session.summary().digest, queueOf(session, id).waiting]).toEqual([digest, waiting.waiting]);
  });
});

it("a queue that nobody reads by himself says so, and cannot be held", async () => {
  const kernel = LIBRARY.find((lesson) => lesson.document().machine.software?.kind === "kernel")!;
  const session = await open(kernel.id, 0);
  const record = session.queues().queues.find(({ writer }) => writer === "hardware")!.id;
  expect(session.queues().readers[record]).toEqual({ why: "The kernel reads it when it is asked to." });
  for (const queue of [record, "NONE"]) {
    const refused = session.apply({ do: "consumer", what: "hold", queue });
    expect(refused).toMatchObject({ ok: false });
  }
});

it("which queue is held is kept in a document", async () => {
  const session = await open("nested-dma", 1);
  act(session, { do: "consumer", what: "hold", queue: "EVENTQ" }, stray(session));
  const document = session.document();
  expect(parseScenario(formatScenario(document), "a test")).toMatchObject({
    ok: true,
    value: { actions: document.actions },
  });
});
