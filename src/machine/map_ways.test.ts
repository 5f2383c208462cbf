import { describe, expect, it } from "vitest";
import type { Action, MachineDescription } from "../protocol/machine.ts";
import type { MapChange, MapPlan, MapWay } from "../protocol/map_edit.ts";
import { kernelOn, NIC, virtualMachine, virtualMachineOn } from "../scenario/library/machines.ts";
import { Session } from "./session.ts";
import { loadArchitecture } from "./units.ts";
import { Software } from "./world/software.ts";

const PAGE = 4096;
const IOVA = 0x10_0000n;

/** A machine, who is asked first to change the stage that accesses meet first, and the device as that one knows it. */
const MACHINES: readonly (readonly [name: string, MachineDescription, owner: MapWay, device: number])[] = [
  ["a kernel on an SMMUv3", kernelOn("smmuv3", "neoverse"), "kernel", NIC.sid],
  ["a kernel on a VT-d unit", kernelOn("vtd", "sapphire-rapids"), "kernel", NIC.sid],
  ["a kernel on an AMD IOMMU", kernelOn("amdvi", "full"), "kernel", NIC.sid],
  ["a guest whose tables hardware walks", virtualMachine(), "guest", NIC.virtualId],
  ["the same on VT-d", virtualMachineOn("vtd", "sapphire-rapids"), "guest", NIC.virtualId],
  ["a guest whose IOMMU is emulated", virtualMachine({ mode: "emulated" }), "guest", NIC.virtualId],
];

async function open(machine: MachineDescription, device: number): Promise<Session> {
  const actions: readonly Action[] = [
    { do: "guest map", device, pasid: null, iova: IOVA, bytes: 4 * PAGE, write: true },
  ];
  const recorded = { accesses: [], events: [] };
  const document = { title: "", about: "", machine, actions, recorded };
  const opened = Session.open(document, await loadArchitecture(machine.arch), Software);
  if (!opened.ok) throw new Error(opened.error.detail);
  return opened.value;
}

function dma(session: Session, iova: bigint): bigint | null {
  const access = { sid: NIC.sid, ssid: null, iova, write: true, privileged: false, instruction: false };
  const done = session.apply({ do: "dma", ...access, length: 1 });
  if (!done.ok) throw new Error(done.error.detail);
  const { result } = session.log(done.value.step - 1, 1).rows[0]!;
  return result?.type === "went" ? result.pa : null;
}

function ways(session: Session, stage: 1 | 2, change: MapChange): readonly MapPlan[] {
  const planned = session.planEdit({ sid: NIC.sid, ssid: null, stage, change });
  if (!planned.ok) throw new Error(planned.error.detail);
  return planned.value;
}

function take(session: Session, way: MapPlan): void {
  const done = session.applyAll(way.actions);
  if (!done.ok) throw new Error(done.error.detail);
}

const stageOf = (session: Session): 1 | 2 => (session.tableMap(NIC.sid, null, 1) === null ? 2 : 1);
const stale = (session: Session): number =>
  session.caches().caches.reduce((sum, { entries }) => sum + entries.filter((e) => e.stale !== null).length, 0);

describe.each(MACHINES)("Changes to tables of %s", (_name, machine, owner, device) => {
  it("are made by whoever the tables belong to, or behind the back of it", async () => {
    const session = await open(machine, device);
    const stage = stageOf(session);
    const before = dma(session, IOVA);
    expect(before).not.toBeNull();
    const step = session.summary().step;
    const [own, raw, ...more] = ways(session, stage, { do: "unmap", from: IOVA, bytes: BigInt(PAGE) });
    expect([own?.by, raw?.by, more]).toEqual([owner, "raw", []]);
    take(session, own!);
    expect(session.log(step, 1).rows[0]?.result).toMatchObject({ type: "software", done: true });
    expect([dma(session, IOVA), stale(session)]).toEqual([null, 0]);
    expect(dma(session, IOVA + BigInt(PAGE))).not.toBeNull();
    // The same behind its back: the page is out of the tables, and still in the caches.
    session.seek(step);
    expect(session.leaves(NIC.sid, null).count).toBe(4);
    take(session, raw!);
    expect(raw!.actions.every((action) => action.do === "write")).toBe(true);
    expect(session.leaves(NIC.sid, null).count).toBe(3);
    expect(dma(session, IOVA)).toBe(before);
    expect(stale(session)).toBeGreaterThan(0);
    // Back to before either: mapping, and what no kernel can be asked to do.
    session.seek(step);
    const [map] = ways(session, stage, { do: "map", from: 0x40_0000n, to: 0x4000_0000n, bytes: 8192n, rights: 3 });
    expect(map?.by).toBe(owner);
    take(session, map!);
    const [split] = ways(session, stage, { do: "flip", from: IOVA, bit: 5 });
    expect(split?.by).toBe("raw");
  });
});

describe("Changes to stage 2 of a virtual machine", () => {
  it("are made by a call of its VMM", async () => {
    const session = await open(virtualMachine(), NIC.virtualId);
    const before = dma(session, IOVA);
    const map = session.tableMap(NIC.sid, null, 1)!;
    const page = Array.from({ length: map.count }, (_, i) => i).find((i) => map.kind[i] === 1)!;
    const ipa = (BigInt(map.atHi[page]!) << 32n) | BigInt(map.atLo[page]!);
    const [vmm, raw] = ways(session, 2, { do: "unmap", from: ipa & ~0x1f_ffffn, bytes: 0x20_0000n });
    expect(before).not.toBeNull();
    expect([vmm?.by, raw?.by]).toEqual(["VMM", "raw"]);
    expect(vmm!.actions).toMatchObject([{ do: "vmm call", call: "IOMMU_IOAS_UNMAP", fields: { length: 0x20_0000n } }]);
    expect(ways(session, 2, { do: "split", from: ipa }).map(({ by }) => by)).toEqual(["raw"]);
  });

  it("that nobody can make say why", async () => {
    const session = await open(virtualMachine(), NIC.virtualId);
    const edit = { sid: NIC.sid, ssid: null, stage: 1, change: { do: "split", from: IOVA } } as const;
    expect(session.planEdit(edit)).toMatchObject({
      ok: false,
      error: { detail: expect.stringContaining("no smaller leaf") },
    });
  });
});
