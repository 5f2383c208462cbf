import { describe, expect, it } from "vitest";
import { HCR_EL2, PE_REGISTERS, TLBI_ALL, TLBI_ASID, TLBI_IPA, TLBI_VA, VTTBR_EL2 } from "../../arch/smmuv3/pe.ts";
import type { Layout } from "../../base/layout.ts";
import { Broadcasts } from "./broadcast.ts";
import { EVERY_CACHE } from "./caches/options.ts";
import { NO_CACHES, TlbiOp, TlbiScope } from "./maintenance.ts";
import { Mapped } from "./testing/mapped_page.ts";
import { encode, type Fields, World } from "./testing/world.ts";
import { End } from "./translation.ts";

const VA = 0x7f80_1234_5000;
const IPA = 0x12_3456_7000;

/** Set a register of a PE, or have it carry out an instruction. */
function tell(broadcasts: Broadcasts, name: string, layout: Layout, fields: Fields): void {
  const [lo, hi] = encode(layout, fields);
  broadcasts.write(PE_REGISTERS.find((r) => r.name === name)!.offset, hi!, lo!);
}

/** A PE, and copies of what it asked of the caches. */
function pe(registers: Readonly<Record<string, Fields>> = {}) {
  const ops: TlbiOp[] = [];
  const { smmu } = new World({ IDR0: { BTM: 1 }, ...registers });
  const broadcasts = new Broadcasts(smmu.registers, smmu.caps, {
    ...NO_CACHES,
    tlbi: (op) => ops.push(Object.assign(new TlbiOp(), op)),
  });
  const write = (name: string, layout: Layout = TLBI_ALL, fields: Fields = {}): void =>
    tell(broadcasts, name, layout, fields);
  return { ops, write, broadcasts };
}
const pages = (at: number): number => at / 4096;

describe("TLBI instructions of a PE, IHI 0070 §3.17", () => {
  it("are known each, and one has each scope that a PE can name", () => {
    const { ops, write } = pe();
    const instructions = PE_REGISTERS.filter(({ access }) => access === "WO");
    for (const { name } of instructions) write(name);
    expect(ops).toHaveLength(instructions.length);
    const { EL2_ASID, EL2_VAA, ...others } = TlbiScope;
    expect(new Set(ops.map(({ scope }) => scope))).toEqual(new Set(Object.values(others)));
    write("HCR_EL2", HCR_EL2, { E2H: 1, TGE: 1 });
    for (const name of ["ASIDE1IS", "VAAE1IS"]) write(name);
    expect(ops.slice(-2).map(({ scope, e2h }) => [scope, e2h])).toEqual([
      [EL2_ASID, true],
      [EL2_VAA, true],
    ]);
  });

  it("name a VA by its page, sign-extended from bit 55, an ASID, and the VMID that runs", () => {
    const { ops, write } = pe();
    write("VTTBR_EL2", VTTBR_EL2, { VMID: 0x2a });
    write("VALE1IS", TLBI_VA, { VA: pages(VA), ASID: 0x155, TG: 2, Level: 3 });
    write("VAE1IS", TLBI_VA, { VA: 2 ** 43 });
    const hi = Math.floor(VA / 2 ** 32);
    const lo = VA | 0;
    expect(ops[0]).toMatchObject({ scope: TlbiScope.NH_VA, leaf: true, asid: 0x155, vmid: 0x2a });
    expect(ops[0]).toMatchObject({ firstHi: hi, firstLo: lo, lastHi: hi, lastLo: lo, granuleLg2: 14, level: 3 });
    expect(ops[1]).toMatchObject({ firstHi: 0xff800000 | 0, firstLo: 0, leaf: false, granuleLg2: 0, level: 0 });
  });

  it("name an IPA, which has no sign", () => {
    const { ops, write } = pe();
    write("IPAS2E1IS", TLBI_IPA, { IPA: pages(IPA) });
    write("IPAS2LE1IS", TLBI_IPA, { IPA: 2 ** 43 });
    expect(ops[0]).toMatchObject({ scope: TlbiScope.S2_IPA, firstHi: 0x12, firstLo: 0x34567000, leaf: false });
    expect(ops[1]).toMatchObject({ firstHi: 0x00800000, leaf: true });
  });

  it.each<[string, Readonly<Record<string, Fields>>, number, number | null]>([
    ["every bit of the VMID counts", {}, 7, 0xffff],
    ["CR0.VMW takes low bits of the VMID out, §3.17.6", { CR0: { VMW: 2 }, IDR0: { BTM: 1, VMW: 1 } }, 7, 0xfffc],
    ["without stage 2, VMID 0 is for every stream", { IDR0: { BTM: 1, S2P: 0 } }, 0, 0],
    ["without stage 2, other VMIDs are for none", { IDR0: { BTM: 1, S2P: 0 } }, 7, null],
    ["with CR2.PTM nothing is for this SMMU", { CR2: { PTM: 1 } }, 7, null],
  ])("%s", (_name, registers, vmid, mask) => {
    const { ops, write } = pe(registers);
    write("VTTBR_EL2", VTTBR_EL2, { VMID: vmid });
    write("VMALLE1IS");
    expect(ops.map(({ vmidMask }) => vmidMask)).toEqual(mask === null ? [] : [mask]);
  });

  it("keep the system registers only, which an image brings back", () => {
    const { broadcasts, write } = pe();
    write("VTTBR_EL2", VTTBR_EL2, { VMID: 0x2a });
    write("VAE1IS", TLBI_VA, { VA: 5 });
    const image = broadcasts.snapshot();
    write("VTTBR_EL2", VTTBR_EL2, { VMID: 1 });
    broadcasts.restore(image);
    const read = PE_REGISTERS.map(({ offset }) => [broadcasts.read(offset, 1), broadcasts.read(offset, 0)]);
    expect(read[0]).toEqual([0x2a << 16, 0]);
    expect(read.slice(1).flat()).toEqual(Array(2 * (read.length - 1)).fill(0));
  });
});

describe("entries that a broadcast drops", () => {
  /** Entries of the TLB that an instruction drops, where VMID 9 runs, of a page of ASID 3 in VMID 9. */
  function dropped(name: string, layout: Layout, fields: Fields): number {
    const m = new Mapped({ cd: { ASID: 3 }, ste: { S2VMID: 9 }, s1: { leaf: { nG: 1 } }, caches: EVERY_CACHE });
    expect(m.make().end).toBe(End.Ok);
    const caches = m.world.smmu.caches!;
    const occupied = (): number => caches.table("tlb")!.occupied;
    const before = occupied();
    const broadcasts = new Broadcasts(m.world.registers, m.world.smmu.caps, caches);
    tell(broadcasts, "VTTBR_EL2", VTTBR_EL2, { VMID: 9 });
    tell(broadcasts, name, layout, fields);
    return before - occupied();
  }
  const page = { VA: pages(0x12_3456_7000), ASID: 3 };

  it("are those of its ASID and address, and no other's", () => {
    expect(dropped("VAE1IS", TLBI_VA, page)).toBe(1);
    expect(dropped("VAE1IS", TLBI_VA, { ...page, ASID: 4 })).toBe(0);
    expect(dropped("VAE1IS", TLBI_VA, { ...page, VA: page.VA + 1 })).toBe(0);
    expect(dropped("ASIDE1IS", TLBI_ASID, { ASID: 3 })).toBe(1);
    expect(dropped("VMALLE1IS", TLBI_ALL, {})).toBe(1);
  });
});
