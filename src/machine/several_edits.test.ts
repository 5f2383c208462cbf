/** What somebody who debugs a machine of two IOMMUs does behind the second: changes of tables, and commands. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Access, Action, HardwareAction, SessionDocument } from "../protocol/machine.ts";
import type { MapChange, MapPlan } from "../protocol/map_edit.ts";
import { formatScenario, parseScenario } from "../scenario/document.ts";
import { importFiles } from "../scenario/import_files.ts";
import type { Session } from "./session.ts";
import { openOn } from "./testing/open_session.ts";
import { loadArchitecture } from "./units.ts";

const PAGE = 0x1000n;

/** Of each architecture a capture whose tables several devices use, and a command that makes all caches forget. */
const CASES = [
  { name: "smmuv3-s2-4k", queue: "iommu1 CMDQ", all: "CMD_TLBI_NSNH_ALL", fields: {} },
  { name: "vtd-legacy-strict", queue: "iommu1 IQ", all: "iotlb_inv_dsc", fields: { G: 1n } },
  { name: "amdvi-v1-strict", queue: "iommu1 CMD", all: "INVALIDATE_IOMMU_ALL", fields: {} },
] as const;

async function capture(name: string): Promise<{ document: SessionDocument; access: Access }> {
  const folder = new URL(`../conformance/data/captures/${name}/`, import.meta.url);
  const files = ["capture.json", "memory.bin.gz"].map((file) => ({
    name: file,
    bytes: Uint8Array.from(readFileSync(new URL(file, folder))),
  }));
  const imported = await importFiles(files);
  if (!imported.ok) throw new Error(imported.error.detail);
  const { scenario } = imported.value;
  const { access } = scenario.recorded.accesses.find((a) => a.pa !== null && !a.access.write)!;
  return { document: scenario, access };
}

/** The capture's device behind an IOMMU, of two that are programmed alike, and the next id of a device behind the second. */
async function openBehind(iommu: 0 | 1, name: string): Promise<{ session: Session; access: Access }> {
  const { document, access } = await capture(name);
  const { machine } = document;
  const architecture = await loadArchitecture(machine.arch);
  const caches = Object.fromEntries(architecture.choices.caches.map(({ name: cache, size }) => [cache, size]));
  const far = { sid: access.sid + 1, bdf: "0001:00:00.0", label: "far", iommu: 1 };
  const devices = [...machine.devices.map((d) => (d.sid === access.sid ? { ...d, iommu } : d)), far];
  return { session: openOn(architecture, { ...document, machine: { ...machine, devices, caches } }), access };
}

const planned = (session: Session, { sid, ssid }: Access, change: MapChange): MapPlan => {
  const stage = session.tableMap(sid, ssid, 1) === null ? 2 : 1;
  const plan = session.planEdit({ sid, ssid, stage, change });
  if (!plan.ok) throw new Error(plan.error.detail);
  return plan.value[0]!;
};
const act = (session: Session, ...actions: readonly Action[]): void => {
  const done = session.applyAll(actions);
  if (!done.ok) throw new Error(done.error.detail);
};
/** Where a DMA goes, which fills caches; null where it is refused. */
const dma = (session: Session, access: Access): bigint | null => {
  act(session, { do: "dma", ...access, length: 1 });
  const { total } = session.log(0, 0);
  const { result } = session.log(total - 1, 1).rows[0]!;
  return result?.type === "went" ? result.pa : null;
};
const stale = (session: Session): readonly unknown[] =>
  session.caches().caches.flatMap(({ entries }) => entries.filter((entry) => entry.stale !== null));
const cached = (session: Session): number => session.caches().caches.reduce((sum, c) => sum + c.entries.length, 0);
const named = (queue: string, action: HardwareAction): HardwareAction =>
  action.do === "command" ? { ...action, queue } : action;

describe.each(CASES)("behind the second of two IOMMUs, $name", ({ name, queue, all, fields }) => {
  it("tables are changed as behind an only one, with the commands in its own queue", async () => {
    const [near, far] = [await openBehind(0, name), await openBehind(1, name)];
    const { session, access } = far;
    expect(dma(session, access)).not.toBeNull();
    const change = { do: "unmap", from: access.iova & -PAGE, bytes: PAGE } as const;
    const plan = planned(session, access, change);
    const alone = planned(near.session, near.access, change).actions as readonly HardwareAction[];
    expect(plan.actions).toEqual(alone.map((action) => named(queue, action)));
    expect(plan.actions.some((action) => action.do === "command")).toBe(true);
    act(session, ...plan.actions);
    expect([dma(session, access), stale(session)]).toEqual([null, []]);
    const { actions } = session.document();
    expect(parseScenario(formatScenario(session.document()), "a test")).toMatchObject({ ok: true, value: { actions } });
  });

  it("a typed command goes to the queue that it names, and drops what was foretold there", async () => {
    const { session, access } = await openBehind(1, name);
    dma(session, access);
    expect(session.queues().commands).toEqual([queue.slice("iommu1 ".length), queue]);
    const waiting = () => session.queues().queues.find(({ id }) => id === queue)!.waiting;
    const command = { name: all, fields, queue };
    const drops = (of: typeof command | Omit<typeof command, "queue">): readonly string[] => {
      const told = session.invalidation(of);
      if (!told.ok) throw new Error(told.error.detail);
      return told.value.drops.map(({ cache }) => cache);
    };
    expect(drops({ name: all, fields })).toEqual([]);
    expect(drops(command).length).toBeGreaterThan(0);
    expect(drops(command).every((cache) => cache.startsWith("iommu1 "))).toBe(true);
    act(session, { do: "consumer", what: "hold", queue }, { do: "command", ...command });
    const held = cached(session);
    expect(waiting()).toBe(1);
    act(session, { do: "consumer", what: "let go", queue });
    expect([waiting(), cached(session) < held]).toEqual([0, true]);
    const nowhere = session.apply({ do: "command", name: all, fields, queue: "iommu2 CMDQ" });
    expect(nowhere).toMatchObject({ ok: false, error: { detail: "This machine has no command queue iommu2 CMDQ." } });
  });
});

describe("tables that devices behind two IOMMUs use", () => {
  it("are changed with commands for both, and a wait in each queue", async () => {
    const { session, access } = await openBehind(0, "amdvi-v1-strict");
    const other = { ...access, sid: access.sid + 1 };
    const root = session.registers().rows.find(({ name }) => name === "DEVTAB_BASE")!.value & 0xf_ffff_ffff_f000n;
    const entry = session.memory(root + 32n * BigInt(access.sid), 32).bytes;
    act(session, { do: "write", at: root + 32n * BigInt(other.sid), bytes: entry });
    expect(dma(session, other)).toBe(dma(session, access));
    const { actions } = planned(session, access, { do: "unmap", from: access.iova & -PAGE, bytes: PAGE });
    const commands = actions.filter((action) => action.do === "command");
    const ofQueue = (queue?: string) => commands.filter((c) => c.queue === queue).map(({ name }) => name);
    expect(ofQueue().at(-1)).toBe("COMPLETION_WAIT");
    expect(ofQueue("iommu1 CMD")).toEqual(ofQueue());
    act(session, ...actions);
    expect([dma(session, access), dma(session, other), stale(session)]).toEqual([null, null, []]);
  });
});
