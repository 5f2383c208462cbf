import { describe, expect, it } from "vitest";
import { decode } from "../decode/decode.ts";
import { AMDVI } from "../machine/amdvi/architecture.ts";
import { Session } from "../machine/session.ts";
import type { Access } from "../protocol/machine.ts";
import { formatScenario, parseScenario } from "./document.ts";
import { sessionOfDump } from "./dump_session.ts";

function open(text: string): Session {
  const document = sessionOfDump(decode(text).entries);
  if (document === null) throw new Error("no session");
  const back = parseScenario(formatScenario(document), "entry");
  if (!back.ok) throw new Error(back.error.detail);
  const opened = Session.open(back.value, AMDVI);
  if (!opened.ok) throw new Error(`${opened.error.place}: ${opened.error.detail}`);
  return opened.value;
}

const outcome = (session: Session): unknown => session.walk(session.summary().view as Access).outcome;

/** The four words as Linux prints them beside an event. */
const beside = (...words: string[]): string => words.map((word, i) => `AMD-Vi: DTE[${i}]: ${word}`).join("\n");
const NONE = "0000000000000000";
const event = (name: string, flags: string): string =>
  `AMD-Vi: Event logged [${name} device=0000:41:00.0 pasid=0x00000 address=0x12345000 flags=${flags}]`;

describe("A session from a device table entry", () => {
  it("comes to the event that was logged: Mode 7 is reserved, 48882 §2.2.2.1", () => {
    const text = `${event("ILLEGAL_DEV_TABLE_ENTRY", "0x00a0")}\n${beside("6000000114d7be03", NONE, NONE, NONE)}`;
    const session = open(text);
    expect(session.summary().view).toMatchObject({ sid: 0x4100, iova: 0x12345000n, write: true });
    expect(outcome(session)).toMatchObject({ type: "fault", event: { name: "ILLEGAL_DEV_TABLE_ENTRY" } });
    expect(session.summary().recorded.accesses).toBe(1);
  });

  it("of debugfs goes as far as the entry leads, and no further than what was printed", () => {
    const row = (word: string) => `0000:41:00.0 ${NONE} ${NONE} ${NONE} ${word} iommu3`;
    expect(outcome(open(row("6000000114d7b603")))).toMatchObject({ type: "unknown" });
    expect(outcome(open(row(NONE)))).toMatchObject({ type: "ok", pa: 0n });
  });

  it("gives each device its own, and none an entry that names nobody", () => {
    const rows = ["0000:41:00.0", "0000:01:00.0"].map((device) => `${device} ${NONE} ${NONE} ${NONE} ${NONE} iommu0`);
    expect(open(rows.join("\n")).summary().streams).toBe(2);
    expect(sessionOfDump(decode(beside(NONE, NONE, NONE, NONE)).entries)).toBeNull();
  });
});
