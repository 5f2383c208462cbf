/**
 * Quick ways write numbers where the rest has names: these are the names they stand for.
 */
import { expect, it } from "vitest";
import { S1_PAGE, S2_PAGE } from "../../../arch/smmuv3/descriptors.ts";
import { locate } from "../../../base/layout.ts";
import { HOT_WORDS, VALID } from "../../common/tagged_cache.ts";
import { FRAME_WORDS } from "../../memory/physical_memory.ts";
import { AccessKind, End, Updates } from "../translation.ts";
import { PA_HI, PAGE } from "./leaf_read.ts";
import { W_WORDS } from "./table_cache.ts";
import { ADDRESS_BITS, EntryKind, GLOBAL, idsHash, idsOf } from "./tags.ts";
import { W_HIGH, W_LOW } from "./translation_cache.ts";

const bit = (layout: typeof S1_PAGE | typeof S2_PAGE, name: string, n = 0): number =>
  1 << (locate(layout as typeof S1_PAGE, name).shift + n);

it("entries: eight words, the PA in words 3 and 4, the frame of a table in word 7", () => {
  expect([HOT_WORDS, W_LOW, W_HIGH, W_WORDS, FRAME_WORDS]).toEqual([8, 3, 4, 7, 1 << 10]);
  expect([PAGE, PA_HI, ADDRESS_BITS, VALID]).toEqual([~0xfff, 0xfffff, 0xfffff, 1 << 31]);
});

it("transactions: a write is 1, Make is 1, Ok is 0", () => {
  expect([AccessKind.Write, Updates.Make, End.Ok]).toEqual([1, 1, 0]);
});

it("descriptors: a page with AF that may be read, and the bit that a write adds, of either stage", () => {
  const page = 3 | bit(S1_PAGE, "AF");
  expect([page | bit(S1_PAGE, "AP"), bit(S1_PAGE, "AP", 1)]).toEqual([0x443, 1 << 7]);
  expect([page | bit(S2_PAGE, "S2AP"), page | bit(S2_PAGE, "S2AP", 1)]).toEqual([0x443, 0x443 + (1 << 6)]);
});

it("invalidation by VA: the kind's lower bit is set, ASET and the other bit of the kind do not count", () => {
  const kinds = [EntryKind.Stage1, EntryKind.Nested].map((kind) => kind << 29);
  expect(kinds.map((kind) => kind & ~(1 << 30))).toEqual([1 << 29, 1 << 29]);
  expect((EntryKind.Stage2 << 29) & (1 << 29)).toBe(0);
  expect(GLOBAL).toBe(1 << 25);
  expect([idsOf(5, 9), idsHash(5, 9)]).toEqual([5 | (9 << 16), Math.imul(5, 0x9e37) ^ Math.imul(9, 0x79b9)]);
});
