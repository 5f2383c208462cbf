import { describe, expect, it } from "vitest";
import { Kind } from "../format.ts";
import { vtdSecondFormat } from "./vtd_second.ts";

const PLAIN = { largePages: 3, snoop: false, transientMapping: false };
const format = vtdSecondFormat(PLAIN);
const RW = 3;
const PS = 1 << 7;
const BIT_62 = 1 << 30;

describe("second-stage entries, VT-d §9.8", () => {
  it("map nothing without a right, whatever else they hold", () => {
    for (const level of [0, 1, 2, 3, 4]) expect(format.kindOf(~RW, ~0, level)).toBe(Kind.Empty);
    expect(format.kindOf(1, 0, 0)).toBe(Kind.Leaf);
    expect(format.kindOf(2, 0, 1)).toBe(Kind.Table);
  });

  it("are pages of 2 MiB and 1 GiB where PS is set and CAP.SSLPS offers them, reserved elsewhere", () => {
    const kinds = (largePages: number) =>
      [0, 1, 2, 3, 4].map((level) => vtdSecondFormat({ ...PLAIN, largePages }).kindOf(RW | PS, 0, level));
    const { Leaf, Reserved } = Kind;
    expect(kinds(3)).toEqual([Leaf, Leaf, Leaf, Reserved, Reserved]);
    expect(kinds(1)).toEqual([Leaf, Leaf, Reserved, Reserved, Reserved]);
    expect(kinds(2)).toEqual([Leaf, Reserved, Leaf, Reserved, Reserved]);
    expect(kinds(0)).toEqual([Leaf, Reserved, Reserved, Reserved, Reserved]);
  });

  it("keep address bits below a large page clear", () => {
    for (const bit of [12, 20]) expect(format.kindOf(RW | PS | (1 << bit), 0, 1)).toBe(Kind.Reserved);
    for (const bit of [12, 21, 29]) expect(format.kindOf(RW | PS | (1 << bit), 0, 2)).toBe(Kind.Reserved);
    expect(format.kindOf(RW | PS | (1 << 21), 0, 1)).toBe(Kind.Leaf);
  });

  it("have SNP and TM in leaves only, and only where the unit has them", () => {
    const rich = vtdSecondFormat({ ...PLAIN, snoop: true, transientMapping: true });
    const snp = RW | (1 << 11);
    expect([format.kindOf(snp, 0, 0), rich.kindOf(snp, 0, 0)]).toEqual([Kind.Reserved, Kind.Leaf]);
    expect([format.kindOf(RW, BIT_62, 0), rich.kindOf(RW, BIT_62, 0)]).toEqual([Kind.Reserved, Kind.Leaf]);
    expect([rich.kindOf(snp, 0, 1), rich.kindOf(RW, BIT_62, 1)]).toEqual([Kind.Reserved, Kind.Reserved]);
    expect([rich.kindOf(snp | PS, 0, 1), rich.kindOf(RW | PS, BIT_62, 2)]).toEqual([Kind.Leaf, Kind.Leaf]);
  });

  it("ignore bits that software may use", () => {
    const free = (0x3ff << 20) | (1 << 31);
    expect(format.kindOf(RW | 0x47c, free, 0)).toBe(Kind.Leaf);
    expect(format.kindOf(RW | 0x47c, free, 3)).toBe(Kind.Table);
  });
});
