import { describe, expect, it } from "vitest";
import { adviceFor } from "../advice.ts";
import { decode } from "../decode.ts";
import { describeEntry } from "../describe.ts";
import type { DecodedEntry } from "../entry.ts";

const found = (text: string): readonly DecodedEntry[] => decode(text).entries;
const advised = (text: string): string | undefined => adviceFor(found(text)[0]!)?.consequence;

describe("mmio and capability", () => {
  it("read what stands at an offset as the register there, 48882 chapter 3", () => {
    const [control] = found("Offset:0x18 Value:0x0004000000011405");
    expect(control).toMatchObject({ type: "amd-register", window: "mmio", name: "CONTROL", offset: "0x18" });
    expect(describeEntry(control!)).toMatchObject({
      name: "CONTROL",
      remark: "IommuEn, EventLogEn, Coherent, CmdBufEn, GTEn, XTEn",
    });
    const [misc] = found("Offset:0x10 Value:0x00203040");
    expect(misc).toMatchObject({ window: "capability", name: "PCICAP_MISC0", value: "0x00203040" });
  });

  it("read two registers of 32 bits where the offset holds two, and one that lies in the upper half", () => {
    expect(
      found("Offset:0x158 Value:0xfee0000000810005").map((e) => e.type === "amd-register" && [e.name, e.value]),
    ).toEqual([
      ["MSI_HEADER", "0x00810005"],
      ["MSI_ADDR_LO", "0xfee00000"],
    ]);
    expect(found("Offset:0x168 Value:0x0000200000000000")).toMatchObject([{ name: "PERF_OPT", offset: "0x16c" }]);
  });

  it("say so where no register is known, or none lies whole in what was read", () => {
    for (const offset of ["0x1234", "0x34", "0x7ffffc"]) {
      expect(found(`Offset:${offset} Value:0x0000000000000001`)).toMatchObject([{ name: null, window: "mmio" }]);
    }
    expect(found("Offset:0x40 Value:0x00000001")).toMatchObject([{ name: null, window: "capability" }]);
  });

  it("tell what a stopped IOMMU waits for", () => {
    expect(advised("Offset:0x2020 Value:0x0000000000000008")).toBe("No commands are processed.");
    expect(advised("Offset:0x2020 Value:0x0000000000000011")).toBe("Events were lost.");
    expect(advised("Offset:0x18 Value:0x0000000000000000")).toMatch(/^The IOMMU does not translate/);
    expect(advised("Offset:0x2020 Value:0x0000000000000018")).toBeUndefined();
  });
});

describe("cmdbuf", () => {
  const INVALIDATE = "00000000 30000012 00000003 7fffffff";
  const WAIT = "00000001 10000000 00000007 00000000";
  const ZERO = "00000000 00000000 00000000 00000000";
  const heading = (head: number, tail: number) => `CMD Buffer Head Offset:${head} Tail Offset:${tail}`;

  it("tells commands that wait from those that are carried out, and leaves unused slots out", () => {
    const rows = [`  0: ${INVALIDATE}`, `  1: ${WAIT}`, `  2: ${INVALIDATE}`, `  3: ${ZERO}`];
    expect(found([heading(1, 3), ...rows].join("\n"))).toMatchObject([
      { type: "amd-cmdbuf", head: 1, tail: 3, waiting: 2 },
      { where: "0", command: "INVALIDATE_IOMMU_PAGES", waiting: false },
      { where: "1", command: "COMPLETION_WAIT", waiting: true },
      { where: "2", command: "INVALIDATE_IOMMU_PAGES", waiting: true },
    ]);
    expect(advised(heading(1, 3))).toBe("Commands wait in the buffer.");
    expect(advised(heading(3, 3))).toBeUndefined();
  });

  it("counts over the end of the buffer only where the paste shows it", () => {
    expect(found(heading(3, 1))).toMatchObject([{ waiting: null }]);
    const rows = [0, 1, 2, 3].map((i) => `${i}: ${WAIT}`);
    const [buffer, ...commands] = found([heading(3, 1), ...rows].join("\n"));
    expect(buffer).toMatchObject({ waiting: 2 });
    expect(commands.map((e) => e.type === "amd-command" && e.waiting)).toEqual([true, false, false, true]);
  });

  it("reads operands by the command's layout, 48882 §2.4.3", () => {
    const [, command] = found(`${heading(0, 1)}\n0: ${INVALIDATE}`);
    const { remark, structure } = describeEntry(command!);
    expect(remark).toContain("DomainID 0x12");
    expect(structure?.layout.name).toBe("INVALIDATE_IOMMU_PAGES");
  });

  it("finds the command that the buffer stops at, 48882 §2.5.6", () => {
    const [, command] = found(`${heading(7, 9)}\n7: 00000000 f0000000 00000000 00000000`);
    expect(command).toMatchObject({ where: "7", command: null, waiting: true });
    expect(adviceFor(command!)?.consequence).toBe("The command buffer stopped at a command that is not legal.");
    const words = "00000000 b0000000 00000000 00000000".split(" ").map((w, i) => `AMD-Vi: CMD[${i}]: ${w}`);
    expect(found(words.join("\n"))).toMatchObject([{ where: "at fault", command: null, lines: [1, 4] }]);
  });

  it("reads rows without heading only where each can be a command", () => {
    expect(found(` 4: ${INVALIDATE}\n 5: ${WAIT}`)).toMatchObject([{ where: "4", waiting: null }, { where: "5" }]);
    const dump = " 4: 0000000d 00000001 00000000 00000000\n 5: 00000000 00000000 00000000 00000000";
    expect(decode(dump)).toMatchObject({ entries: [], dump: { words: { length: 4 } } });
    expect(decode(` 4: ${INVALIDATE}\n 9: ${WAIT}`).entries).toEqual([]);
  });
});

describe("irqtbl", () => {
  it("reads entries of both sizes under the device's name, 48882 §2.2.5", () => {
    const text = [
      "DeviceId 0000:c1:00.1",
      "IRT[0000] 0000000000000020 0000000000000201",
      "IRT[0001] 0000000000000021 0000000700000085",
      "",
      "DeviceId 0000:c1:00.2",
      "IRT[0003] 00220500",
    ].join("\n");
    expect(found(text)).toMatchObject([
      { device: "0000:c1:00.1", index: 0, format: "128 bits", remapped: true },
      { device: "0000:c1:00.1", index: 1, format: "guest virtual APIC" },
      { device: "0000:c1:00.2", index: 3, format: "32 bits", remapped: false },
    ]);
    expect(found(text).map((e) => describeEntry(e).structure?.layout.name)).toEqual([
      "IRTE (128 bits)",
      "IRTE (guest virtual APIC)",
      "IRTE",
    ]);
    expect(adviceFor(found(text)[2]!)?.consequence).toBe("The entry lets no interrupt pass.");
  });
});
