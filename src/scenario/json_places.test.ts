import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type KeyPath, placeOf, readPath } from "./json_places.ts";
import { syntaxErrorAt } from "./json_text.ts";

/** Every path into a value, with what stands there. */
function* paths(value: unknown, path: KeyPath = []): Generator<[KeyPath, unknown]> {
  yield [path, value];
  if (Array.isArray(value)) for (const [i, item] of value.entries()) yield* paths(item, [...path, i]);
  else if (typeof value === "object" && value !== null)
    for (const [key, item] of Object.entries(value)) yield* paths(item, [...path, key]);
}

/** The value whose text starts at an offset. */
function valueAt(text: string, from: number): unknown {
  const rest = text.slice(from);
  return JSON.parse(rest.slice(0, syntaxErrorAt(rest)));
}

describe("the place of a value in a JSON text", () => {
  it("is where that value starts, for every path, seed 1", () => {
    const text = fc
      .tuple(fc.jsonValue(), fc.constantFrom(0, 1, 3, "\t"))
      .map(([v, gap]) => JSON.stringify(v, null, gap));
    fc.assert(
      fc.property(text, (json) => {
        for (const [path, value] of paths(JSON.parse(json))) {
          expect(valueAt(json, placeOf(json, path))).toEqual(value);
        }
      }),
      { seed: 1 },
    );
  });

  it("is the innermost value that is there where the path leads on, and the last of equal names", () => {
    const text = ' { "a" : [ 1 , { "b" : "x\\"]" } ] , "a" : [ 2, {} ], "\\u0062": 3 }';
    expect(valueAt(text, placeOf(text, ["a", 0]))).toBe(2);
    expect(valueAt(text, placeOf(text, ["b"]))).toBe(3);
    expect(placeOf(text, ["a", 1, "b", 4])).toBe(text.indexOf("{}"));
    expect(placeOf(text, ["a", 7])).toBe(text.indexOf("[ 2"));
    expect(placeOf(text, ["none"])).toBe(1);
  });
});

describe("a path in a message", () => {
  it.each([
    ["", []],
    ["steps[3].at", ["steps", 3, "at"]],
    ['machine.memory.words["0x4000"]', ["machine", "memory", "words", "0x4000"]],
    ['a["q\\"]"][0]', ["a", 'q"]', 0]],
    ["steps[3] of 4", ["steps", 3]],
    ["a link", ["a"]],
  ])("%j is %j", (place, path) => {
    expect(readPath(place)).toEqual(path);
  });
});
