import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import type { JournalEntry } from "../../protocol/journal.ts";
import { journalSpans } from "../geometry/journal_spans.ts";
import type { LaneView } from "../geometry/lane_marks.ts";
import { JournalDrawing } from "./JournalDrawing.tsx";

const NONE = { action: 0, at: -1, valueHi: 0, valueLo: 0 } as const;
/** A guest waits for a command; the trapped write makes the VMM call the host, which writes the hardware's register. */
const ENTRIES: readonly JournalEntry[] = [
  { ...NONE, id: 0, cause: null, actor: "guest", deed: "sync", about: "wait for the Command queue" },
  { ...NONE, id: 1, cause: 0, actor: "guest", deed: "command", about: "CMD_SYNC" },
  {
    ...NONE,
    id: 2,
    cause: 1,
    actor: "guest",
    deed: "memory write",
    about: "CMD_SYNC",
    at: 0x4000_1020,
    valueLo: 0x2046,
  },
  { ...NONE, id: 3, cause: 0, actor: "guest", deed: "register write", about: "CMDQ_PROD", at: 0x98, valueLo: 3 },
  { ...NONE, id: 4, cause: 3, actor: "VMM", deed: "trapped write", about: "SMMU register", at: 0x98, valueLo: 3 },
  { ...NONE, id: 5, cause: 4, actor: "VMM", deed: "ioctl", about: "IOMMU_HWPT_INVALIDATE" },
  { ...NONE, id: 6, cause: 5, actor: "host", deed: "register write", about: "IOMMU register", at: 0x98, valueLo: 11 },
  { ...NONE, id: 7, cause: null, actor: "device", deed: "transaction", about: "write of 4 bytes" },
];
/** Far more things than there are pixels. */
const MANY = Array.from({ length: 5000 }, (_, i): JournalEntry => ({ ...ENTRIES[1]!, id: i, cause: null }));

function draw(entries: readonly JournalEntry[], folded: readonly number[] = [], view?: LaneView): string {
  const spans = journalSpans(entries, new Set(folded), null);
  const markup = renderToStaticMarkup(
    <JournalDrawing
      entries={entries}
      spans={spans}
      width={720}
      height={200}
      view={view ?? { from: 0, to: spans.length }}
      tick={String}
      onOpen={() => {}}
      onHover={() => {}}
    />,
  );
  return `${markup.replaceAll(/>(?=<(?!\/text|\/title))/g, ">\n")}\n`;
}

describe("The drawing of what actors did", () => {
  it.each([
    ["trapped_write", ENTRIES, [], undefined],
    ["trapped_write_folded", ENTRIES, [3], undefined],
    ["part_of_a_step", ENTRIES, [], { from: 3.5, to: 6 }],
  ] as const)("%s looks as it did", async (name, entries, folded, view) => {
    await expect(draw(entries, folded, view)).toMatchFileSnapshot(`./golden/${name}.golden.svg`);
  });

  it("draws runs where things are too narrow, and no more of them than the width has room for", () => {
    const boxes = draw(MANY).match(/class="journal-box"/g) ?? [];
    expect(boxes.length).toBeGreaterThan(50);
    expect(boxes.length).toBeLessThanOrEqual(720 / 4 + 1);
  });

  it("says on a folded box how much it hides", () => {
    expect(draw(ENTRIES, [0])).toContain("wait for the Command queue, 6 more");
  });
});
