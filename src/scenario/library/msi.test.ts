import { describe, expect, it } from "vitest";
import type { Session } from "../../machine/session.ts";
import { openLesson } from "../testing/lessons.ts";

const DOORBELL = 0x809_0040n;

/** Where the card's writes went, "refused" for nowhere. */
const went = (session: Session): unknown[] =>
  session.log(0, 100).rows.flatMap(({ result }) => {
    if (result?.type === "software") return [];
    return [result?.type === "went" ? result.pa : result?.type];
  });

const interrupts = (session: Session): number =>
  session
    .journal(0, 10_000)
    .entries.filter(({ deed, about }) => deed === "interrupt" && about === "message of device 0x10 for the guest")
    .length;

describe("What the remarks on interrupts say", () => {
  it.each([
    ["msi-software-window", ["refused", DOORBELL], 1],
    ["msi-nested-doorbell", [DOORBELL, "refused"], 1],
    ["msi-remapped", [null, "refused"], 1],
    ["msi-remapped-amd", [null, "refused"], 1],
    ["smmuv3-vfio-v16-msi", ["refused", DOORBELL], 1],
  ])("comes true in %s: a message that arrives interrupts the guest, once", async (id, expected, count) => {
    const session = await openLesson(id);
    expect(went(session)).toEqual(expected);
    expect(interrupts(session)).toBe(count);
  });

  it("comes true of the flat mapping", async () => {
    const session = await openLesson("msi-flat-mapping");
    expect(went(session)).toEqual(["refused", DOORBELL, expect.any(BigInt)]);
    expect(interrupts(session)).toBe(1);
  });
});
