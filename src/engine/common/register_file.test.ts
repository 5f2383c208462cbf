import { describe, expect, it } from "vitest";
import { Digest } from "../../base/digest.ts";
import { address, field, layout } from "../../base/layout.ts";
import { type RegisterEntry, RegisterFile } from "./register_file.ts";

const CONTROL = layout("CONTROL", "test", 32, [
  field("ENABLE", 0, 0, "on"),
  field("START", 1, 1, "trigger"),
  field("_7_2", 7, 2, "reserved"),
  field("STATE", 15, 8, "of the hardware"),
  field("PENDING", 31, 16, "causes"),
]);
const BASE = layout("BASE", "test", 64, [field("SIZE", 11, 0, "size"), address("ADDR", 63, 12, "base")]);
const RECORD = layout("RECORD", "test", 128, [
  field("LOW", 63, 0, "contents"),
  field("HIGH", 126, 64, "contents"),
  field("F", 127, 127, "full"),
]);

const TABLE: readonly RegisterEntry[] = [
  {
    name: "CONTROL",
    offset: 0x10,
    layout: CONTROL,
    write: "RW",
    fields: { START: { write: "WO" }, STATE: { write: "RO", reset: 0x5a }, PENDING: { write: "W1C" } },
  },
  {
    name: "BASE",
    offset: 0x20,
    layout: BASE,
    write: "RW",
    fields: { ADDR: { below: 40 }, SIZE: { lockedBy: ["CONTROL.ENABLE"] } },
  },
  { name: "RECORD", offset: 0x30, layout: RECORD, write: "RO", fields: { F: { write: "W1C" } } },
];

function read(file: RegisterFile, offset: number, bytes: number): [number, number] {
  file.read(offset, bytes);
  return [file.hi, file.lo];
}

describe("RegisterFile", () => {
  it("resets fields and reads zeros where nothing is declared", () => {
    const file = new RegisterFile(TABLE);
    expect(read(file, 0x10, 4)).toEqual([0, 0x5a00]);
    expect(read(file, 0x0, 8)).toEqual([0, 0]);
    expect(read(file, 0x4000, 8)).toEqual([0, 0]);
  });

  it("stores, clears or ignores bits by field", () => {
    const file = new RegisterFile(TABLE);
    file.set("CONTROL", "PENDING", 0x0f0f);
    file.write(0x10, 4, 0, 0x0003_ffff);
    expect(read(file, 0x10, 4)).toEqual([0, 0x0f0c_5a01]);
  });

  it("stores only the bits that exist, in either width", () => {
    const file = new RegisterFile(TABLE);
    file.write(0x20, 8, -1, -1);
    expect(read(file, 0x20, 8)).toEqual([0xff, 0xffffffff]);
    file.write(0x24, 4, 0, 0x12);
    expect(read(file, 0x24, 4)).toEqual([0, 0x12]);
    expect(read(file, 0x20, 8)).toEqual([0x12, 0xffffffff]);
  });

  it("keeps a locked field while its lock is set", () => {
    const file = new RegisterFile(TABLE);
    file.write(0x10, 4, 0, 1);
    file.write(0x20, 8, 0, 0x1fff);
    expect(read(file, 0x20, 8)).toEqual([0, 0x1000]);
    file.write(0x10, 4, 0, 0);
    file.write(0x20, 8, 0, 0x1fff);
    expect(read(file, 0x20, 8)).toEqual([0, 0x1fff]);
  });

  it("clears a flag in the last word of a wide register alone", () => {
    const file = new RegisterFile(TABLE);
    file.words.fill(0xffffffff, file.at("RECORD"), file.at("RECORD") + 4);
    file.write(0x3c, 4, 0, -1);
    expect(read(file, 0x38, 8)).toEqual([0x7fffffff, 0xffffffff]);
  });

  it("tells hooks what was written, after both halves are stored", () => {
    const file = new RegisterFile(TABLE);
    const seen: string[] = [];
    file.onWrite("BASE", 0, (written) => seen.push(`low ${written} high is ${file.words[file.at("BASE") + 1]}`));
    file.onWrite("BASE", 1, (written) => seen.push(`high ${written}`));
    file.onWrite("CONTROL", 0, (written) => seen.push(`start ${written & 2}`));
    file.write(0x20, 8, 7, 3);
    file.write(0x10, 4, 0, 2);
    file.write(0x24, 4, 0, 9);
    expect(seen).toEqual(["low 3 high is 7", "high 7", "start 2", "high 9"]);
    expect(file.get("CONTROL", "START")).toBe(0);
  });

  it("ignores accesses of other sizes or alignments", () => {
    const file = new RegisterFile(TABLE);
    for (const [offset, bytes] of [
      [0x24, 8],
      [0x21, 4],
      [0x20, 2],
      [-8, 8],
    ] as const) {
      file.write(offset, bytes, -1, -1);
      expect(read(file, offset, bytes)).toEqual([0, 0]);
    }
    expect(read(file, 0x20, 8)).toEqual([0, 0]);
  });

  it("goes back to a saved state, and tells states apart", () => {
    const file = new RegisterFile(TABLE);
    const digest = (): string => {
      const d = new Digest();
      file.digest(d);
      return d.hex();
    };
    const [image, before] = [file.snapshot(), digest()];
    file.load("BASE", 1, 2);
    expect(digest()).not.toBe(before);
    file.restore(image);
    expect(digest()).toBe(before);
    file.load("BASE", 1, 2);
    file.reset();
    expect(digest()).toBe(before);
  });

  it.each([
    ["overlap", "overlaps another", [TABLE[1]!, { ...TABLE[1]!, name: "OTHER", offset: 0x24 }]],
    ["names", "declared twice", [TABLE[1]!, TABLE[1]!]],
    ["locks", "no register NONE", [{ ...TABLE[1]!, lockedBy: ["NONE.F"] as const }]],
  ])("rejects a table with wrong %s", (_, message, table) => {
    expect(() => new RegisterFile(table)).toThrow(message);
  });
});
