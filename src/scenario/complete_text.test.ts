import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ARCHES } from "../protocol/machine.ts";
import { completeText } from "./complete_text.ts";
import { formatScenario } from "./document.ts";
import { LIBRARY } from "./library/library.ts";

/** What is offered where the bar stands. */
function offered(marked: string, known = {}): string[] {
  const caret = marked.indexOf("|");
  return completeText(marked.replace("|", ""), caret, known).map(({ text }) => text);
}

/** The text with the first offer put in where the bar stands. */
function taken(marked: string): string {
  const caret = marked.indexOf("|");
  const text = marked.replace("|", "");
  const [first] = completeText(text, caret);
  return first === undefined ? text : `${text.slice(0, first.from)}${first.text}${text.slice(first.to)}`;
}

describe("Completing a scenario's text", () => {
  it("offers the keys that an object lacks", () => {
    expect(offered('{ "title": "x", | }')).toEqual(
      ["about", "machine", "steps", "recorded", "view", "notes"].map((key) => `"${key}": `),
    );
    expect(offered('{ "machine": { "ar|')).toEqual(['"arch": ']);
    expect(taken('{ "ma|" }')).toBe('{ "machine":  }');
    expect(taken('{ "ma|": {} }')).toBe('{ "machine": {} }');
  });

  it("offers the values that there are", () => {
    expect(offered('{ "machine": { "arch": | } }')).toEqual(ARCHES.map((arch) => `"${arch}"`));
    expect(offered('{ "machine": { "arch": "v|" } }')).toEqual(['"vtd"']);
    expect(offered('{ "steps": [{ "do": "dma", "write": t| } ] }')).toEqual(["true"]);
    expect(offered('{ "steps": [{ "do": "guest switch", "to": "b|').length).toBe(1);
  });

  it("offers the kinds of a step, then what that kind has", () => {
    const kinds = offered('{ "steps": [ { "do": "|');
    expect(kinds).toContain('"guest map"');
    expect(kinds).toContain('"command"');
    expect(offered('{ "steps": [ { | } ] }')[0]).toBe('"do": ');
    expect(offered('{ "steps": [ { "do": "toggle", "b|')).toEqual(['"bit": ']);
    expect(offered('{ "steps": [ { "do": "toggle", "iova|')).toEqual([]);
    expect(offered('{ "steps": [ {}, { "do": "toggle", "at": "0x0", | } ] }')).toEqual(['"bit": ']);
  });

  it("offers ids that only the scenario knows", () => {
    const known = { sid: ["16", "40"] };
    expect(offered('{ "steps": [ { "do": "dma", "sid": | } ] }', known)).toEqual(["16", "40"]);
    expect(offered('{ "steps": [ { "do": "dma", "sid": 4|', known)).toEqual(["40"]);
  });

  it("offers nothing outside of it all, and nothing where any text may stand", () => {
    expect(offered("|")).toEqual([]);
    expect(offered('{ "title": "T|" }')).toEqual([]);
    expect(offered('{ "none": { "arch": | } }')).toEqual([]);
  });

  it("every key of a lesson is offered where it stands", () => {
    const text = formatScenario(LIBRARY[0]!.document());
    const known = new Set(["title", "about", "machine", "steps", "notes", "arch", "software", "do", "iova", "sid"]);
    for (const { 1: key, index } of text.matchAll(/"(\w+)":/g)) {
      if (!known.has(key!)) continue;
      const offers = completeText(text, index + 1).map((offer) => offer.text);
      expect([key, index, offers.includes(`"${key}"`)]).toEqual([key, index, true]);
    }
  });

  it("whatever is typed, an offer lies within the text, seed 20264", () => {
    const parts = ["{", "}", "[", "]", '"', ":", ",", " ", "steps", "do", "dma", "\\", "\n", "1", "machine", "arch"];
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...parts) }), fc.nat(60), (text, at) => {
        const caret = Math.min(at, text.length);
        for (const { from, to } of completeText(text, caret)) {
          expect(from >= 0 && from <= caret && caret <= to && to <= text.length).toBe(true);
        }
      }),
      { seed: 20264, numRuns: 500 },
    );
  });
});
