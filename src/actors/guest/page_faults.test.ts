import { describe, expect, it } from "vitest";
import { AMDVI } from "../../machine/amdvi/architecture.ts";
import { SMMUV3 } from "../../machine/smmuv3/architecture.ts";
import type { SmmuUnit } from "../../machine/smmuv3/smmu_unit.ts";
import { BareMetal, BUFFERS } from "../../machine/testing/bare_metal.ts";
import type { Architecture } from "../../machine/unit.ts";
import { VTD } from "../../machine/vtd/architecture.ts";
import { makeAmdDriver } from "./amdvi/driver.ts";
import { GuestKernel, type MakeDriver } from "./guest_kernel.ts";
import { makeSmmuDriver } from "./smmuv3/driver.ts";
import { makeVtdDriver } from "./vtd/driver.ts";

const SID = 0x28;
const PASID = 5;
const PAGE = 4096;
const IOVA = 0x10_0000;
const ATS = { capacity: 16, pageRequests: 8, responsePasidRequired: true, answersInvalidations: true };

interface Subject {
  readonly architecture: Architecture;
  readonly preset: string;
  readonly make: MakeDriver;
  /** Requests that the queue has room for, and what the kernel logs when there were more. */
  readonly room: number;
  readonly lost: string;
}

const SMMU: Subject = {
  architecture: SMMUV3,
  preset: "neoverse",
  make: makeSmmuDriver,
  room: 128,
  lost: "PRIQ overflow detected -- requests lost",
};

const SUBJECTS: readonly Subject[] = [
  SMMU,
  {
    architecture: VTD,
    preset: "sapphire-rapids",
    make: makeVtdDriver,
    room: 127,
    lost: "DMAR: PRQ overflow detected",
  },
  {
    architecture: AMDVI,
    preset: "full",
    make: makeAmdDriver,
    room: 511,
    lost: "AMD-Vi: IOMMU PPR log restarting",
  },
];

function boot({ architecture, preset, make }: Subject, pri: boolean) {
  const device = { sid: SID, bdf: "0000:00:05.0", label: "accelerator", ...(pri ? { ats: ATS } : {}) };
  const bare = new BareMetal(architecture, { preset, devices: [device] });
  // Lazy for buffers; what a process unmaps is waited for all the same.
  const options = { mistakes: new Set<never>(), ats: new Set(pri ? [SID] : []), lazy: true };
  const ram = { at: BUFFERS, bytes: 0x100_0000 };
  const kernel = GuestKernel.boot(ram, bare.platform, make, options, bare.journal);
  if (!(kernel instanceof GuestKernel)) throw new Error(kernel.refused);
  const part = { sid: SID, ssid: PASID, privileged: false, instruction: false, length: 4 };
  return { bare, kernel, pcie: bare.machine.unit.pcie!, part };
}

function bootStalling() {
  const world = boot(SMMU, false);
  return { ...world, unit: world.bare.machine.unit as SmmuUnit };
}

describe("A process whose pages come when a transaction stalls (IHI 0070 §3.12.2)", () => {
  const stalled = ({ unit, part }: ReturnType<typeof bootStalling>, iova: number, write = true): number => {
    const result = unit.transfer({ ...part, iova: BigInt(iova), write });
    if (result.ok || result.stalled === undefined) throw new Error("it does not stall");
    return result.stalled;
  };

  it("has the page brought and the transaction taken up again", () => {
    const world = bootStalling();
    const { kernel, unit, bare } = world;
    expect(kernel.bind(SID, PASID, IOVA, 4 * PAGE, true)).toBeNull();
    const stall = stalled(world, IOVA + PAGE + 8);
    expect(unit.stalls.resultOf(stall)).toBeNull();
    expect(kernel.takeFaults()).toEqual({ logged: [], answered: { groups: 1, granted: 1 } });
    expect(unit.stalls.resultOf(stall)).toMatchObject({ ok: true });
    expect([bare.dma(SID, IOVA + PAGE, true, PASID), bare.dma(SID, IOVA, true, PASID)]).toEqual([
      expect.any(Number),
      null,
    ]);
  });

  it.each([
    ["beyond the process", IOVA + 4 * PAGE, true],
    ["for writing what may only be read", IOVA + 8 * PAGE, true],
  ])("has it aborted %s", (_name, iova, write) => {
    const world = bootStalling();
    const { kernel, unit } = world;
    kernel.bind(SID, PASID, IOVA, 4 * PAGE, true);
    kernel.bind(SID, PASID, IOVA + 8 * PAGE, PAGE, false);
    const free = kernel.buffers.free;
    const stall = stalled(world, iova, write);
    expect(kernel.takeFaults().answered).toEqual({ groups: 1, granted: 0 });
    expect(unit.stalls.resultOf(stall)).toEqual({ ok: false, razwi: false });
    expect(kernel.buffers.free).toBe(free);
  });

  it("has it aborted when the process is unbound before anybody looks", () => {
    const world = bootStalling();
    const { kernel, unit } = world;
    kernel.bind(SID, PASID, IOVA, PAGE, true);
    const stall = stalled(world, IOVA);
    kernel.detach(SID, PASID);
    kernel.takeFaults();
    expect(unit.stalls.resultOf(stall)).toMatchObject({ ok: false });
  });

  it("brings a page once for all that wait for it, and gives it back when it is unmapped", () => {
    const world = bootStalling();
    const { kernel, unit } = world;
    kernel.bind(SID, PASID, IOVA, PAGE, true);
    const free = kernel.buffers.free;
    const stalls = [0, 8, 16].map((offset) => stalled(world, IOVA + offset));
    expect(kernel.takeFaults().answered).toEqual({ groups: 3, granted: 3 });
    for (const stall of stalls) expect(unit.stalls.resultOf(stall)).toMatchObject({ ok: true });
    expect(kernel.buffers.free).toBe(free - PAGE);
    const memory = kernel.deviceMemory(SID, PASID);
    if ("refused" in memory) throw new Error(memory.refused);
    expect(memory.unmap(IOVA, PAGE)).toBe(PAGE);
    expect(kernel.buffers.free).toBe(free);
    // What was unmapped is no longer the process's.
    const late = stalled(world, IOVA);
    kernel.takeFaults();
    expect(unit.stalls.resultOf(late)).toMatchObject({ ok: false });
  });
});

describe.each(SUBJECTS)("A process whose pages a device asks for, $architecture.arch", (subject) => {
  const access = ({ pcie, part }: ReturnType<typeof boot>, iova: number) =>
    pcie.access({ ...part, iova: BigInt(iova), write: true })!;

  it("has the page brought, the group answered, and the device asks again for the translation", () => {
    const world = boot(subject, true);
    const { kernel, pcie } = world;
    expect(kernel.bind(SID, PASID, IOVA, 2 * PAGE, true)).toBeNull();
    expect(access(world, IOVA)).toMatchObject({ ok: false, turn: { kind: "waiting" } });
    expect(kernel.takeFaults()).toEqual({ logged: [], answered: { groups: 1, granted: 1 } });
    expect(pcie.takeResponses()).toMatchObject([{ sid: SID, ssid: PASID, code: 0 }]);
    expect(access(world, IOVA)).toMatchObject({ ok: true, turn: { kind: "translated" } });
  });

  it("answers Invalid Request beyond the process, and Response Failure where no process is bound", () => {
    const world = boot(subject, true);
    const { kernel, pcie } = world;
    kernel.bind(SID, PASID, IOVA, PAGE, true);
    access(world, IOVA + PAGE);
    expect(kernel.takeFaults().answered).toEqual({ groups: 1, granted: 0 });
    expect(pcie.takeResponses()).toMatchObject([{ code: 1 }]);
    kernel.detach(SID, PASID);
    const message = { ...world.part, ssid: 7, address: BigInt(IOVA), prgIndex: 3, read: true, write: true };
    kernel.mappings(SID, 7);
    pcie.pageRequest({ ...message, execute: false, last: true });
    kernel.takeFaults();
    expect(pcie.takeResponses()).toMatchObject([{ prgIndex: 3, code: 15 }]);
  });

  it("answers a group as a whole, with its last request", () => {
    const { kernel, pcie, part } = boot(subject, true);
    kernel.bind(SID, PASID, IOVA, 2 * PAGE, true);
    const ask = (address: number, last: boolean): void => {
      const request = { ...part, address: BigInt(address), prgIndex: 9, read: true, write: true, execute: false, last };
      pcie.pageRequest(request);
    };
    ask(IOVA, false);
    expect(kernel.takeFaults().answered.groups).toBe(0);
    ask(IOVA + PAGE, false);
    ask(IOVA + 2 * PAGE, true);
    expect(kernel.takeFaults().answered).toEqual({ groups: 1, granted: 0 });
    expect(pcie.takeResponses()).toMatchObject([{ prgIndex: 9, code: 1 }]);
  });

  it("says that requests were lost, and goes on", () => {
    const { kernel, pcie, part } = boot(subject, true);
    kernel.bind(SID, PASID, IOVA, PAGE, true);
    for (let i = 0; i < subject.room + 2; i++) {
      const request = { ...part, address: BigInt(IOVA), prgIndex: i % 512, read: true, write: true, execute: false };
      pcie.pageRequest({ ...request, last: true });
    }
    const { logged, answered } = kernel.takeFaults();
    expect(logged.flatMap(({ lines }) => lines())).toEqual([subject.lost]);
    expect(answered).toEqual({ groups: subject.room, granted: subject.room });
    expect(kernel.takeFaults()).toEqual({ logged: [], answered: { groups: 0, granted: 0 } });
    const again = { ...part, address: BigInt(IOVA), prgIndex: 1, read: true, write: true, execute: false, last: true };
    expect(pcie.pageRequest(again)).toEqual({ queued: true });
    expect(kernel.takeFaults().answered).toEqual({ groups: 1, granted: 1 });
  });
});
