import { describe, expect, it } from "vitest";
import type { Mistake, VmMode } from "../../protocol/software.ts";
import { NIC, virtualMachineOn } from "../../scenario/library/machines.ts";
import { access, GUEST, map, unmap } from "../../scenario/library/verbs.ts";
import { Session } from "../session.ts";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import { Software } from "./software.ts";

const IOVA = 0x10_0000;

/**
 * A card with a TLB of its own writes twice, the guest unmaps, and it writes again: how each access went out. Without a
 * translation it asks for the page, which nobody has.
 */
function story(preset: string, mode: VmMode, mistakes: readonly Mistake[] = []): string[] {
  const machine = virtualMachineOn("smmuv3", preset, { mode, mistakes, ats: true });
  const actions = [map(GUEST, IOVA, 1), access(IOVA), access(IOVA), unmap(GUEST, IOVA, 1), access(IOVA)];
  const document = { title: "", about: "", machine, actions, recorded: { accesses: [], events: [] }, notes: [] };
  const opened = Session.open(document, SMMUV3, (m, d) => Software.boot(m, d));
  if (!opened.ok) throw new Error(opened.error.detail);
  expect(opened.value.software()?.refused).toEqual([]);
  return opened.value.log(0, 10).rows.flatMap(({ result }) => {
    return result?.type === "device" ? [result.hit ? "had" : result.turn] : [];
  });
}

const MODES: readonly (readonly [preset: string, mode: VmMode])[] = [
  ["neoverse", "nested, trapped"],
  ["grace", "nested, direct"],
  ["neoverse", "emulated"],
];

describe(`A device with ATS that belongs to a guest, such as ${NIC.bdf}`, () => {
  it.each(MODES)("keeps translations until the guest unmaps: %s, %s", (preset, mode) => {
    expect(story(preset, mode)).toEqual(["translated", "had", "waiting"]);
  });

  it.each(MODES.filter(([, mode]) => mode !== "emulated"))(
    "keeps them beyond that where the guest forgets CMD_ATC_INV: %s, %s",
    (preset, mode) => {
      expect(story(preset, mode, ["no ATC invalidation"])).toEqual(["translated", "had", "had"]);
    },
  );
});
