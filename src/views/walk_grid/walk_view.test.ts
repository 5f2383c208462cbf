import { describe, expect, it } from "vitest";
import { traceSteps, walkStages } from "../common/walk_reading.ts";
import { layoutWalk, recordBoxes } from "../geometry/walk_layout.ts";
import { walkModel } from "../geometry/walk_model.ts";
import { moveCursor } from "./move_cursor.ts";
import { bypass, nestedOk, nestedTableFault } from "./sample_walks.ts";
import { ordinalText } from "./walk_text.ts";
import { currentIpa, editedRecords, linkedRecords } from "./walk_view.ts";

const answer = nestedOk();
const steps = traceSteps(answer);
const table = (n: number) => steps.filter((s) => s.kind === "Descriptor" && s.phase !== "config")[n - 1]!;

describe("what is tied to a step", () => {
  it("is every other read of the same memory", () => {
    const first = table(1);
    const linked = [...linkedRecords(steps, first.record, first.pa)].map((r) => ordinalText(steps, r));
    expect(linked).toEqual(["configuration access 3", "access 6", "access 11", "access 16", "access 21"]);
  });

  it("is edited where an action wrote any of its bytes", () => {
    const s1 = table(5);
    const toggle = editedRecords(steps, [{ do: "toggle", at: s1.pa, bit: 3 }]);
    expect([...toggle]).toEqual([s1.record]);
    const write = editedRecords(steps, [{ do: "write", at: s1.pa - 4n, bytes: new Uint8Array(5) }]);
    expect([...write]).toEqual([s1.record]);
    expect(editedRecords(steps, [{ do: "write", at: s1.pa + 8n, bytes: new Uint8Array(8) }]).size).toBe(0);
    const ste = steps.find((s) => s.kind === "STE")!;
    expect([...editedRecords(steps, [{ do: "toggle", at: ste.pa + 56n, bit: 0 }])]).toEqual([ste.record]);
  });

  it("has the IPA that stage 2 is translating", () => {
    expect(currentIpa(steps, table(3), true)).toBe(0x40803000n);
    expect(currentIpa(steps, table(5), true)).toBe(0x40803000n);
    expect(currentIpa(steps, steps.at(-1)!, true)).toBe(0x40123f80n);
    expect(currentIpa(steps, steps[0]!, true)).toBeNull();
    expect(currentIpa(steps, table(3), false)).toBeNull();
  });
});

describe("the cursor", () => {
  const boxes = recordBoxes(
    layoutWalk(walkModel(steps, walkStages(answer)), { width: 900, height: 500, strips: 2, configOpen: false }),
  );
  const at = (n: number): number => table(n).record;

  it("goes left and right in the order of accesses, over the ends of rows", () => {
    expect(moveCursor(boxes, at(5), "ArrowRight")).toBe(at(6));
    expect(moveCursor(boxes, at(6), "ArrowLeft")).toBe(at(5));
    expect(moveCursor(boxes, steps.at(-1)!.record, "ArrowRight")).toBe(steps.at(-1)!.record);
  });

  it("goes up and down within its column", () => {
    expect(moveCursor(boxes, at(3), "ArrowDown")).toBe(at(8));
    expect(moveCursor(boxes, at(8), "ArrowUp")).toBe(at(3));
    expect(moveCursor(boxes, at(24), "ArrowDown")).toBe(at(24));
  });

  it("starts at the first box, and leaves other keys alone", () => {
    expect(moveCursor(boxes, null, "ArrowDown")).toBe(0);
    expect(moveCursor(boxes, at(3), "a")).toBeUndefined();
  });

  it("reaches what a fault left unread only by what was drawn", () => {
    const fault = nestedTableFault();
    const drawn = recordBoxes(
      layoutWalk(walkModel(traceSteps(fault), walkStages(fault)), {
        width: 900,
        height: 500,
        strips: 2,
        configOpen: false,
      }),
    );
    expect(moveCursor(drawn, 0, "End")).toBe(traceSteps(fault).length - 1);
  });
});

describe("ordinals", () => {
  it("count tables and configuration apart, and outputs not at all", () => {
    expect(ordinalText(steps, 0)).toBe("configuration access 1");
    expect(ordinalText(steps, table(24).record)).toBe("access 24");
    const passed = traceSteps(bypass());
    expect(ordinalText(passed, passed.length - 1)).toBe("check");
  });
});
