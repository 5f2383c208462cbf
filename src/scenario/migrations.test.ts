import { describe, expect, it } from "vitest";
import { DOCUMENT_VERSION, latestVersion, type Migration, migrate } from "./migrations.ts";

const LIST: readonly Migration[] = [
  { to: 2, up: ({ name, ...rest }) => ({ ...rest, title: name }) },
  { to: 3, up: (d) => ({ ...d, steps: [] }) },
];

describe("migrations", () => {
  it("lead from any version to the newest, each applied once and in order", () => {
    const newest = { v: 3, title: "a", steps: [] };
    expect(migrate({ v: 1, name: "a" }, "file", LIST)).toEqual({ ok: true, value: newest });
    expect(migrate({ v: 2, title: "a" }, "file", LIST)).toEqual({ ok: true, value: newest });
    expect(migrate({ v: 3, title: "a", steps: [1] }, "file", LIST)).toEqual({
      ok: true,
      value: { v: 3, title: "a", steps: [1] },
    });
  });

  it("keep keys they do not know", () => {
    expect(migrate({ v: 2, extra: 7 }, "file", LIST)).toMatchObject({ ok: true, value: { extra: 7 } });
  });

  it("leave the document they were given as it was", () => {
    const before = Object.freeze({ v: 1, name: "a" });
    migrate(before, "file", LIST);
    expect(before).toEqual({ v: 1, name: "a" });
  });

  it("are numbered without a gap", () => {
    expect(latestVersion([])).toBe(1);
    expect(latestVersion(LIST)).toBe(3);
    expect(() => latestVersion([LIST[0]!, { to: 4, up: (d) => d }])).toThrow("leads to version 4, expected 3");
    expect(() => latestVersion([LIST[1]!])).toThrow("expected 2");
  });

  it("refuse a later version and say so", () => {
    const r = migrate({ v: DOCUMENT_VERSION + 1 }, "case.json");
    expect(r).toMatchObject({
      ok: false,
      error: { title: "This was made by a later version of Nestwalk.", place: "case.json, v" },
    });
  });

  it.each([[undefined], [null], ["1"], [0], [-1], [1.5], [{}]])("refuse %j as a version", (v) => {
    expect(migrate({ v }, "case.json")).toMatchObject({ ok: false, error: { place: "case.json, v" } });
  });

  it.each([[null], [[]], ["text"], [1]])("refuse %j as a document", (document) => {
    expect(migrate(document, "case.json")).toMatchObject({ ok: false, error: { place: "case.json" } });
  });
});
