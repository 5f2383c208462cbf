import { expect, test } from "vitest";
import type { EraRun } from "../../protocol/eras.ts";
import { RUN_FIGURES, sameInAll } from "./era_rows.ts";

const RUN: EraRun = {
  setup: 14,
  ioctls: 1024,
  exits: 44,
  commands: 80,
  ns: 1_500_000,
  calls: [],
  objects: [],
  transfers: ["went", "refused", "refused"],
  refused: [],
};

test("figures of a run are written for reading", () => {
  expect(RUN_FIGURES.map(({ of }) => of(RUN))).toEqual([
    "14",
    "1,024",
    "44",
    "80",
    "1,500,000 ns",
    "went, refused, refused",
  ]);
});

test("only kernels that come to the same in a row are the same in it", () => {
  const exits = RUN_FIGURES[2]!.of;
  expect(sameInAll([exits(RUN), exits(RUN)])).toBe(true);
  expect(sameInAll([exits(RUN), exits({ ...RUN, exits: 43 })])).toBe(false);
});
