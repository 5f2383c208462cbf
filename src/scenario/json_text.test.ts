import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson, syntaxErrorAt } from "./json_text.ts";
import { LIMITS } from "./limits.ts";

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

describe("where a JSON text goes wrong", { timeout: 30_000 }, () => {
  it.each([
    ['{"a": 1,}', 8],
    ['{"a" 1}', 5],
    ["[1, 2", 5],
    ["hello", 0],
    ['{"a": tru}', 6],
    ["[1] 2", 4],
    ['["a\nb"]', 3],
    ['["\\x"]', 2],
    ["[01]", 2],
    ["", 0],
    ['{"a": "unclosed', 15],
    ["[1}", 2],
    ["{1: 2}", 1],
  ])("%j: at %i", (text, at) => {
    expect(syntaxErrorAt(text)).toBe(at);
  });

  it("finds a place inside or at the end of every text the platform refuses, seed 1", () => {
    const damaged = fc
      .tuple(fc.json(), fc.nat(), fc.string({ maxLength: 3 }), fc.nat({ max: 3 }))
      .map(
        ([text, at, put, cut]) =>
          text.slice(0, at % (text.length + 1)) + put + text.slice((at % (text.length + 1)) + cut),
      );
    fc.assert(
      fc.property(damaged, (text) => {
        if (isJson(text)) return;
        const at = syntaxErrorAt(text);
        expect(at).toBeGreaterThanOrEqual(0);
        expect(at).toBeLessThanOrEqual(text.length);
        // Everything before the place can be the beginning of some JSON text: cut there, it only ends too early.
        const head = text.slice(0, at);
        expect(isJson(head) || syntaxErrorAt(head) === at).toBe(true);
      }),
      { seed: 1, numRuns: 2000 },
    );
  });

  it("names line and column", () => {
    const r = parseJson('{\n "v": 1,\n "title" "x"\n}', "case.json");
    expect(r).toMatchObject({ ok: false, error: { place: "case.json, line 3, column 10" } });
  });

  it("says that a text was cut short when it just ends", () => {
    const r = parseJson('{"v": 1, "title": "a', "case.json");
    expect(r).toMatchObject({ ok: false, error: { detail: expect.stringContaining("cut short") } });
  });

  it("survives nesting and strings far deeper and longer than any document's", () => {
    expect(parseJson("[".repeat(1_000_000), "file").ok).toBe(false);
    expect(parseJson(`["${"x".repeat(8_000_000)}`, "file").ok).toBe(false);
    expect(parseJson("\n".repeat(8_000_000), "file")).toMatchObject({
      ok: false,
      error: { place: "file, line 8000001, column 1" },
    });
  });

  it("refuses a text of more values than it would ever build", () => {
    const r = parseJson(`[${"0,".repeat(LIMITS.jsonValues)}0]`, "file");
    expect(r).toMatchObject({ ok: false, error: { title: "This is too big." } });
  });
});
