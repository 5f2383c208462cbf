import { describe, expect, it } from "vitest";
import { Session } from "../../machine/session.ts";
import { openSession } from "../../machine/testing/open_session.ts";
import { loadArchitecture } from "../../machine/units.ts";
import { Software } from "../../machine/world/software.ts";
import type { Access, SessionDocument } from "../../protocol/machine.ts";
import { TRACE, TRACE_WORDS, TraceKind } from "../../protocol/trace.ts";
import { MPAM } from "./mpam.ts";
import { dma, GUEST, map, partition } from "./verbs.ts";

const DOCUMENT = MPAM[0]!.document();

const playing = (actions: SessionDocument["actions"], changes: Partial<SessionDocument["machine"]> = {}) =>
  openSession({ ...DOCUMENT, machine: { ...DOCUMENT.machine, ...changes }, actions });

/** PARTID and PMG that an access goes out with. */
function labels(session: Session, access: Access): unknown[] {
  const { tags } = session.walk(access);
  return ["PARTID", "PMG"].map((name) => tags.find((tag) => tag.name === name)?.value);
}

/** Of each access of a session, in order, as it was made. */
function allLabels(session: Session): unknown[] {
  return session.log(0, 100).rows.flatMap(({ action }, step) => {
    if (action.do !== "dma") return [];
    session.seek(step + 1);
    return [labels(session, action)];
  });
}

const abouts = (session: Session): string[] =>
  session.log(0, 100).rows.flatMap(({ result }) => (result?.type === "software" ? [result.about] : []));

describe("What the remarks on partitions say", () => {
  it("comes true: each access carries a PARTID of the virtual machine's", async () => {
    expect(allLabels(await openSession(DOCUMENT))).toEqual([
      [40, 0],
      [42, 1],
      [41, 0],
      [40, 0],
    ]);
  });

  it("comes true of the walk: its map is read from memory", async () => {
    const session = await openSession(DOCUMENT);
    const kinds = (step: number, access: Access): number[] => {
      session.seek(step);
      const { trace } = session.walk(access);
      return Array.from({ length: trace.length / TRACE_WORDS }, (_, i) => TRACE.f.kind.get(trace, i * TRACE_WORDS));
    };
    expect(kinds(2, dma(0x10_0000))).toContain(TraceKind.VMS);
    const last = DOCUMENT.actions.at(-1)!;
    if (last.do !== "dma") throw new Error("the last action is an access");
    expect(kinds(DOCUMENT.actions.length, last)).not.toContain(TraceKind.VMS);
  });
});

describe("A guest with PARTIDs", () => {
  it("is offered as many as it has, and labels nothing with more", async () => {
    const session = await playing([map(GUEST, 0x10_0000, 1), partition(GUEST, 3, 0), partition(GUEST, 0, 2)]);
    expect(abouts(session).slice(1)).toEqual([
      "The SMMU has PARTIDs up to 2 and PMGs up to 1 (MPAMIDR).",
      "The SMMU has PARTIDs up to 2 and PMGs up to 1 (MPAMIDR).",
    ]);
  });

  it("does not get out of them by writing another number into a context", async () => {
    const session = await playing([map(GUEST, 0x10_0000, 1), partition(GUEST, 2, 0)], { caches: {} });
    const row = session.owners().rows.find(({ owner }) => owner === "Context descriptor");
    expect(row).toBeDefined();
    // Any CD.PARTID, in bits [367:352].
    for (const partid of [3, 31, 32 + 5, 0xffff]) {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setUint16(4, partid, true);
      session.apply({ do: "write", at: row!.from + 40n, bytes });
      expect(labels(session, dma(0x10_0000))[0]).toBe(40);
    }
  });

  it("has none where the SMMU has no MPAM, or the host gives it none", async () => {
    const actions = [map(GUEST, 0x10_0000, 1), partition(GUEST, 1, 0)];
    const { partids: _none, ...software } = DOCUMENT.machine.software!;
    for (const changes of [{ preset: "neoverse" }, { software }]) {
      const session = await playing(actions, changes);
      expect(abouts(session).at(-1)).toBe("The SMMU has no MPAM (IDR3.MPAM).");
    }
  });

  it("is a kernel's own matter on hardware: its PARTIDs are the SMMU's", async () => {
    const software = { kind: "kernel", guestBytes: 0x100_0000, assigned: [], lazy: false, mistakes: [] } as const;
    const kernel = { device: DOCUMENT.machine.devices[0]!.sid };
    const session = await playing([map(kernel, 0x10_0000, 1), partition(kernel, 300, 1)], { software });
    expect(labels(session, dma(0x10_0000))).toEqual([300, 1]);
  });

  it("is refused in a session whose SMMU does not nest", async () => {
    const software = { ...DOCUMENT.machine.software!, mode: "emulated" as const };
    const architecture = await loadArchitecture("smmuv3");
    const opened = Session.open({ ...DOCUMENT, machine: { ...DOCUMENT.machine, software } }, architecture!, Software);
    expect(opened).toMatchObject({ ok: false, error: { place: "machine.software.partids" } });
  });
});
