import { describe, expect, it } from "vitest";
import type { FieldAccess, Layout } from "../../base/layout.ts";
import { DESCRIPTORS, descriptorByName, descriptorByType, PAGE_REQ_DSC } from "./commands.ts";
import { IRTE_POSTED, IRTE_REMAPPED } from "./irte.ts";
import { registersAt } from "./registers.ts";

/** A structure with these fields, as one number in hexadecimal. */
function encode(layout: Layout, fields: Readonly<Record<string, number>>): string {
  const words = new Uint32Array(layout.bits / 32);
  const access = layout.f as Readonly<Record<string, FieldAccess>>;
  for (const [name, value] of Object.entries(fields)) access[name]!.set(words, 0, value);
  const digits = [...words].reverse().map((word) => word.toString(16).padStart(8, "0"));
  return digits.join("").replace(/^0+(?=.)/, "");
}

const register = (name: string): Layout => registersAt(0xf, 0x22, 0).find((r) => r.name === name)!.layout;
const descriptor = (name: string): Layout => descriptorByName(name)!.layout;

describe("registers, VT-d §11.4", () => {
  it.each([
    [
      "CAP",
      { ND: 6, SAGAW: 6, MGAW: 47, FRO: 0x22, SSLPS: 3, MAMV: 18, DWD: 1, DRD: 1, PSI: 1, ESRTPS: 1 },
      "80d2008c222f0606",
    ],
    ["ECAP", { QI: 1, IR: 1, PT: 1, IRO: 0xf, MHMV: 15, SMTS: 1, FSTS: 1 }, "880000f00f4a"],
    ["RTADDR", { TTM: 1, RTA: 5 }, "5400"],
    ["CCMD", { DID: 7, SID: 0x18, FM: 3, CIRG: 3, ICC: 1 }, "e000000300180007"],
    ["IOTLB", { DID: 7, DW: 1, DR: 1, IIRG: 3, IVT: 1 }, "b003000700000000"],
    ["FSTS", { PPF: 1, IQE: 1, FRI: 3 }, "312"],
    ["IQA", { QS: 1, DW: 1, IQA: 5 }, "5801"],
    ["IQERCD", { IQEI: 4, ITESID: 0x18, ICESID: 2 }, "2001800000004"],
    ["IRTA", { S: 15, EIME: 1, IRTA: 1 }, "180f"],
    ["FRCD0", { F: 1, T1: 1, FR: 6, SID: 0x18, PP: 1, PV: 5 }, "c0000506800000180000000000000000"],
  ] as const)("%s has its fields where drivers look for them", (name, fields, value) => {
    expect(encode(register(name), fields)).toBe(value);
  });

  it("lie where CAP.FRO and ECAP.IRO say, and never on one another", () => {
    const at = (iro: number, fro: number, nfr: number): Record<string, number> =>
      Object.fromEntries(registersAt(iro, fro, nfr).map(({ name, offset }) => [name, offset]));
    expect(at(0x50, 0x40, 1)).toMatchObject({ IVA: 0x500, IOTLB: 0x508, FRCD0: 0x400, FRCD1: 0x410 });
    expect(at(0, 0, 0)).not.toHaveProperty("FRCD0");
    expect(at(0, 0, 0)).toMatchObject({ VER: 0, CAP: 8 });
  });
});

describe("descriptors, VT-d §6.5.2", () => {
  it.each([
    ["cc_inv_dsc", { Type: 1, G: 3, DID: 7, SID: 0x18, FM: 3 }, "3001800070031"],
    ["iotlb_inv_dsc", { Type: 2, G: 3, DR: 1, DW: 1, DID: 7, AM: 2, IH: 1, ADDR: 5 }, "504200000000000700f2"],
    ["dev_tlb_inv_dsc", { Type: 3, SID: 0x18, MIP: 31, PFSID_3_0: 1, PFSID_15_4: 2, S: 1 }, "100200018001f1003"],
    ["iec_inv_dsc", { Type: 4, G: 1, IM: 3, IIDX: 9 }, "918000014"],
    ["inv_wait_dsc", { Type: 5, IF: 1, SW: 1, FN: 1, PD: 1, STDATA: 9, STADDR: 0x400 }, "100000000009000000f5"],
    ["p_iotlb_inv_dsc", { Type: 6, G: 3, DID: 7, PASID: 5, ADDR: 5 }, "50000000000500070036"],
    ["pc_inv_dsc", { Type: 7, G: 1, DID: 7, PASID: 5 }, "500070017"],
    ["p_dev_tlb_inv_dsc", { Type: 8, MIP: 1, SID: 0x18, PASID: 5, G: 1, S: 1, ADDR: 5 }, "58010000000500180018"],
    ["page_grp_resp_dsc", { Type: 9, PP: 1, RC: 1, RID: 0x18, PASID: 5, LPIG: 1, PRGI: 3 }, "1c0000000500181019"],
  ] as const)("%s has its fields where drivers put them", (name, fields, value) => {
    expect(encode(descriptor(name), fields)).toBe(value);
  });

  it("are found by the type that their bits spell", () => {
    for (const d of DESCRIPTORS) expect(descriptorByType(d.type)).toBe(d);
    expect(descriptorByType(0xa)).toBeUndefined();
  });
});

describe("records and entries", () => {
  it("page requests have their fields where drivers read them, VT-d §7.6", () => {
    const fields = { Type: 1, PP: 1, RID: 0x18, PASID: 5, EXE: 1, PMR: 1, RD: 1, WR: 1, LPIG: 1, PRGI: 3, ADDR: 5 };
    expect(encode(PAGE_REQ_DSC, fields)).toBe("501f0030000500180101");
  });

  it("interrupt entries of both modes share presence, mode and source, VT-d §9.10, §9.11", () => {
    const common = { P: 1, FPD: 1, SID: 0x18, SQ: 2, SVT: 1 };
    expect(encode(IRTE_REMAPPED, { ...common, V: 0x41, DST: 0x300, DLM: 1 })).toBe("600180000030000410023");
    expect(encode(IRTE_POSTED, { ...common, IM: 1, VV: 0x41, PDAL: 1, PDAH: 2 })).toBe("2000600180000004000418003");
  });
});
