import { describe, expect, it } from "vitest";
import { Session } from "../../machine/session.ts";
import { loadArchitecture } from "../../machine/units.ts";
import { Software } from "../../machine/world/software.ts";
import { OTHER_ERAS } from "./eras.ts";
import { MSI } from "./msi.ts";

const DOORBELL = 0x809_0040n;

async function open(id: string): Promise<Session> {
  const document = [...MSI, ...OTHER_ERAS].find((lesson) => lesson.id === id)!.document();
  const architecture = await loadArchitecture(document.machine.arch);
  const opened = Session.open(document, architecture!, (m, d) => Software.boot(m, d));
  if (!opened.ok) throw new Error(`${opened.error.place}: ${opened.error.detail}`);
  return opened.value;
}

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
    const session = await open(id);
    expect(went(session)).toEqual(expected);
    expect(interrupts(session)).toBe(count);
  });

  it("comes true of the flat mapping", async () => {
    const session = await open("msi-flat-mapping");
    expect(went(session)).toEqual(["refused", DOORBELL, expect.any(BigInt)]);
    expect(interrupts(session)).toBe(1);
  });
});
