import { describe, expect, it } from "vitest";
import { adviceFor } from "../advice.ts";
import { decode } from "../decode.ts";
import { describeEntry } from "../describe.ts";
import type { DecodedEntry } from "../entry.ts";

const row = (name: string, offset: number, value: bigint): string =>
  `${name.padEnd(16)}\t0x${offset.toString(16).padStart(2, "0")}\t\t0x${value.toString(16).padStart(16, "0")}`;

/** A unit in scalable mode that translates, with one descriptor of 32 bytes waiting. */
const ROWS = [
  row("VER", 0x00, 0x60n),
  row("GCMD", 0x18, 0n),
  row("GSTS", 0x1c, 0xc600_0000n),
  row("FSTS", 0x34, 0n),
  row("CAP", 0x08, 0x0019_ed00_8c40_660en),
  row("RTADDR", 0x20, 0x1_0302_7400n),
  row("AFLOG", 0x58, 0n),
  row("IQH", 0x80, 0x20n),
  row("IQT", 0x88, 0x40n),
  row("IQA", 0x90, 0x1_0022_e800n),
  row("MTRR_PHYSBASE0", 0x180, 0n),
];
const FILE = ["IOMMU: dmar1 Register Base Address: fed90000", "Name\t\t\tOffset\t\tContents", ...ROWS].join("\n");

const found = (text: string): readonly DecodedEntry[] => decode(text).entries;
const named = (text: string, name: string): DecodedEntry =>
  found(text).find((e) => e.type === "vtd-register" && e.name === name)!;
const unit = (text: string): DecodedEntry => found(text).find(({ type }) => type === "vtd-registers")!;

describe("iommu_regset", () => {
  it("tells what a unit's registers say together, §11.4", () => {
    expect(unit(FILE)).toMatchObject({
      unit: "dmar1",
      base: "0xfed90000",
      translating: true,
      mode: "scalable",
      root_table: "0x103027000",
      interrupts_remapped: true,
      descriptors_waiting: 1,
    });
    expect(adviceFor(unit(FILE))?.consequence).toBe("Invalidations wait in the queue.");
  });

  it("takes every register apart by its own layout", () => {
    const { name, remark, structure } = describeEntry(named(FILE, "GSTS"));
    expect([name, remark, structure?.layout.name]).toEqual(["GSTS", "IRES, QIES, RTPS, TES", "GSTS"]);
    expect(describeEntry(named(FILE, "RTADDR")).remark).toBe("TTM scalable, RTA 0x103027000");
    expect(found(FILE)).toHaveLength(1 + ROWS.length);
  });

  it("says that it declares no fields of a register that the architecture gave up", () => {
    expect(named(FILE, "AFLOG").summary).toBe("AFLOG of dmar1 is 0x0: no fields are declared of it.");
    expect(describeEntry(named(FILE, "AFLOG")).structure).toBeNull();
  });

  it("keeps units apart", () => {
    const second = `IOMMU: dmar2 Register Base Address: fed91000\n${row("GSTS", 0x1c, 0n)}`;
    const units = found(`${FILE}\n\n${second}`).filter(({ type }) => type === "vtd-registers");
    expect(units).toMatchObject([{ unit: "dmar1" }, { unit: "dmar2", translating: false, mode: null }]);
  });

  it("reads a part without its heading by names and offsets that belong together", () => {
    const text = [row("GSTS", 0x1c, 0n), row("CTRL", 0x1c, 5n), row("CAP", 0x1c, 5n)].join("\n");
    expect(found(text)).toMatchObject([
      { type: "vtd-registers", unit: null },
      { name: "GSTS", unit: null },
    ]);
    expect(adviceFor(unit(text))?.consequence).toMatch(/^The unit does not translate/);
  });

  it("leaves out a row whose contents were cut off", () => {
    expect(found(`${FILE}\nIRTA            \t0xb8`)).toHaveLength(1 + ROWS.length);
  });

  it("sees a unit that is gone before anything else it seems to say", () => {
    const text = [row("VER", 0, 0xffff_ffffn), row("FSTS", 0x34, 0xffff_ffffn)].join("\n");
    expect(adviceFor(unit(text))?.consequence).toBe("The unit does not answer: its registers read as ones.");
  });

  it("puts an error of the queue before what waits in it, §6.5.2.11", () => {
    const text = FILE.replace(row("FSTS", 0x34, 0n), row("FSTS", 0x34, 0x10n));
    expect(adviceFor(unit(text))?.consequence).toBe("The unit stopped at a descriptor of the invalidation queue.");
    expect(adviceFor(named(text, "FSTS"))).toEqual(adviceFor(unit(text)));
  });
});

describe("ir_translation_struct", () => {
  it("reads entries of both formats, §9.10 and §9.11", () => {
    const text = [
      "Remapped Interrupt supported on IOMMU: dmar5",
      " IR table address:93e09d54310",
      " Entry SrcID   DstID    Vct IRTE_high\t\tIRTE_low",
      " 1     3a:00.0 00000600 2c  0000000000043a00\t00000600002c0009",
      " Entry SrcID   PDA_high PDA_low  Vct IRTE_high\t\tIRTE_low",
      " 4     43:00.0 00000010 40c7c880 41  0000001000044300\t40c7c88000418001",
    ].join("\n");
    expect(found(text)).toMatchObject([
      { type: "vtd-irte", index: 1, mode: "remapped", requester: "3a:00.0", vector: "0x2c", destination: "0x600" },
      { type: "vtd-irte", index: 4, mode: "posted", requester: "43:00.0", vector: "0x41", descriptor: "0x1040c7c880" },
    ]);
    expect(describeEntry(found(text)[1]!).structure?.layout.name).toBe("posted IRTE");
  });
});
