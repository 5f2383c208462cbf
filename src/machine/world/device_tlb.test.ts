import { describe, expect, it } from "vitest";
import type { Action } from "../../protocol/machine.ts";
import type { Mistake, VmMode } from "../../protocol/software.ts";
import { NIC, virtualMachineOn } from "../../scenario/library/machines.ts";
import { access, GUEST, map, unmap } from "../../scenario/library/verbs.ts";
import { AMDVI } from "../amdvi/architecture.ts";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import { documentOn, openOn } from "../testing/open_session.ts";
import type { Architecture } from "../unit.ts";

const IOVA = 0x10_0000;

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
}

const ROWS: readonly Row[] = [
  { architecture: SMMUV3, preset: "neoverse", mode: "nested, trapped", asked: "waiting" },
  { architecture: SMMUV3, preset: "grace", mode: "nested, direct", asked: "waiting" },
  { architecture: SMMUV3, preset: "neoverse", mode: "emulated", asked: "waiting" },
  { architecture: AMDVI, preset: "full", mode: "nested, direct", asked: "waiting" },
  { architecture: AMDVI, preset: "full", mode: "emulated", asked: "denied" },
];
const NAMED = ROWS.map((row) => ({ ...row, arch: row.architecture.arch }));

describe(`A device with ATS that belongs to a guest, such as ${NIC.bdf}`, () => {
  it.each(NAMED)("keeps translations until the guest unmaps: $arch $preset, $mode", (row) => {
    expect(story(row)).toEqual(["translated", "had", row.asked]);
  });

  it.each(NAMED.filter(({ mode }) => mode !== "emulated"))(
    "keeps them beyond that where the guest forgets to tell it: $arch $preset, $mode",
    (row) => {
      expect(story(row, ["no ATC invalidation"])).toEqual(["translated", "had", "had"]);
    },
  );

  it("has no answer where the guest's commands do not reach it: AMD-Vi, nested, trapped", () => {
    const row = { architecture: AMDVI, preset: "full", mode: "nested, trapped", asked: "denied" } as const;
    expect(story(row)).toEqual(["denied", "denied", "denied"]);
  });

  it("forgets translations by PASIDs of the guest's when its tables are taken away", () => {
    const process = { ...GUEST, pasid: 5 };
    const off: Action = { do: "guest switch", to: "bypass" };
    const actions = [map(process, IOVA, 1), access(IOVA, 5), access(IOVA, 5), off, access(IOVA, 5)];
    expect(turns({ architecture: AMDVI, preset: "full", mode: "nested, direct" }, actions)).toEqual([
      "translated",
      "had",
      "denied",
    ]);
  });
});
