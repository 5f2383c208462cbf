import { describe, expect, it } from "vitest";
import { Session } from "../../machine/session.ts";
import { openSession } from "../../machine/testing/open_session.ts";
import { loadArchitecture } from "../../machine/units.ts";
import type { Action, SessionDocument } from "../../protocol/machine.ts";
import { SHARING } from "./sharing.ts";
import { dma, GUEST, map, unmap } from "./verbs.ts";

const documentOf = (id: string): SessionDocument => SHARING.find((lesson) => lesson.id === id)!.document();

/** Where the cards' writes went, null for nowhere. */
const went = (session: Session): unknown[] =>
  session.log(0, 100).rows.flatMap(({ result }) => {
    if (result?.type === "software") return [];
    return [result?.type === "went" ? result.pa : null];
  });

/** How often the host did something during an action, at either SMMU. */
function deeds(session: Session, action: number, deed: string, about: string): number {
  const { entries } = session.journal(0, 10_000);
  const own = entries.filter((entry) => entry.action === action && entry.actor === "host");
  return own.filter((entry) => entry.deed === deed && [about, `iommu1 ${about}`].includes(entry.about)).length;
}

const stale = (session: Session): string[] =>
  session.caches().caches.flatMap(({ name, entries }) => entries.flatMap((e) => (e.stale === null ? [] : [name])));

const FAR = { device: 0x18 };
const far = (iova: number): Action => ({ ...dma(iova), sid: 0x30 });
const UNMAP = 5;

describe.each(["two-smmus", "two-smmus-shared"])("What the remarks on two SMMUs say, in %s", (id) => {
  it("comes true of the cards: both reach the page, and none of them once it is gone", async () => {
    const [near, farther, ...rest] = went(await openSession(documentOf(id)));
    expect(near).toBe(farther);
    expect(near).not.toBeNull();
    expect(rest).toEqual([null, null]);
  });

  it("comes true of the invalidations: one for each SMMU", async () => {
    const session = await openSession(documentOf(id));
    expect(deeds(session, UNMAP, "command", "CMD_TLBI_S2_IPA")).toBe(2);
    expect(deeds(session, UNMAP, "command", "CMD_SYNC")).toBe(2);
  });

  it("comes true of the tables: a second stage for each SMMU, or one", async () => {
    const sets = id === "two-smmus" ? 2 : 1;
    const session = await openSession(documentOf(id));
    expect(deeds(session, UNMAP, "memory write", "table entry")).toBe(sets);
    const objects = session.software()!.objects.map(({ type }) => type);
    expect(objects.filter((type) => type === "HWPT_PAGING")).toHaveLength(sets);
    expect(objects.filter((type) => type === "VIOMMU")).toHaveLength(2);
    const roots = [0x28, 0x30].map((sid) => session.walk({ ...dma(0x10_0000), sid }).stage2?.root);
    expect(new Set(roots).size).toBe(sets);
  });

  it("leaves a stale entry behind an SMMU that does not come to its commands", async () => {
    const document = documentOf(id);
    const hold: Action = { do: "consumer", what: "hold", queue: "iommu1 CMDQ" };
    const actions = [...document.actions.slice(0, UNMAP), hold, ...document.actions.slice(UNMAP)];
    const session = await openSession({ ...document, actions });
    expect(new Set(stale(session))).toEqual(new Set(["iommu1 tlb"]));
    const [, , , near, farther] = went(session);
    expect(near).toBeNull();
    expect(farther).not.toBeNull();
  });

  it("is the same for what the guest unmaps: each card's pages go from its SMMU", async () => {
    const document = documentOf(id);
    const both = [GUEST, FAR];
    const actions = [
      ...both.map((who) => map(who, 0x20_0000, 1)),
      dma(0x20_0000),
      far(0x20_0000),
      unmap(FAR, 0x20_0000, 1),
      dma(0x20_0000),
      far(0x20_0000),
    ];
    const session = await openSession({ ...document, actions });
    expect(went(session).map((pa) => pa !== null)).toEqual([true, true, true, false]);
    expect(stale(session)).toEqual([]);
    session.seek(0);
    session.seek(actions.length);
    expect(went(session).map((pa) => pa !== null)).toEqual([true, true, true, false]);
  });
});

describe("Software behind several IOMMUs", () => {
  it("is refused with containers, which are modelled for one", async () => {
    const document = documentOf("two-smmus");
    const machine = { ...document.machine, software: { ...document.machine.software!, era: "Linux 5.15" as const } };
    const opened = Session.open({ ...document, machine }, (await loadArchitecture("smmuv3"))!);
    expect(opened).toMatchObject({ ok: false, error: { place: "machine.devices" } });
  });
});
