import { describe, expect, it } from "vitest";
import { ARCHITECTURES } from "../../arch/architectures.ts";
import { Machine } from "../../machine/machine.ts";
import type { Session } from "../../machine/session.ts";
import { loadArchitecture } from "../../machine/units.ts";
import { TRACE, TRACE_WORDS } from "../../protocol/trace.ts";
import { formatScenario, parseScenario } from "../document.ts";
import { openLesson } from "../testing/lessons.ts";
import { LIBRARY } from "./library.ts";

/** Commands that are missing, by what the caches hold after each step, each named once. */
function missing(session: Session): string[] {
  const named = new Set<string>();
  for (let step = 0; step <= session.summary().actionCount; step++) {
    session.seek(step);
    for (const { entries } of session.caches().caches) {
      for (const { stale } of entries) for (const text of stale?.missing ?? []) named.add(text.split(",")[0]!);
    }
  }
  return [...named];
}

const results = (session: Session): string[] =>
  session.log(0, 1000).rows.flatMap(({ result }) => {
    if (result === null || result.type === "software") return [];
    return [result.type];
  });

const BROKEN: Readonly<Record<string, { readonly missing: readonly string[]; readonly order: string | null }>> = {
  "no-tlbi": { missing: ["CMD_TLBI_NH_VA"], order: "no invalidation of it has been queued" },
  "no-sync": { missing: ["CMD_TLBI_NH_VA"], order: "nobody has waited for it" },
  "wrong-asid": { missing: ["CMD_TLBI_NH_VA"], order: null },
  "page-freed-early": { missing: [], order: "no invalidation of it has been queued" },
  "no-cfgi": { missing: ["CMD_CFGI_CD"], order: null },
  "no-atc-inv": { missing: ["CMD_ATC_INV"], order: null },
  "vbtm-not-pinned": { missing: ["CMD_TLBI_NH_VA"], order: null },
  "no-break-before-make": { missing: [], order: "break-before-make" },
};

/** Memory types as MAIR has them. */
const [WRITE_BACK, NON_CACHEABLE] = [0xff, 0x44];

/** What kernels of other eras refuse in a lesson that is about that: each refusal once. */
const UNKNOWN_CALLS = ["VFIO_IOMMU_CACHE_INVALIDATE answered ENOTTY.", "VFIO_IOMMU_SET_PASID_TABLE answered ENOTTY."];
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  "type1-nesting-then": UNKNOWN_CALLS,
  "type1-nesting-now": UNKNOWN_CALLS,
  // By these answers a VMM learns that there is another SMMU.
  "two-smmus": ["VFIO_DEVICE_ATTACH_IOMMUFD_PT answered EINVAL."],
  "two-smmus-shared": ["IOMMU_VDEVICE_ALLOC answered EINVAL."],
  "two-cmdqvs": ["VFIO_DEVICE_ATTACH_IOMMUFD_PT answered EINVAL."],
  "vsva-vfio-v8-mdev": ["IOASID_REQUEST_ALLOC answered EINVAL."],
};

/** The window of lazy mode is a stale entry by design. */
const LAZY = "invalidate-lazily";

describe("The library", () => {
  it("names each lesson once, and keeps groups together", () => {
    expect(new Set(LIBRARY.map(({ id }) => id)).size).toBe(LIBRARY.length);
    const groups = LIBRARY.map(({ group }) => group);
    const begins = groups.filter((group, i) => group !== groups[i - 1]);
    expect(new Set(begins).size).toBe(begins.length);
  });

  it.each(LIBRARY.map(({ id }) => id))(
    "opens %s, from the text of a file as well, and everything asked is done",
    async (id) => {
      const document = LIBRARY.find((entry) => entry.id === id)!.document();
      const again = parseScenario(formatScenario(document), "lesson");
      expect(again).toEqual({ ok: true, value: { ...document, view: null } });
      const steps = document.notes!.map(({ step }) => step);
      expect(steps).toEqual([...steps].sort((a, b) => a - b));
      const session = await openLesson(id);
      const { actionCount, notes } = session.summary();
      expect(notes).toEqual(document.notes);
      const refused = session
        .log(0, actionCount)
        .rows.filter(({ result }) => result?.type === "software" && !result.done);
      expect(refused).toEqual([]);
      expect([...new Set(session.software()?.refused)].sort()).toEqual(REFUSED[id] ?? []);
    },
  );
});

describe("Debugging a guest", { timeout: 30_000 }, () => {
  const healthy = LIBRARY.filter(({ id }) => !(id in BROKEN) && id !== LAZY).map(({ id }) => id);
  it.each(healthy)("finds nothing in %s", async (id) => {
    const session = await openLesson(id);
    expect(missing(session)).toEqual([]);
    expect(session.software()?.hazards ?? []).toEqual([]);
  });

  it.each(Object.entries(BROKEN))("finds what is wrong in %s", async (id, expected) => {
    const session = await openLesson(id);
    expect(missing(session)).toEqual(expected.missing);
    session.seek(session.summary().actionCount);
    const texts = session.software()!.hazards.map(({ text }) => text);
    expect(texts).toEqual(expected.order === null ? [] : [expect.stringContaining(expected.order)]);
  });

  it("shows the window of lazy mode until the flush", async () => {
    const session = await openLesson(LAZY);
    expect(missing(session)).toEqual(["CMD_TLBI_NH_VA"]);
    session.seek(session.summary().actionCount);
    expect(session.caches().caches.flatMap(({ entries }) => entries.filter(({ stale }) => stale !== null))).toEqual([]);
    expect(session.software()!.hazards).toEqual([]);
  });
});

describe("What the remarks say", () => {
  it.each([
    ["nested-dma", ["went", "refused", "refused"]],
    ["vste-bypass-abort", ["went", "refused", "went", "refused", "went"]],
    ["vsva-pasid", ["went", "went", "refused", "went"]],
    ["vsva-pasid-amd", ["went", "went", "refused", "went"]],
    ["guest-ats", ["device", "device", "device"]],
    ["invalidate-lazily", ["went", "went", "refused"]],
    ["no-tlbi", ["went", "went"]],
    ["no-sync", ["went", "went"]],
    ["wrong-asid", ["went", "went"]],
    ["page-freed-early", ["went", "refused"]],
    ["no-atc-inv", ["device", "device"]],
    ["nested-vtd", ["went", "refused", "refused"]],
    ["nested-amd", ["went", "refused"]],
    ["amd-viommu-buffers", ["went", "refused"]],
    ["mode-emulated", ["went", "refused"]],
    ["mode-trapped", ["went", "refused"]],
    ["mode-direct", ["went", "refused"]],
    ["mode-caching-mode", ["went", "refused"]],
    ["mode-vtd-nested", ["went", "refused"]],
    ["mode-amd-emulated", ["went", "refused"]],
    ["read-only-tables", ["refused"]],
    ["erratum-772415", ["went"]],
    ["read-only-refused", ["went"]],
    ["smmuv3-vfio-v16", ["went", "refused", "refused", "went"]],
    ["smmuv3-vfio-v16-msi", ["refused", "went"]],
    ["vsva-vfio-v8", ["went", "refused", "went", "refused", "went"]],
    ["vsva-vfio-v8-mdev", ["went", "refused", "went", "refused", "refused", "went", "went"]],
    ["vsva-iommufd", ["went", "refused", "went", "refused", "refused"]],
    ["vcmdq-posted", ["went", "refused"]],
    ["vcmdq-merged", ["went", "refused"]],
    ["type1-nesting-then", ["refused", "went"]],
    ["type1-nesting-now", ["refused", "went"]],
    ["large-pages", ["went", "went", "went", "refused", "went"]],
  ])("comes true in %s", async (id, expected) => {
    expect(results(await openLesson(id))).toEqual(expected);
  });

  it("comes true of what a nest parent refuses: read-only memory, and nothing else", async () => {
    const { rows } = (await openLesson("read-only-refused")).log(0, 100);
    const mapped = rows.flatMap(({ action, result }) =>
      action.do === "vmm call" && action.call === "IOMMU_IOAS_MAP" && result?.type === "software" ? [result.about] : [],
    );
    expect(mapped).toEqual(["IOMMU_IOAS_MAP answered EINVAL", "IOMMU_IOAS_MAP is done", "IOMMU_IOAS_MAP is done"]);
  });

  it.each([
    ["canwbs", "is done"],
    ["neither-canwbs-nor-s2fwb", "answered EOPNOTSUPP"],
  ])("comes true of who may nest, in %s", async (id, expected) => {
    const results = (await openLesson(id))
      .log(0, 2)
      .rows.map(({ result }) => (result?.type === "software" ? result.about : ""));
    expect(results[0]).toContain("IOMMU_HWPT_ALLOC is done");
    expect(results[1]).toContain(`IOMMU_VIOMMU_ALLOC ${expected}`);
  });

  it.each([
    ["no-snoop-passes", "NOT_SNOOPED"],
    ["no-snoop-forced", "SNOOP_FORCED"],
    ["no-snoop-amd", "SNOOP_FORCED"],
  ])("comes true of who decides about snooping, in %s", async (id, expected) => {
    const session = await openLesson(id);
    const { arch } = session.summary();
    const { action } = session.log(0, 1000).rows.at(-1)!;
    if (action.do !== "dma") throw new Error("the last action is an access");
    const { trace } = session.walk(action);
    const reason = TRACE.f.reason.get(trace, trace.length - TRACE_WORDS);
    expect(ARCHITECTURES[arch].reasons[reason]?.id).toBe(expected);
  });

  it.each([
    ["s2fwb", WRITE_BACK],
    ["no-s2fwb", NON_CACHEABLE],
  ])("comes true of the memory type that an access leaves with, in %s", async (id, mair) => {
    const { machine, actions } = LIBRARY.find((entry) => entry.id === id)!.document();
    const architecture = await loadArchitecture(machine.arch);
    const action = actions.at(-1)!;
    if (action.do !== "dma") throw new Error("the last action is an access");
    const reached = new Machine(machine, architecture!.make).unit.reach(action);
    expect(reached).toMatchObject({ end: "ok", attributes: { mair } });
  });

  it("comes true in the story of every architecture", async () => {
    for (const { id } of LIBRARY.filter(({ id }) => id.startsWith("story-"))) {
      expect([id, ...results(await openLesson(id))]).toEqual([id, "went", "refused", "refused", "refused", "went"]);
    }
  });

  it.each([
    ["mode-emulated", "mode-trapped", "mode-direct"],
    ["mode-caching-mode", "mode-vtd-nested"],
  ])("comes true of the cost: each way below the one before it", async (...ways) => {
    const spent = async (id: string): Promise<number> => {
      const session = await openLesson(id);
      session.seek(1);
      const before = session.software()!.ns;
      session.seek(3);
      return session.software()!.ns - before;
    };
    const costs = await Promise.all(ways.map(spent));
    expect(costs).toEqual([...costs].sort((a, b) => b - a));
    expect(new Set(costs).size).toBe(ways.length);
  });

  it("comes true of AMD's buffers: an unmap without exits, and a fault in the guest's own log", async () => {
    const session = await openLesson("amd-viommu-buffers");
    const exits = (step: number): readonly (number | undefined)[] => {
      session.seek(step);
      const { counts } = session.software()!;
      return [counts["trapped write"], counts["trapped read"], counts.ioctl];
    };
    expect(exits(1).every((count) => count! > 0)).toBe(true);
    expect(exits(3)).toEqual(exits(2));
    session.seek(5);
    expect(session.software()!.guestLog).toEqual([expect.stringContaining("IO_PAGE_FAULT")]);
  });

  it("comes true of a part of a card: its group is told with the PASID that the kernel has for it", async () => {
    const session = await openLesson("vsva-vfio-v8-mdev");
    const group = session.software()!.objects.find(({ type }) => type === "GROUP");
    expect(group!.about).toMatch(/^PASID 1 of 0000:00:05\.0, mdev [0-9a-f-]{36}$/);
    const interrupts = session.journal(0, 10_000).entries.filter(({ deed }) => deed === "interrupt");
    expect(interrupts.map(({ about }) => about)).toContain("message of device 0x10 for the guest");
  });

  it("comes true of AMD's PASIDs: one more is no object of the host's", async () => {
    const session = await openLesson("vsva-pasid-amd");
    const objects = (step: number) => {
      session.seek(step);
      return session.software()!.objects.map(({ type }) => type);
    };
    expect(objects(2)).toEqual(objects(1));
    expect(objects(2).filter((type) => type === "HWPT_NESTED")).toHaveLength(1);
  });

  it("comes true of the counts: a range costs one call, pages cost one each", async () => {
    const calls = async (id: string): Promise<number> => {
      const session = await openLesson(id);
      const all = session.software()!.counts.ioctl!;
      session.seek(1);
      return all - session.software()!.counts.ioctl!;
    };
    expect(await calls("invalidate-as-a-range")).toBe(1);
    expect(await calls("invalidate-one-by-one")).toBe(64);
  });
});
