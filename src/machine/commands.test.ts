import { describe, expect, it } from "vitest";
import { COMMAND_TABLES } from "../arch/command_tables.ts";
import type { CacheView, QueueRow } from "../protocol/inspection.ts";
import { type Action, ARCHES, type Arch, type CommandWords } from "../protocol/machine.ts";
import { formatScenario, parseScenario } from "../scenario/document.ts";
import { openLesson } from "../scenario/testing/lessons.ts";
import type { Session } from "./session.ts";

/** A lesson after its first DMA, a command that drops everything and one of a domain or ASID that there is none of. */
const CASES: Readonly<Record<Arch, { lesson: string; all: CommandWords; other: CommandWords }>> = {
  smmuv3: {
    lesson: "nested-dma",
    all: { name: "CMD_TLBI_NSNH_ALL", fields: {} },
    other: { name: "CMD_TLBI_NH_ASID", fields: { VMID: 0x77n, ASID: 0x77n } },
  },
  vtd: {
    lesson: "nested-vtd",
    all: { name: "iotlb_inv_dsc", fields: { G: 1n } },
    other: { name: "iotlb_inv_dsc", fields: { G: 2n, DID: 0x77n } },
  },
  amdvi: {
    lesson: "nested-amd",
    all: { name: "INVALIDATE_IOMMU_ALL", fields: {} },
    other: { name: "INVALIDATE_IOMMU_PAGES", fields: { DomainID: 0x77n, S: 1n, Address: 0x7fff_ffff_ffff_f000n } },
  },
};

async function open(arch: Arch): Promise<Session> {
  const session = await openLesson(CASES[arch].lesson);
  session.seek(2);
  return session;
}

function queueOf(session: Session): QueueRow {
  const { queues, commands } = session.queues();
  return queues.find(({ id }) => id === commands[0])!;
}

/** Whether the reader of a queue is held. */
function isHeld(session: Session, queue = queueOf(session).id): boolean {
  const reader = session.queues().readers[queue]!;
  if ("why" in reader) throw new Error(reader.why);
  return reader.held;
}

const entries = (caches: readonly CacheView[]): string[] =>
  caches.flatMap(({ name, sid, entries: own }) => own.map(({ entry }) => `${name} ${sid} ${entry}`));

describe.each(ARCHES)("a typed command, %s", (arch) => {
  const { all, other } = CASES[arch];

  it("stands in the queue where the producer was, and is carried out", async () => {
    const session = await open(arch);
    const before = queueOf(session);
    const applied = session.apply({ do: "command", ...all });
    expect(applied.ok).toBe(true);
    const after = queueOf(session);
    expect(after.producer.index).toBe((before.producer.index + 1) % before.entries);
    expect([after.waiting, after.error]).toEqual([0, null]);
    const [entry] = session.queueEntries(after.id, before.producer.index, 1);
    expect(entry!.name).toBe(all.name);
    for (const [name, value] of Object.entries(all.fields)) {
      expect(entry!.fields.find((field) => field.name === name)!.value).toBe(value);
    }
  });

  it("waits while the consumer is held, goes one by one, and is held again when time goes back", async () => {
    const session = await open(arch);
    const act = (...actions: Action[]): void => {
      expect(session.applyAll(actions).ok).toBe(true);
    };
    act({ do: "consumer", what: "hold" }, { do: "command", ...other }, { do: "command", ...all });
    expect(isHeld(session)).toBe(true);
    const held = entries(session.caches().caches);
    expect([queueOf(session).waiting, held.length > 0]).toEqual([2, true]);
    act({ do: "consumer", what: "step" });
    expect([queueOf(session).waiting, entries(session.caches().caches)]).toEqual([1, held]);
    const { digest, step } = session.summary();
    act({ do: "consumer", what: "let go" });
    expect([queueOf(session).waiting, isHeld(session)]).toEqual([0, false]);
    session.seek(0);
    session.seek(step);
    expect([session.summary().digest, queueOf(session).waiting]).toEqual([digest, 1]);
    expect(isHeld(session)).toBe(true);
  });

  it("drops what was foretold and nothing else, and asking changes nothing", async () => {
    const session = await open(arch);
    for (const command of [other, all]) {
      const before = session.summary();
      const cached = session.caches().caches;
      const told = session.invalidation(command);
      if (!told.ok) throw new Error(told.error.detail);
      expect(session.summary()).toEqual(before);
      session.apply({ do: "command", ...command });
      const after = new Set(entries(session.caches().caches));
      const gone = entries(cached).filter((name) => !after.has(name));
      expect(told.value.drops.map(({ cache, sid, entry }) => `${cache} ${sid} ${entry}`)).toEqual(gone);
      expect(gone.length > 0).toBe(command === all);
    }
  });

  it("is refused where its name or a field is wrong, at that field", async () => {
    const session = await open(arch);
    const [field, about] = Object.entries(other.fields)[0]!;
    const refusal = (command: CommandWords): string => {
      const answer = session.apply({ do: "command", ...command });
      return answer.ok ? "" : answer.error.detail;
    };
    expect(refusal({ name: "CMD_NONE", fields: {} })).toContain("no command CMD_NONE");
    expect(refusal({ ...other, fields: { nothing: about } })).toContain("no field nothing");
    expect(refusal({ ...other, fields: { [field]: 1n << 70n } })).toContain(field);
    const fixed = Object.keys(COMMAND_TABLES[arch][0]!.fixed)[0]!;
    expect(refusal({ ...other, fields: { [fixed]: 0n } })).toContain(fixed);
  });

  it("is kept in a document", async () => {
    const session = await open(arch);
    session.apply({ do: "consumer", what: "hold" });
    session.apply({ do: "command", ...other });
    const document = session.document();
    const read = parseScenario(formatScenario(document), "a test");
    expect(read).toMatchObject({ ok: true, value: { actions: document.actions } });
  });
});

it("a full queue takes no further command", async () => {
  const session = await open("amdvi");
  session.apply({ do: "consumer", what: "hold" });
  const { entries: size } = queueOf(session);
  session.applyAll(Array.from({ length: size }, () => ({ do: "command", ...CASES.amdvi.other })));
  const queue = queueOf(session);
  expect(queue.waiting).toBe(queue.entries - 1);
  const { total } = session.log(0, 0);
  expect(session.log(total - 1, 1).rows[0]!.result).toEqual({ type: "written", taken: false });
});

it("entries above the leaves may go with a command for leaf entries alone", async () => {
  const session = await open("smmuv3");
  const command = (Leaf: bigint) => ({
    name: "CMD_TLBI_NH_VA",
    fields: { VMID: 1n, ASID: 1n, Address: 0x10_0000n, Leaf },
  });
  const all = session.invalidation(command(0n));
  const leaf = session.invalidation(command(1n));
  if (!all.ok || !leaf.ok) throw new Error("refused");
  expect([...leaf.value.drops, ...leaf.value.mayDrop].length).toBe(all.value.drops.length);
  expect(all.value.mayDrop).toEqual([]);
});
