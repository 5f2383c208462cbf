import { describe, expect, it } from "vitest";
import { ARCHITECTURES } from "./architectures.ts";

describe.each(Object.entries(ARCHITECTURES))("the facts of %s", (_, facts) => {
  it("begin their reasons with none, and give each one a name of its own and a section", () => {
    const [none, ...reasons] = facts.reasons;
    expect(none).toMatchObject({ id: "NONE" });
    expect(new Set(reasons.map(({ id }) => id)).size).toBe(reasons.length);
    expect(reasons.filter(({ text, section }) => text === "" || section === "")).toEqual([]);
  });

  it("have a layout for every structure in every form, whatever its words hold", () => {
    for (const { title, layoutOf } of Object.values(facts.structures)) {
      expect(title).not.toBe("");
      for (const first of [0, 0xffff_ffff, 0x80, 0x8001, 0x1e01]) {
        for (const level of [-1, 0, 1, 2, 3, 4, 5, 6, 9]) {
          for (const wide of [false, true]) {
            const words = new Uint32Array(16);
            words[0] = first;
            const { bits } = layoutOf({ level, granuleLg2: 12, wide }, words);
            expect(bits % 32).toBe(0);
          }
        }
      }
    }
  });

  it("tell the size of every structure of the configuration, of two forms the larger", () => {
    const form = { level: 0, granuleLg2: 12, wide: true };
    const sizes = Object.entries(facts.structures)
      .filter(([kind]) => !kind.endsWith("descriptor"))
      .map(([kind, { layoutOf }]) => [kind, layoutOf(form, new Uint32Array(16)).bits / 8]);
    expect(facts.structureBytes).toEqual(Object.fromEntries(sizes));
  });

  it("number levels one way and back, and name each of them", () => {
    for (let fromLeaf = 0; fromLeaf < 5; fromLeaf++) {
      const level = facts.levelAt(fromLeaf);
      expect(facts.fromLeaf(level)).toBe(fromLeaf);
      for (const stage of [1, 2] as const) {
        expect([facts.levelName(stage, level), facts.levelShort(stage, level)]).not.toContain("");
      }
    }
    expect(facts.entryKind(1, facts.levelAt(0), 0, 0)).toBe("invalid");
    expect(facts.entryKind(1, facts.levelAt(0), 3, 0)).toBe("page");
  });

  it("read any record", () => {
    for (let code = 0; code < 256; code++) {
      const words = Uint32Array.of(code, code << 24, 0, 0, 0, 0, 0, 0);
      expect(facts.recordOf(words).layout.bits).toBeGreaterThan(0);
    }
  });
});
