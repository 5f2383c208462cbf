/** Processes bound to a PASID of a card with page requests: on every IOMMU that there is to choose, however it is reached. */
import { describe, expect, it } from "vitest";
import { EFR } from "../../arch/amdvi/feature_registers.ts";
import { encodeFields } from "../../base/encode.ts";
import { join } from "../../base/halves.ts";
import { PRESETS as AMDVI_PRESETS } from "../../engine/amdvi/presets.ts";
import type { Action, MachineDescription } from "../../protocol/machine.ts";
import { type Mistake, VM_MODES } from "../../protocol/software.ts";
import { kernelOn, virtualMachineOn } from "../../scenario/library/machines.ts";
import { access, bind, GUEST, KERNEL, map, readFaults, unmap } from "../../scenario/library/verbs.ts";
import { AMDVI } from "../amdvi/architecture.ts";
import { documentOn, openOn } from "../testing/open_session.ts";

const IOVA = 0x10_0000;
const PASID = 5;

const played = (machine: MachineDescription, actions: readonly Action[]) => openOn(AMDVI, documentOn(machine, actions));
type Played = ReturnType<typeof played>;

/** How each access went out, and what each deed of software came to. */
const outcomes = (session: Played): string[] =>
  session.log(0, 20).rows.map(({ result }) => {
    if (result?.type === "device") return result.hit ? "had" : result.turn;
    return result?.type === "software" ? result.about : "";
  });

/** Invalidations that what is cached lacks. */
const missing = (session: Played): string[] =>
  session.caches().caches.flatMap(({ entries }) => entries.flatMap(({ stale }) => stale?.missing ?? []));

/** The process has two pages of addresses; the card writes to one, loses it, and writes again. */
const story = (who: { readonly device: number }): Action[] => {
  const process = { ...who, pasid: PASID };
  const write = access(IOVA, PASID);
  return [bind(process, IOVA, 2), write, readFaults, write, write, unmap(process, IOVA, 1), write, readFaults];
};
const SERVED = [
  "bound: pages come when the device faults on them",
  "waiting",
  "0 faults logged, 1 of 1 waiting accesses served",
  "translated",
  "had",
  "1 page unmapped",
  "waiting",
  "0 faults logged, 0 of 1 waiting accesses served",
];

/** By preset: whether processes are bound on hardware, then in a virtual machine of each mode; null where there is none. */
const EXPECTED: Readonly<Record<string, readonly (boolean | null)[]>> = {
  "qemu-11.1": [false, null, null, false],
  full: [true, true, true, false],
  minimal: [false, null, null, false],
};

const ROWS = AMDVI_PRESETS.flatMap(({ id: preset }) =>
  ["kernel" as const, ...VM_MODES].map((where, i) => ({ preset, where, binds: EXPECTED[preset]![i]! })),
).filter(({ binds }) => binds !== null);

describe.each(ROWS)("A process on AMD $preset, $where", ({ preset, where, binds }) => {
  const session = () => {
    if (where === "kernel") return played(kernelOn("amdvi", preset, { ats: true }), story(KERNEL));
    const choice = { mode: where, ats: true, amdNesting: "as intended" } as const;
    return played(virtualMachineOn("amdvi", preset, choice), story(GUEST));
  };

  it.runIf(binds)("has its pages brought, and is reached no more where they are gone", () => {
    const done = session();
    expect(outcomes(done)).toEqual(SERVED);
    expect([done.software()?.refused, done.software()?.hazards, missing(done)]).toEqual([[], [], []]);
  });

  it.runIf(!binds)("is bound to nothing without guest tables", () => {
    const [bound, ...others] = outcomes(session());
    expect(bound).toContain("guest tables (EFR.GTSup, EFR.GIoSup)");
    expect(others.filter((turn) => turn === "translated" || turn === "waiting")).toEqual([]);
  });
});

it.each(["PPRSup", "EPHSup"])("A process on an AMD IOMMU without EFR.%s is bound to nothing", (missing) => {
  const fields = { ...AMDVI_PRESETS.find(({ id }) => id === "full")!.registers.EFR, [missing]: 0 };
  const [lo = 0, hi = 0] = encodeFields(EFR, fields);
  const machine = { ...kernelOn("amdvi", "full", { ats: true }), registers: { EFR: join(hi, lo) } };
  const [bound] = outcomes(played(machine, story(KERNEL)));
  expect(bound).toContain("EFR.GTSup, GIoSup, PPRSup, EPHSup");
});

describe.each(["kernel", "nested, direct"] as const)("What a process on AMD has lost, %s", (where) => {
  it.each<[Mistake, string]>([
    ["no TLB invalidation", "INVALIDATE_IOMMU_PAGES"],
    ["wrong ASID", "INVALIDATE_IOMMU_PAGES"],
    ["no ATC invalidation", "INVALIDATE_IOTLB_PAGES"],
  ])("is reached on by a card where the kernel makes the mistake %s, and %s is named", (mistake, command) => {
    const choice = { ats: true, mistakes: [mistake] };
    const nested = { ...choice, mode: "nested, direct", amdNesting: "as intended" } as const;
    const [machine, who] =
      where === "kernel"
        ? [kernelOn("amdvi", "full", choice), KERNEL]
        : [virtualMachineOn("amdvi", "full", nested), GUEST];
    const done = played(machine, story(who).slice(0, -1));
    expect(outcomes(done).at(-1)).not.toBe("waiting");
    expect(missing(done)).toEqual([expect.stringMatching(new RegExp(`^${command}, .*PASID 0x5`))]);
  });
});

describe("A page request that waits while a nested HWPT is made anew for another invalidation", () => {
  const machine = virtualMachineOn("amdvi", "full", { mode: "nested, trapped", ats: true, amdNesting: "as intended" });
  const buffer = IOVA + 0x10_0000;

  it("is to be made again, by the new one, and the guest's answer to the old one is nobody's", () => {
    const write = access(IOVA, PASID);
    const actions = [
      map(GUEST, buffer, 1),
      bind({ ...GUEST, pasid: PASID }, IOVA, 1),
      write,
      unmap(GUEST, buffer, 1),
      write,
      readFaults,
      write,
    ];
    const session = played(machine, actions);
    expect(outcomes(session).slice(2)).toEqual([
      "waiting",
      "1 page unmapped",
      "waiting",
      "0 faults logged, 2 of 2 waiting accesses served",
      "translated",
    ]);
    expect(session.software()?.refused).toEqual([]);
    const answers = session.journal(0, 10_000).entries.filter(({ about }) => about === "answer page faults");
    // Once by the VMM for itself, during the unmap; once for the guest.
    expect(answers.map(({ action }) => action)).toEqual([3, 5]);
  });
});
