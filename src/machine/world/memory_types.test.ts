/** Who decides about the memory type of a guest's accesses: its stage 1, or a stage 2 that is walked with S2FWB. */
import { describe, expect, it } from "vitest";
import { CD } from "../../arch/smmuv3/cd.ts";
import { virtualMachineOn } from "../../scenario/library/machines.ts";
import { MSI } from "../../scenario/library/msi.ts";
import { dma, GUEST, map } from "../../scenario/library/verbs.ts";
import { Session } from "../session.ts";
import { SMMUV3 } from "../smmuv3/architecture.ts";
import { Software } from "./software.ts";

const IOVA = 0x10_0000;
/** As MAIR has it. */
const NON_CACHEABLE = 0x44;

/** The type that the card's access leaves with, in words, once its guest calls everything Non-cacheable. */
function typeOnceWeakened(preset: string): string | undefined {
  const machine = { ...virtualMachineOn("smmuv3", preset), caches: {} };
  const document = { title: "", about: "", machine, actions: [map(GUEST, IOVA, 1)] };
  const opened = Session.open({ ...document, recorded: { accesses: [], events: [] } }, SMMUV3, Software);
  if (!opened.ok) throw new Error(opened.error.detail);
  const session = opened.value;
  const { from } = session.owners().rows.find(({ owner }) => owner === "Context descriptor")!;
  const { lo } = CD.fields.find(({ name }) => name === "MAIR0")!;
  const bytes = new Uint8Array(new Uint32Array([NON_CACHEABLE]).buffer);
  session.apply({ do: "write", at: from + BigInt(lo / 8), bytes });
  return session.walk(dma(IOVA)).combined.find(({ name }) => name === "Memory type")?.together;
}

describe("The page of a doorbell", () => {
  it.each([
    ["msi-software-window", "one stage of the host's"],
    ["msi-flat-mapping", "a stage 1 of the guest's, and the host's stage 2"],
  ])("is Device memory that nothing is executed from, in %s: %s", (id) => {
    const document = MSI.find((lesson) => lesson.id === id)!.document();
    const opened = Session.open(document, SMMUV3, Software);
    if (!opened.ok) throw new Error(opened.error.detail);
    const write = dma(0x800_0040);
    expect(opened.value.walk(write).outcome.type).toBe("ok");
    const type = opened.value.walk(write).combined.find(({ name }) => name === "Memory type")?.together;
    expect(type).toContain("Device-nGnRE");
    expect(opened.value.walk({ ...write, write: false, instruction: true }).outcome.type).not.toBe("ok");
  });
});

describe("A guest that calls its memory Non-cacheable", () => {
  it("is overruled where the SMMU has S2FWB: the host's leaves force write-back", () => {
    expect(typeOnceWeakened("neoverse")).toContain("WB");
  });

  it("has its way where there is none, and devices are coherent all the same", () => {
    expect(typeOnceWeakened("qemu-11.1-nested")).toContain("NC");
  });
});
