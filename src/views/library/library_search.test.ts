import { describe, expect, it } from "vitest";
import { groupsOf, matches } from "./library_search.ts";

const WORDS = ["No TLBI after an unmap", "The guest forgets CMD_TLBI_NH_VA.", "Broken guests"];

describe("Finding in the library", () => {
  it("asks for every word, in any order and case, in title, sentence or group", () => {
    for (const text of ["", "  ", "tlbi", "UNMAP broken", "cmd_tlbi_nh forgets", "guests no "]) {
      expect([text, matches(text, WORDS)]).toEqual([text, true]);
    }
    for (const text of ["atc", "tlbi atc", "unmapped", "t l b x"]) {
      expect([text, matches(text, WORDS)]).toEqual([text, false]);
    }
  });

  it("does not find words that only arise where two texts meet", () => {
    expect(matches("unmapthe", WORDS)).toBe(false);
  });
});

describe("Groups of the library", () => {
  it("hold their entries in order, also where a group comes twice", () => {
    const entry = (id: string, group: string) => ({ id, group, title: id, about: "", told: "" });
    const groups = groupsOf([entry("a", "1"), entry("b", "2"), entry("c", "1")]);
    expect(groups.map(({ group, entries }) => [group, ...entries.map(({ id }) => id)])).toEqual([
      ["1", "a", "c"],
      ["2", "b"],
    ]);
    expect(groupsOf([])).toEqual([]);
  });
});
