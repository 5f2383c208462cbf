import { describe, expect, it } from "vitest";
import type { Action } from "../../protocol/machine.ts";
import type { Mistake, VmMode } from "../../protocol/software.ts";
import { NIC, virtualMachineOn } from "../../scenario/library/machines.ts";
import { access, call, destroy, GUEST, map, unmap } from "../../scenario/library/verbs.ts";
import { AMDVI } from "../amdvi/architecture.ts";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import { documentOn, openOn } from "../testing/open_session.ts";
import type { Architecture } from "../unit.ts";

const IOVA = 0x10_0000;
const WHOLE_MEMORY = { ioas_id: 1, iova: 0x4000_0000, length: 0x100_0000 };

/** How each access of a card with a TLB of its own went out. */
function turns({ architecture, preset, mode }: Kind, actions: readonly Action[], mistakes: readonly Mistake[] = []) {
  const machine = virtualMachineOn(architecture.arch, preset, { mode, mistakes, ats: true, amdNesting: "as intended" });
  const session = openOn(architecture, documentOn(machine, actions));
  expect(session.software()?.refused).toEqual([]);
  return session.log(0, 10).rows.flatMap(({ result }) => {
    return result?.type === "device" ? [result.hit ? "had" : result.turn] : [];
  });
}

/** The card writes twice, the guest unmaps, and it writes again. Without a translation it asks for the page. */
const story = (kind: Kind, mistakes: readonly Mistake[] = []) =>
  turns(kind, [map(GUEST, IOVA, 1), access(IOVA), access(IOVA), unmap(GUEST, IOVA, 1), access(IOVA)], mistakes);

interface Kind {
  readonly architecture: Architecture;
  readonly preset: string;
  readonly mode: VmMode;
}

interface Row extends Kind {
  /** What becomes of the request for a page that is gone. */
  readonly asked: string;
  /** What the guest tells the device itself is what it hears. */
  readonly heard: boolean;
}

const ROWS: readonly Row[] = [
  { architecture: SMMUV3, preset: "neoverse", mode: "nested, trapped", asked: "waiting", heard: true },
  { architecture: SMMUV3, preset: "grace", mode: "nested, direct", asked: "waiting", heard: true },
  { architecture: SMMUV3, preset: "neoverse", mode: "emulated", asked: "waiting", heard: false },
  { architecture: AMDVI, preset: "full", mode: "nested, direct", asked: "waiting", heard: true },
  // The host tells the device whenever the VMM has a HWPT made anew.
  { architecture: AMDVI, preset: "full", mode: "nested, trapped", asked: "waiting", heard: false },
  { architecture: AMDVI, preset: "full", mode: "emulated", asked: "denied", heard: false },
];
const NAMED = ROWS.map((row) => ({ ...row, arch: row.architecture.arch }));

describe(`A device with ATS that belongs to a guest, such as ${NIC.bdf}`, () => {
  it.each(NAMED)("keeps translations until the guest unmaps: $arch $preset, $mode", (row) => {
    expect(story(row)).toEqual(["translated", "had", row.asked]);
  });

  it.each(NAMED.filter(({ heard }) => heard))(
    "keeps them beyond that where the guest forgets to tell it: $arch $preset, $mode",
    (row) => {
      expect(story(row, ["no ATC invalidation"])).toEqual(["translated", "had", "had"]);
    },
  );

  it.each<[string, readonly Action[], string]>([
    ["its tables are taken away", [{ do: "guest switch", to: "bypass" }], "denied"],
    // The VMM's IOAS is its first object; queues of hardware keep the memory that they are in.
    ["its memory is", [...[10, 8, 6].map(destroy), call("IOMMU_IOAS_UNMAP", WHOLE_MEMORY)], "waiting"],
  ])("forgets translations by PASIDs of the guest's when %s", (_name, taken, last) => {
    const process = { ...GUEST, pasid: 5 };
    const actions = [map(process, IOVA, 1), access(IOVA, 5), access(IOVA, 5), ...taken, access(IOVA, 5)];
    const kind: Kind = { architecture: AMDVI, preset: "full", mode: "nested, direct" };
    expect(turns(kind, actions)).toEqual(["translated", "had", last]);
  });
});
