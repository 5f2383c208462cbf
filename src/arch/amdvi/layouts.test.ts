import { describe, expect, it } from "vitest";
import { decodeFields, type Layout } from "../../base/layout.ts";
import { commandByOpcode, Opcode } from "./commands.ts";
import { CONTROL, STATUS } from "./control_registers.ts";
import { EventCode, eventByCode } from "./events.ts";
import { EFR } from "./feature_registers.ts";
import { IRTE, IRTE_128 } from "./irte.ts";
import { PAGE_SERVICE_REQUEST } from "./ppr.ts";
import { guestRegisters, REGISTERS, registerByName } from "./registers.ts";

/** Fields that are not zero, but reserved ones. */
function fieldsOf(layout: Layout, ...words: number[]): Record<string, bigint> {
  const decoded = decodeFields(layout, Uint32Array.from(words)).filter(
    ({ declaration, value }) => declaration.form !== "reserved" && value !== 0n,
  );
  return Object.fromEntries(decoded.map(({ declaration, value }) => [declaration.name, value]));
}

/** Names of the fields of one bit of a register, by that bit. */
const bitsOf = (layout: Layout): Record<string, number> =>
  Object.fromEntries(layout.fields.filter(({ hi, lo }) => hi === lo).map(({ name, lo }) => [name, lo]));

describe("registers, 48882 chapter 3", () => {
  it("have the bits that Linux sets in CONTROL and looks at in EFR and STATUS", () => {
    expect(bitsOf(CONTROL)).toMatchObject({
      IommuEn: 0,
      HtTunEn: 1,
      EventLogEn: 2,
      EventIntEn: 3,
      ComWaitIntEn: 4,
      CmdBufEn: 12,
      PPRLogEn: 13,
      PprIntEn: 14,
      PPREn: 15,
      GTEn: 16,
      GAEn: 17,
      GALogEn: 28,
      GAIntEn: 29,
      EPHEn: 45,
      XTEn: 50,
      IntCapXTEn: 51,
    });
    expect(bitsOf(EFR)).toMatchObject({ PreFSup: 0, PPRSup: 1, XTSup: 2, NXSup: 3, GTSup: 4, IASup: 6, GASup: 7 });
    expect(bitsOf(EFR)).toMatchObject({ HESup: 8, PCSup: 9, GIoSup: 48, HASup: 49, EPHSup: 50, HDSup: 52, SNPSup: 63 });
    expect(bitsOf(STATUS)).toMatchObject({ EventOverflow: 0, EventLogInt: 1, ComWaitInt: 2, EventLogRun: 3 });
    expect(bitsOf(STATUS)).toMatchObject({ CmdBufRun: 4, PprOverflow: 5, PprInt: 6, PPRLogRun: 7, GALogRun: 8 });
  });

  it("are found by the names they have, and do not overlap", () => {
    const all = [...REGISTERS, ...guestRegisters(0), ...guestRegisters(0xffff)];
    for (const register of all) expect(registerByName(register.name)).toEqual(register);
    const sorted = all.toSorted((a, b) => a.offset - b.offset);
    for (const [i, { offset }] of sorted.entries()) {
      if (i > 0) expect(offset).toBeGreaterThanOrEqual(sorted[i - 1]!.offset + sorted[i - 1]!.widthBytes);
    }
    expect(["VF65536_CMD_TAIL", "VF1_EFR", "VF_CMD_TAIL"].map(registerByName)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("commands, 48882 §2.4, as Linux builds them", () => {
  const command = (opcode: number, ...words: number[]) => fieldsOf(commandByOpcode(opcode)!.layout, ...words);

  it("COMPLETION_WAIT with a store", () => {
    expect(command(1, 0x12345009, 0x10000002, 0xabcd, 0)).toEqual({
      S: 1n,
      StoreAddress: 0x2_1234_5008n,
      Opcode: 1n,
      StoreData: 0xabcdn,
    });
  });

  it("INVALIDATE_IOMMU_PAGES of a PASID, everything", () => {
    expect(command(3, 0x5678, 0x30000009, 0xfffff007, 0x7fffffff)).toEqual({
      PASID: 0x5678n,
      DomainID: 9n,
      Opcode: 3n,
      S: 1n,
      PDE: 1n,
      GN: 1n,
      Address: 0x7fff_ffff_ffff_f000n,
    });
  });

  it("COMPLETE_PPR_REQUEST", () => {
    expect(command(7, 0x0008, 0x70000005, 0x4, 0xf003)).toEqual({
      DeviceID: 8n,
      PASID: 5n,
      Opcode: 7n,
      GN: 1n,
      PRGIndex: 3n,
      ResponseCode: 15n,
    });
  });

  it.each(Object.entries(Opcode))("%s is found by its opcode, which its words begin with", (name, opcode) => {
    const found = commandByOpcode(opcode)!;
    expect([found.name, found.layout.bits]).toEqual([name, 128]);
    expect(fieldsOf(found.layout, 0, (opcode << 28) >>> 0, 0, 0)).toEqual({ Opcode: BigInt(opcode) });
  });

  it("has no command for the opcodes that are left", () => {
    expect([0, 11, 12, 13, 14, 15].map(commandByOpcode)).toEqual(Array(6).fill(undefined));
  });
});

describe("records, 48882 §2.5 and §2.6", () => {
  it("places what Linux reads of a page fault: device, domain or PASID, flags, address", () => {
    const { layout } = eventByCode(EventCode.IO_PAGE_FAULT)!;
    expect(fieldsOf(layout, 0x000a0102, 0x22305678, 0xdead_b000, 0x12)).toEqual({
      DeviceID: 0x102n,
      PASID_19_16: 10n,
      DomainID_PASID: 0x5678n,
      EventCode: 2n,
      PR: 1n,
      RW: 1n,
      Address: 0x12_dead_b000n,
    });
  });

  it.each(Object.entries(EventCode))("%s is found by its code", (name, code) => {
    const found = eventByCode(code)!;
    expect([found.name, found.layout.bits]).toEqual([name, 128]);
    expect(fieldsOf(found.layout, 0, (code << 28) >>> 0, 0, 0)).toEqual({ EventCode: BigInt(code) });
  });

  it("places what Linux reads of a page request: device, PASID in two pieces, tag, GN", () => {
    expect(fieldsOf(PAGE_SERVICE_REQUEST, 0x5678_0102, 0x1124_2a03, 0x7000, 1)).toEqual({
      DeviceID: 0x102n,
      PASID_15_0: 0x5678n,
      PASID_19_16: 10n,
      PPRtag: 0x203n,
      RP: 1n,
      WP: 1n,
      GN: 1n,
      PPRCode: 1n,
      Address: 0x1_0000_7000n,
    });
  });
});

describe("entries of interrupt tables, 48882 §2.2.5", () => {
  it("place what Linux writes, 32 bits and 128", () => {
    expect(fieldsOf(IRTE, 0x0033_ff41)).toEqual({ RemapEn: 1n, DM: 1n, Destination: 0xffn, Vector: 0x33n });
    expect(fieldsOf(IRTE_128, 0x12_3456_41, 0, 0x33, 0x78_000000)).toMatchObject({
      RemapEn: 1n,
      DM: 1n,
      Destination_23_0: 0x12_3456n,
      Vector: 0x33n,
      Destination_31_24: 0x78n,
    });
  });
});
