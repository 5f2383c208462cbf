import { describe, expect, it } from "vitest";
import { Session } from "../../machine/session.ts";
import { openSession } from "../../machine/testing/open_session.ts";
import { loadArchitecture } from "../../machine/units.ts";
import { Software } from "../../machine/world/software.ts";
import type { SessionDocument } from "../../protocol/machine.ts";
import { BROADCAST } from "./broadcast.ts";
import { map, unmap } from "./verbs.ts";

const documentOf = (id: string): SessionDocument => BROADCAST.find((lesson) => lesson.id === id)!.document();

/** What became of accesses, and with which VMID the virtual machine went on. */
const results = (session: Session): unknown[] =>
  session.log(0, 100).rows.flatMap(({ action, result }) => {
    if (result?.type !== "software") return [result?.type];
    return action.do === "vmids begin anew" ? [result.about.split(" ").at(-1)] : [];
  });

/** Exits of the guest and calls of the VMM up to a step. */
function way(session: Session, step: number): number {
  session.seek(step);
  const { counts } = session.software()!;
  return counts["trapped read"]! + counts["trapped write"]! + counts.ioctl!;
}

/** VMID in the STE of the card. */
const stageTwoVmid = (session: Session): unknown =>
  session.streams(0, 10).rows[0]!.tags.find(({ name }) => name === "VMID")?.value;

describe("What the remarks on broadcasts say", () => {
  it.each([
    ["vbtm-none", ["went", "refused"]],
    ["vbtm-pinned", ["went", "refused", "went", "1", "went", "refused"]],
    ["vbtm-not-pinned", ["2", "went", "went"]],
  ])("comes true in %s", async (id, expected) => {
    expect(results(await openSession(documentOf(id)))).toEqual(expected);
  });

  it("comes true of the way: commands of the guest are trapped and handed on, its TLBI goes by nobody", async () => {
    const commands = await openSession(documentOf("vbtm-none"));
    expect(way(commands, 3) - way(commands, 2)).toBeGreaterThan(0);
    const broadcasts = await openSession(documentOf("vbtm-pinned"));
    expect(way(broadcasts, 3) - way(broadcasts, 2)).toBe(0);
  });

  it("comes true of the tags: the entry in memory has the VMID of KVM, whoever runs with it now", async () => {
    const session = await openSession(documentOf("vbtm-not-pinned"));
    expect(stageTwoVmid(session)).toBe(1);
  });

  it("tells KVM of the device before it is bound", async () => {
    const { entries } = (await openSession(documentOf("vbtm-pinned"))).journal(0, 1000);
    const calls = entries.filter(({ deed }) => deed === "ioctl").map(({ about }) => about);
    const [told, bound] = ["KVM_SET_DEVICE_ATTR", "VFIO_DEVICE_BIND_IOMMUFD"].map((name) => calls.indexOf(name));
    expect(told).toBeGreaterThan(-1);
    expect(told).toBeLessThan(bound!);
  });
});

describe("A guest whose SMMU takes part in broadcasts", () => {
  const { machine, actions } = documentOf("vbtm-pinned");
  const playing = (steps: SessionDocument["actions"], recorded = { accesses: [], events: [] }): Promise<Session> =>
    openSession({ title: "", about: "", machine, actions: steps, recorded });
  const commandsOf = (session: Session): string[] =>
    session
      .journal(0, 1000)
      .entries.filter(({ action, deed }) => action === 1 && deed === "command")
      .map(({ about }) => about);

  it("drops a whole address space from 512 pages on, as Linux does", async () => {
    const who = { device: 0x10, pasid: 5 };
    const session = await playing([map(who, 0, 512), unmap(who, 0, 512)]);
    expect(commandsOf(session)).toEqual(["TLBI ASIDE1IS"]);
  });

  it("goes on with commands for what is no process's", async () => {
    const who = { device: 0x10 };
    const session = await playing([map(who, 0x10_0000, 1), unmap(who, 0x10_0000, 1)]);
    expect(commandsOf(session)[0]).toBe("CMD_TLBI_NH_VA");
  });

  it("is not to be had behind other IOMMUs or VFIO containers", async () => {
    const architecture = await loadArchitecture("smmuv3");
    const software = { ...machine.software!, door: "VFIO container" as const };
    const opened = Session.open(
      { ...documentOf("vbtm-pinned"), machine: { ...machine, software } },
      architecture!,
      Software,
    );
    expect(opened).toMatchObject({ ok: false, error: { place: "machine.software.vmid" } });
    expect(actions.length).toBeGreaterThan(0);
  });
});
