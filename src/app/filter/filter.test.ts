import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { completed, completions } from "./completion.ts";
import { type FilterField, readFilter } from "./filter.ts";

interface Row {
  readonly event: string;
  readonly sid: bigint | null;
  readonly iova: bigint | null;
}
const FIELDS: readonly FilterField<Row>[] = [
  { name: "event", about: "name", read: (r) => r.event, values: ["F_TRANSLATION", "F_PERMISSION", "C_BAD_STE"] },
  { name: "sid", about: "stream", read: (r) => r.sid, values: ["0x10", "0x30"] },
  { name: "iova", about: "address", read: (r) => r.iova },
];
const ROWS: readonly Row[] = [
  { event: "F_TRANSLATION", sid: 0x30n, iova: 0x1000n },
  { event: "F_TRANSLATION", sid: 0x10n, iova: 0xffffn },
  { event: "F_PERMISSION", sid: 0x30n, iova: 0x2000n },
  { event: "C_BAD_STE", sid: 0x30n, iova: null },
];
/** Numbers of the rows that pass. */
function pass(text: string): number[] | string {
  const filter = readFilter(text, FIELDS);
  return filter.ok ? [...ROWS.keys()].filter((i) => filter.test(ROWS[i]!)) : filter.why;
}

describe("A filter", () => {
  it.each([
    ["", [0, 1, 2, 3]],
    ["event=F_TRANSLATION sid=0x30 iova>=0x1000", [0]],
    ["event=f_translation", [0, 1]],
    ["event=F_*", [0, 1, 2]],
    ["event=*_*S*N", [0, 1, 2]],
    ["event=*STE*STE", []],
    ["event=F_PERMISSION|C_BAD_STE", [2, 3]],
    ["sid=48", [0, 2, 3]],
    ["iova<0x2000", [0]],
    ["iova<=8192 iova>0x1000", [2]],
    ["-event=F_TRANSLATION", [2, 3]],
    ["event!=F_TRANSLATION", [2, 3]],
    ["iova!=0x1000", [1, 2]],
    ["iova~fff", [1]],
    ["bad", [3]],
    ["0x2000", [2]],
    ["sid=0x10 or event=C_BAD_STE", [1, 3]],
    ['"F_PERM"', [2]],
    ["SID=0x1_0", [1]],
    ["or", [0, 1, 2, 3]],
  ])("%s", (text, rows) => {
    expect(pass(text)).toEqual(rows);
  });

  it.each([
    ["colour=red", "There is no field colour.", 0, 10],
    ["sid=0x10 iova>", "A value has to follow iova>", 9, 14],
    ["iova>=high", "iova>= wants a number, such as 0x1000; found high.", 0, 10],
    ["=3", "There is no field without a name.", 0, 2],
    ["sid=0x10 -", "A word or a field has to follow “-”.", 9, 10],
  ])("%s is refused with its place", (text, why, from, to) => {
    expect(readFilter(text, FIELDS)).toEqual({ ok: false, from, to, why });
  });

  it("reads any text or says where it is wrong, at once", () => {
    const text = fc.stringMatching(/^[-a-zA-Z0-9=!<>~|*"' _xX.\\()[\]+?^$]{0,60}$/);
    fc.assert(
      fc.property(text, (t) => {
        const filter = readFilter(t, FIELDS);
        if (filter.ok) expect(ROWS.every((row) => typeof filter.test(row) === "boolean")).toBe(true);
        else expect(filter.from).toBeLessThan(filter.to);
        if (!filter.ok) expect(filter.to).toBeLessThanOrEqual(t.length);
      }),
    );
    expect(pass(`event=${"*a".repeat(5000)}`)).toEqual([]);
    expect(pass(`event=${"*".repeat(5000)}`)).toEqual([0, 1, 2, 3]);
  });

  it("is turned round by a minus", () => {
    const term = fc.constantFrom("event=F_*", "sid=0x30", "iova>=0x2000", "bad", "iova~f", "event!=C_BAD_STE");
    fc.assert(
      fc.property(term, (t) => {
        const rows = pass(t);
        expect(pass(`-${t}`)).toEqual([0, 1, 2, 3].filter((i) => !rows.includes(i as never)));
      }),
    );
  });
});

describe("Completion", () => {
  const offered = (text: string, caret = text.length): string[] => completions(text, caret, FIELDS).map((c) => c.text);

  it("offers fields at the start of a term and values after an operator", () => {
    expect(offered("")).toEqual(["event=", "sid=", "iova="]);
    expect(offered("e")).toEqual(["event="]);
    expect(offered("sid=0x10 -i")).toEqual(["iova="]);
    expect(offered("event=F_")).toEqual(["F_TRANSLATION", "F_PERMISSION"]);
    expect(offered("event=F_PERMISSION|c")).toEqual(["C_BAD_STE"]);
    expect(offered("iova=0x")).toEqual([]);
  });

  it("puts in what is offered, where the caret is, and is read afterwards", () => {
    const [first] = completions("event=F_P sid=0x30", 9, FIELDS);
    expect(first).toBeDefined();
    expect(completed("event=F_P sid=0x30", first!)).toEqual({ text: "event=F_PERMISSION sid=0x30", caret: 18 });
    expect(completed("s", completions("s", 1, FIELDS)[0]!)).toEqual({ text: "sid=", caret: 4 });
    expect(completed("sid=", completions("sid=", 4, FIELDS)[0]!)).toEqual({ text: "sid=0x10 ", caret: 9 });
  });
});
