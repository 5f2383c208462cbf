import { describe, expect, it } from "vitest";
import { decode } from "../../decode/decode.ts";
import { EXAMPLES } from "./examples.ts";
import { dumpKinds, fieldLines, firstFault, readingsOf, withFlips } from "./record_reading.ts";
import { fieldMark, wordPlaces } from "./text_marks.ts";

const [forbidden, stage2] = EXAMPLES.map((e) => e.text);

describe("Readings of a paste", () => {
  it("name event 0x07, which Linux prints as UNKNOWN (IHI 0070 §7.3.8)", () => {
    const reading = readingsOf(decode(forbidden ?? ""), null).at(0);
    expect(reading).toMatchObject({ name: "F_TRANSL_FORBIDDEN", requester: "0x100", lines: [1, 6] });
    expect(reading?.reference).toContain("Linux prints UNKNOWN for this number.");
    expect(reading?.structure?.layout.name).toBe("F_TRANSL_FORBIDDEN");
  });

  it("give the access of a translation fault", () => {
    const reading = readingsOf(decode(stage2 ?? ""), null).at(0);
    expect(reading?.access).toEqual({
      sid: 0x10,
      ssid: null,
      iova: 0x60000n,
      write: false,
      privileged: false,
      instruction: false,
    });
  });

  it("begin at the first fault, not at the status that a log has before it", () => {
    const log = `DMAR: DRHD: handling fault status reg 3
DMAR: [DMA Write NO_PASID] Request device [00:0d.2] fault addr 0x1026a4000 [fault reason 0x51] SM: Present bit in Directory Entry is clear`;
    const readings = readingsOf(decode(log), null);
    expect([readings.at(0)?.glyph, readings.at(1)?.glyph]).toEqual(["stale", "fault"]);
    expect(firstFault(readings)).toBe(1);
    expect(firstFault(readingsOf(decode("DMAR: DRHD: handling fault status reg 3"), null))).toBe(0);
    expect(firstFault(readingsOf(decode(""), null))).toBe(0);
  });

  it("read words as what they most likely are, or as what is asked for", () => {
    const words = "0x1e204c0003510 0x40bba000 0 0 0 0 0 0".replace(/ 0(?= |$)/g, " 0x0000000000000000");
    const result = decode(words);
    const kinds = dumpKinds(result);
    expect(kinds.map((kind) => kind.id)).toContain("cd");
    expect(readingsOf(result, "ste").at(0)?.structure?.layout.name).toBe("STE");
    expect(readingsOf(result, "l1std").at(0)?.structure).toBeNull();
  });

  it("list words and their fields, reserved runs only where they are set", () => {
    const reading = readingsOf(decode(stage2 ?? ""), null).at(0);
    if (reading?.structure == null) throw new Error("no structure");
    const names = fieldLines(reading.structure).map((l) => (l.type === "word" ? l.word : l.field.declaration.name));
    expect(names.filter((n) => typeof n === "number")).toEqual([0, 1, 2, 3]);
    expect(names).toContain("InputAddr");
    expect(names.some((n) => String(n).startsWith("_"))).toBe(false);
    const flipped = withFlips(reading.structure, new Set([8]));
    expect(fieldLines(flipped).some((l) => l.type === "field" && l.field.declaration.form === "reserved")).toBe(true);
  });

  it("read a record by its new number when a bit of the number is flipped", () => {
    const reading = readingsOf(decode(stage2 ?? ""), null).at(0);
    if (reading?.structure == null) throw new Error("no structure");
    expect(withFlips(reading.structure, new Set([0])).layout.name).toBe("F_ADDR_SIZE");
    expect(withFlips(reading.structure, new Set()).layout.name).toBe("F_TRANSLATION");
  });
});

describe("Marks in the text", () => {
  const lines = (stage2 ?? "").split("\n");
  const entry = decode(stage2 ?? "").entries[0];

  it("find the digits of a field", () => {
    const places = wordPlaces(lines, [1, 7], entry?.words ?? []);
    expect(places.map((p) => p?.line)).toEqual([1, 2, 3, 4]);
    const cut = (hi: number, lo: number): string | undefined => {
      const mark = fieldMark(places, hi, lo);
      return mark === null ? undefined : lines[mark.line]?.slice(mark.from, mark.to);
    };
    expect(cut(63, 32)).toBe("00000010");
    expect(cut(7, 0)).toBe("10");
    expect(cut(191, 128)).toBe("0000000000060000");
    expect(cut(99, 99)).toBe("8");
  });

  it("are none for words that are not in the text", () => {
    expect(wordPlaces(lines, [1, 1], ["0x0000001000000010"])).toEqual([null]);
    expect(fieldMark([null], 7, 0)).toBeNull();
  });
});
