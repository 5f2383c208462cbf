import { describe, expect, it } from "vitest";
import { Session } from "../../machine/session.ts";
import { openSession } from "../../machine/testing/open_session.ts";
import { loadArchitecture } from "../../machine/units.ts";
import { Software } from "../../machine/world/software.ts";
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

/** What somebody did of a kind during an action, in order. */
function doneBy(session: Session, actor: string, action: number, deed: string): string[] {
  const { entries } = session.journal(0, 10_000);
  const own = entries.filter((entry) => entry.action === action && entry.actor === actor && entry.deed === deed);
  return own.map(({ about }) => about);
}

/** How often the host did something during an action, at either SMMU. */
const deeds = (session: Session, action: number, deed: string, about: string): number =>
  doneBy(session, "host", action, deed).filter((done) => [about, `iommu1 ${about}`].includes(done)).length;

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

describe("What the remarks on two VT-d units say", () => {
  it("comes true of the cards, the tables and the ids of domains", async () => {
    const session = await openSession(documentOf("two-drhds"));
    const [near, farther, ...rest] = went(session);
    expect([near === farther, near === null, rest]).toEqual([true, false, [null, null]]);
    expect(session.software()!.objects.filter(({ type }) => type === "HWPT_PAGING")).toHaveLength(1);
    session.seek(UNMAP);
    const walks = [0x28, 0x30].map((sid) => session.walk({ ...dma(0x10_0000), sid }));
    expect(new Set(walks.map(({ stage2 }) => stage2?.root)).size).toBe(1);
    expect(walks.map(({ tags }) => tags.find(({ name }) => name === "DID")?.value)).toEqual([1, 1]);
  });

  it("comes true of the invalidations: of guest memory in each unit, of the guest's own in one", async () => {
    const session = await openSession(documentOf("two-drhds"));
    const drop = ["p_iotlb_inv_dsc", "iotlb_inv_dsc", "inv_wait_dsc"];
    const both = [...drop, ...drop.map((name) => `iommu1 ${name}`)];
    expect(doneBy(session, "host", UNMAP, "command")).toEqual(both);
    const last = session.summary().actionCount - 1;
    expect(doneBy(session, "VMM", last, "ioctl")).toEqual(["IOMMU_HWPT_INVALIDATE"]);
    expect(doneBy(session, "host", last, "command")).toEqual(["iommu1 p_iotlb_inv_dsc", "iommu1 inv_wait_dsc"]);
  });
});

describe("What the remarks on two CMDQVs say", () => {
  it("comes true of the cards and of the queues: nothing leaves the guest, and one SMMU is told", async () => {
    const session = await openSession(documentOf("two-cmdqvs"));
    expect(went(session).map((pa) => pa !== null)).toEqual([true, true, true, false]);
    const unmapped = 4;
    expect(doneBy(session, "guest", unmapped, "command")).toEqual(["iommu1 CMD_TLBI_NH_VA", "iommu1 CMD_SYNC"]);
    for (const deed of ["trapped write", "trapped read", "ioctl"])
      expect([deed, doneBy(session, "VMM", unmapped, deed)]).toEqual([deed, []]);
    expect(session.software()!.objects.filter(({ type }) => type === "VIOMMU")).toHaveLength(2);
    const consumed = (id: string) => session.queues().queues.find((queue) => queue.id === id)!.consumer.index;
    const before = [unmapped, unmapped + 1].map((step) => {
      session.seek(step);
      return ["VCMDQ2", "iommu1 VCMDQ2"].map(consumed);
    });
    expect([before[1]![0]! - before[0]![0]!, before[1]![1]! - before[0]![1]!]).toEqual([0, 2]);
  });

  it("comes true of the ASIDs", async () => {
    const session = await openSession(documentOf("two-cmdqvs"));
    session.seek(4);
    const walks = [0x28, 0x30].map((sid) => session.walk({ ...dma(0x20_0000), sid }));
    expect(walks.map(({ tags }) => tags.find(({ name }) => name === "ASID")?.value)).toEqual([1, 2]);
  });
});

describe("Software behind several IOMMUs", () => {
  it("is refused with containers, which are modelled for one", async () => {
    const document = documentOf("two-smmus");
    const machine = { ...document.machine, software: { ...document.machine.software!, era: "Linux 5.15" as const } };
    const opened = Session.open({ ...document, machine }, (await loadArchitecture("smmuv3"))!, Software);
    expect(opened).toMatchObject({ ok: false, error: { place: "machine.devices" } });
  });
});
