import { describe, expect, it } from "vitest";
import { high, low } from "../../base/halves.ts";
import type { LeafColumns, RecordedColumns } from "../../protocol/engine.ts";
import { countAgreement, findLeaf, findRecorded, permissionText, sizeText } from "./leaf_rows.ts";

/** Leaves at these addresses, of these sizes. */
function leavesAt(...leaves: readonly (readonly [bigint, number])[]): LeafColumns {
  const words = (pick: (iova: bigint) => number): Uint32Array => Uint32Array.from(leaves, ([iova]) => pick(iova));
  const zeros = new Uint32Array(leaves.length);
  return {
    revision: 1,
    count: leaves.length,
    truncated: false,
    iovaLo: words((v) => low(v)),
    iovaHi: words((v) => high(v)),
    sizeLg2: Uint8Array.from(leaves, ([, lg2]) => lg2),
    paLo: zeros,
    paHi: zeros,
    permissions: new Uint8Array(leaves.length),
    status: new Uint8Array(leaves.length),
    reason: new Uint16Array(leaves.length),
    leafLo: zeros,
    leafHi: zeros,
  };
}

describe("Finding an address among leaves", () => {
  const leaves = leavesAt([0x1000n, 12], [0x20_0000n, 21], [0xffff_ffff_ffff_f000n, 12]);
  it.each([
    [0n, -1, 0],
    [0x1000n, 0, 1],
    [0x1fffn, 0, 1],
    [0x2000n, -1, 1],
    [0x3f_ffffn, 1, 2],
    [0x40_0000n, -1, 2],
    [0xffff_ffff_ffff_ffffn, 2, 3],
  ])("%s lies in leaf %i, after %i", (iova, at, before) => {
    expect(findLeaf(leaves, iova)).toEqual({ at, before });
  });
  it("works without leaves", () => {
    expect(findLeaf(leavesAt(), 5n)).toEqual({ at: -1, before: 0 });
  });
});

describe("Recorded accesses", () => {
  const recorded: RecordedColumns = {
    revision: 1,
    count: 3,
    sid: Uint32Array.of(16, 16, 8),
    iovaLo: Uint32Array.of(0x1000, 0x1000, 0x1000),
    iovaHi: new Uint32Array(3),
    write: Uint8Array.of(0, 1, 0),
    paLo: new Uint32Array(3),
    paHi: new Uint32Array(3),
    went: Uint8Array.of(1, 1, 0),
    agrees: Uint8Array.of(1, 0, 2),
  };
  const access = { sid: 16, ssid: null, iova: 0x1000n, write: true, privileged: false, instruction: false };
  it("are found by stream, address and direction", () => {
    expect(findRecorded(recorded, access)).toBe(1);
    expect(findRecorded(recorded, { ...access, sid: 8, write: false })).toBe(2);
    expect(findRecorded(recorded, { ...access, iova: 0x1_0000_1000n })).toBe(-1);
    expect(findRecorded(recorded, null)).toBe(-1);
  });
  it("are counted by what the model makes of them", () => {
    expect(countAgreement(recorded)).toEqual({ agree: 1, differ: 1, unknown: 1 });
  });
});

describe("Words for a leaf", () => {
  it("say what is allowed and how large it is", () => {
    expect([0, 1, 3, 7].map(permissionText)).toEqual(["–––", "r––", "rw–", "rwx"]);
    expect([0, 12, 16, 21, 30, 39].map(sizeText)).toEqual(["1 B", "4 KiB", "64 KiB", "2 MiB", "1 GiB", "512 GiB"]);
  });
});
