import { describe, expect, it } from "vitest";
import type { Access, Action, SessionDocument } from "../../protocol/machine.ts";
import type { Mistake } from "../../protocol/software.ts";
import { NIC, virtualMachine } from "../../scenario/library/machines.ts";
import { Machine } from "../machine.ts";
import { Session } from "../session.ts";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import { withSoftwareMemory } from "../software_memory.ts";
import { documentOn, openOn } from "../testing/open_session.ts";
import { Timeline } from "../timeline.ts";
import { Software } from "./software.ts";

const PAGE = 4096;

const documentWith = (actions: readonly Action[], mistakes: readonly Mistake[] = [], lazy = false): SessionDocument =>
  documentOn(virtualMachine({ mistakes, lazy }), actions);

const map = (iova: number, pages = 1): Action => ({
  do: "guest map",
  device: 0x10,
  pasid: null,
  iova: BigInt(iova),
  bytes: pages * PAGE,
  write: true,
});
const unmap = (iova: number, pages = 1): Action => ({
  do: "guest unmap",
  device: 0x10,
  pasid: null,
  iova: BigInt(iova),
  bytes: pages * PAGE,
});
const access = (iova: number): Access => ({
  sid: NIC.sid,
  ssid: null,
  iova: BigInt(iova),
  write: true,
  privileged: false,
  instruction: false,
});
const dma = (iova: number): Action => ({ do: "dma", ...access(iova), length: 4 });

const STORY: readonly Action[] = [
  map(0x10_0000, 4),
  dma(0x10_0000),
  dma(0x20_0000),
  { do: "guest faults" },
  unmap(0x10_0000, 4),
  dma(0x10_0000),
  map(0x30_0000),
  dma(0x30_0000),
];

describe("A session with software", () => {
  it("shows what the guest was asked, what came of it, and what its kernel logged", () => {
    const session = openOn(SMMUV3, documentWith(STORY));
    const rows = session.log(0, 100).rows.map((row) => row.result?.type);
    expect(rows).toEqual(["software", "went", "refused", "software", "software", "refused", "software", "went"]);
    const log = session.software()?.guestLog.map((line) => line.replace("arm-smmu-v3 arm-smmu-v3.0.auto: ", ""));
    expect(log?.[0]).toBe("event 0x10 received:");
    expect(log?.slice(5)).toEqual([
      "event: F_TRANSLATION client: 0000:00:02.0 sid: 0x10 ssid: 0x0 iova: 0x200000 ipa: 0x0",
      'unpriv data write s1 "Input address caused fault" stag: 0x0',
    ]);
    expect(session.software()?.refused).toEqual([]);
    expect(session.software()?.objects.map((o) => o.type)).toEqual([
      "IOAS",
      "DEVICE",
      "HWPT_PAGING",
      "VIOMMU",
      "VDEVICE",
      "VEVENTQ",
      "FAULT",
      "HWPT_NESTED",
    ]);
  });

  it("tells the costs before the newest action as it told them at the step before", () => {
    const session = openOn(SMMUV3, documentWith(STORY));
    session.seek(0);
    expect(session.software()?.before).toBeNull();
    for (let step = 1; step <= STORY.length; step++) {
      const { counts, ns, prices } = session.software()!;
      session.seek(step);
      const now = session.software()!;
      expect(now.before).toEqual({ counts, ns });
      expect(Object.entries(now.counts).reduce((sum, [deed, count]) => sum + count * prices[deed]!, 0)).toBe(now.ns);
    }
  });

  // The guest's log grows where hardware serves the guest; the host's objects come and go where the VMM does.
  it.each(["nested, trapped", "emulated"] as const)("tells at a past step what it told there, %s", (mode) => {
    const story: readonly Action[] = [
      ...STORY,
      { do: "guest detach", device: 0x10, pasid: null },
      dma(0x30_0000),
      { do: "guest faults" },
    ];
    const { machine, ...rest } = documentWith([]);
    const session = openOn(SMMUV3, { ...rest, machine: { ...machine, software: { ...machine.software!, mode } } });
    const told = () => {
      const { objects, guestLog, refused } = session.software()!;
      return { objects, guestLog, refused };
    };
    const newest = [told()];
    for (const action of story) {
      session.apply(action);
      newest.push(told());
    }
    expect(new Set(newest.map((state) => JSON.stringify(state))).size).toBeGreaterThan(2);
    for (let step = story.length; step >= 0; step--) {
      session.seek(step);
      expect([step, told()]).toEqual([step, newest[step]]);
    }
    // What is done from a past step on takes the place of what was there.
    session.seek(3);
    session.apply(dma(0x20_0000));
    expect(told()).toEqual(newest[3]);
  });

  it("has the same digest and walks at every step, forward, back and opened anew", () => {
    const session = openOn(SMMUV3, documentWith(STORY));
    const forward: string[] = [];
    for (let step = 0; step <= STORY.length; step++) {
      session.seek(step);
      forward.push(session.summary().digest + session.walk(access(0x10_0000)).digest);
    }
    for (let step = STORY.length; step >= 0; step--) {
      session.seek(step);
      expect(session.summary().digest + session.walk(access(0x10_0000)).digest).toBe(forward[step]);
    }
    const again = openOn(SMMUV3, documentWith(STORY));
    expect(again.summary().digest + again.walk(access(0x10_0000)).digest).toBe(forward.at(-1));
  });

  it("goes on from an earlier step as though the later ones had never been", () => {
    const session = openOn(SMMUV3, documentWith(STORY));
    session.seek(2);
    const branched = session.apply(unmap(0x10_0000, 4));
    expect(branched.ok).toBe(true);
    const straight = openOn(SMMUV3, documentWith([...STORY.slice(0, 2), unmap(0x10_0000, 4)]));
    expect(session.summary().digest).toBe(straight.summary().digest);
    expect(session.software()?.objects).toEqual(straight.software()?.objects);
  });

  it("leaves a machine in which the writes of its software alone give the same translations", () => {
    const document = documentWith(STORY);
    const description = withSoftwareMemory(document.machine);
    const machine = new Machine(description, SMMUV3.make);
    const actors = Software.boot(machine, description);
    if (typeof actors === "string") throw new Error(actors);
    const timeline = new Timeline(machine, null, actors);
    for (const action of STORY) {
      timeline.append(action);
      // A fresh unit over the memory as it is now, with the registers as they are: nothing cached.
      const fresh = new Machine(
        {
          ...description,
          caches: {},
          memory: {
            ...description.memory,
            zero: [],
            segments: machine.memory.segments().map(({ at, bytes }) => ({ at: BigInt(at), bytes })),
          },
        },
        SMMUV3.make,
      );
      for (const name of ["STRTAB_BASE", "STRTAB_BASE_CFG", "CR1", "CR2", "CR0"]) {
        const place = fresh.unit.register(name)!;
        fresh.unit.write(place.offset, machine.unit.read(place.offset, place.width), place.width);
      }
      for (const iova of [0x10_0000, 0x10_3000, 0x20_0000, 0x30_0000]) {
        const [a, b] = [machine.unit.reach(access(iova)), fresh.unit.reach(access(iova))];
        expect([action.do, iova, b.end, b.end === "ok" ? b.pa : null]).toEqual([
          action.do,
          iova,
          a.end,
          a.end === "ok" ? a.pa : null,
        ]);
      }
    }
  });

  it("counts what things cost, a batch of invalidations less than one for each page", () => {
    const cost = (actions: readonly Action[]): Readonly<Record<string, number>> =>
      openOn(SMMUV3, documentWith(actions)).software()!.counts;
    const before = cost([map(0x10_0000, 64)]);
    const whole = cost([map(0x10_0000, 64), unmap(0x10_0000, 64)]);
    const single = cost([map(0x10_0000, 64), ...Array.from({ length: 64 }, (_, i) => unmap(0x10_0000 + i * PAGE))]);
    expect(whole.ioctl! - before.ioctl!).toBe(1);
    expect(single.ioctl! - before.ioctl!).toBe(64);
  });

  it("says why it cannot be opened, or an action not be done", () => {
    const none = documentWith([]);
    const bad = {
      ...none,
      machine: { ...none.machine, software: { ...none.machine.software!, assigned: [{ bdf: "9", virtualId: 1 }] } },
    };
    const opened = Session.open(bad, SMMUV3, Software);
    expect(opened).toMatchObject({ ok: false, error: { place: "machine.software.assigned[0].bdf" } });
    const session = openOn(SMMUV3, none);
    expect(session.apply(map(0x123))).toMatchObject({ ok: false });
    expect(session.apply({ ...map(0x1000), device: 0x99 } as Action)).toMatchObject({ ok: false });
    expect(session.software()?.objects.length).toBeGreaterThan(0);
  });
});
