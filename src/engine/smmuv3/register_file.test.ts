import { describe, expect, it } from "vitest";
import { REGISTERS, type RegisterDefinition, registerByName } from "../../arch/smmuv3/registers.ts";
import type { FieldAccess } from "../../base/layout.ts";
import { xorshift32 } from "../../base/rng.ts";
import { RegisterFile } from "./register_file.ts";
import { encode, type Fields } from "./testing/world.ts";

const offsetOf = (name: string): number => registerByName(name)!.offset;

/** A file with capabilities, as the hardware sets them. */
function fileWith(registers: Readonly<Record<string, Fields>> = {}): RegisterFile {
  const file = new RegisterFile();
  for (const [name, fields] of Object.entries(registers)) {
    const register = registerByName(name)!;
    const [lo, hi] = encode(register.layout, fields);
    file.load(register, lo!, hi ?? 0);
  }
  return file;
}

const read = (file: RegisterFile, name: string): number => file.read32(offsetOf(name));

/** Write all of a register. */
function write(file: RegisterFile, name: string, lo: number, hi = 0): void {
  const { offset, widthBytes } = registerByName(name)!;
  file.write32(offset, lo);
  if (widthBytes === 8) file.write32(offset + 4, hi);
}

/** Everything on: no register is there in vain. */
const ALL: Readonly<Record<string, Fields>> = {
  IDR0: { MSI: 1, PRI: 1, ATS: 1, Hyp: 1, BTM: 1, VMW: 1, ATOS: 1, VATOS: 1, ST_LEVEL: 1, ATSRECERR: 1, VMID16: 1 },
  IDR1: { SIDSIZE: 32, SSIDSIZE: 20, EVENTQS: 19, CMDQS: 19, PRIQS: 19 },
  IDR3: { MPAM: 1, DPT: 1, S2PI: 1 },
  IDR5: { OAS: 7 },
};

const softwareWrites: readonly RegisterDefinition[] = REGISTERS.filter((r) => r.access === "RW");

describe("the register file, IHI 0070 §6.3", () => {
  it('starts with translation off, and GBPA as SHCFG "use incoming"', () => {
    const file = new RegisterFile();
    for (const name of ["CR0", "CR0ACK", "CR2", "IRQ_CTRL", "GERROR", "GERRORN", "STRTAB_BASE", "STRTAB_BASE_CFG"]) {
      expect([name, read(file, name)]).toEqual([name, 0]);
    }
    expect([file.field("SMMU_GBPA", "SHCFG"), file.field("SMMU_GBPA", "ABORT")]).toEqual([1, 0]);
  });

  it.each(REGISTERS.filter((r) => r.access === "RO").map((r) => r.name))("%s is read-only", (name) => {
    const file = fileWith(ALL);
    const register = registerByName(name)!;
    const before = file.words.slice();
    for (const value of [0xffffffff, 0]) write(file, name, value, value);
    const at = register.offset >>> 2;
    expect([...file.words.subarray(at, at + 2)]).toEqual([...before.subarray(at, at + 2)]);
  });

  it.each(softwareWrites.map((r) => r.name))("%s keeps reserved bits zero", (name) => {
    const file = fileWith(ALL);
    const { layout, offset } = registerByName(name)!;
    write(file, name, 0xffffffff, 0xffffffff);
    const access = layout.f as Readonly<Record<string, FieldAccess>>;
    for (const d of layout.fields.filter((f) => f.form === "reserved")) {
      const value = [access[d.name]!.get(file.words, offset >>> 2), access[d.name]!.getHi(file.words, offset >>> 2)];
      expect([d.name, ...value]).toEqual([d.name, 0, 0]);
    }
  });

  it("has CR0 and IRQ_CTRL acknowledged at once, §6.3.10, §6.3.18", () => {
    const file = fileWith(ALL);
    for (const value of [0b1101, 0b1000, 0]) {
      write(file, "CR0", value);
      expect([read(file, "CR0"), read(file, "CR0ACK")]).toEqual([value, value]);
      write(file, "IRQ_CTRL", value & 7);
      expect([read(file, "IRQ_CTRL"), read(file, "IRQ_CTRLACK")]).toEqual([value & 7, value & 7]);
    }
  });

  it.each([
    ["STRTAB_BASE", "SMMUEN", 0x40_0000],
    ["STRTAB_BASE_CFG", "SMMUEN", 0x1_0188],
    ["CR2", "SMMUEN", 2],
    ["CMDQ_BASE", "CMDQEN", 0x1000_0004],
    ["CMDQ_CONS", "CMDQEN", 3],
    ["EVENTQ_BASE", "EVENTQEN", 0x2000_0003],
    ["EVENTQ_PROD", "EVENTQEN", 5],
    ["PRIQ_BASE", "PRIQEN", 0x3000_0003],
    ["PRIQ_PROD", "PRIQEN", 6],
  ])("%s is Guarded by CR0.%s: ignored while that is set", (name, guard, value) => {
    const file = fileWith(ALL);
    const bit = { SMMUEN: 1, PRIQEN: 2, EVENTQEN: 4, CMDQEN: 8 }[guard]!;
    for (const queue of ["CMDQ", "EVENTQ", "PRIQ"]) write(file, `${queue}_BASE`, 0x5000_0013);
    write(file, "CR0", bit);
    const before = [file.read32(offsetOf(name)), file.read32(offsetOf(name) + 4)];
    write(file, name, value, 0);
    expect([file.read32(offsetOf(name)), file.read32(offsetOf(name) + 4)]).toEqual(before);
    // Other bits of CR0 do not guard it.
    write(file, "CR0", 0b1111 & ~bit);
    write(file, name, value, 0);
    expect(read(file, name)).toBe(value);
  });

  it.each(["CMDQ_PROD", "EVENTQ_CONS", "PRIQ_CONS"])("%s is software's own while its queue is on", (name) => {
    const file = fileWith(ALL);
    for (const queue of ["CMDQ", "EVENTQ", "PRIQ"]) write(file, `${queue}_BASE`, 0x5000_0004);
    write(file, "CR0", 0b1111);
    write(file, name, 7);
    expect(read(file, name)).toBe(7);
  });

  it("takes GBPA only with Update set, and Update reads as zero once done, §6.3.14.1", () => {
    const file = fileWith();
    write(file, "GBPA", 1 << 20);
    expect(file.field("SMMU_GBPA", "ABORT")).toBe(0);
    write(file, "GBPA", (2 ** 31 + 2 ** 20) >>> 0);
    expect([file.field("SMMU_GBPA", "ABORT"), file.field("SMMU_GBPA", "Update")]).toEqual([1, 0]);
    // The fields not asked for were asked to be zero.
    expect(file.field("SMMU_GBPA", "SHCFG")).toBe(0);
    write(file, "GBPA", 0);
    expect(file.field("SMMU_GBPA", "ABORT")).toBe(1);
  });

  it("has no PRI queue and no MSI registers where IDR0 offers none", () => {
    const file = fileWith({ ...ALL, IDR0: {} });
    for (const name of ["PRIQ_BASE", "PRIQ_PROD", "PRIQ_CONS", "GERROR_IRQ_CFG0", "EVENTQ_IRQ_CFG1"]) {
      write(file, name, 0xffffffff, 0xffffffff);
      expect([name, read(file, name)]).toEqual([name, 0]);
    }
  });

  it("writes a 64-bit register in halves", () => {
    const file = fileWith(ALL);
    const at = offsetOf("STRTAB_BASE");
    file.write32(at + 4, 0x0000_000f);
    file.write32(at, 0xffff_ffff);
    expect([file.read32(at), file.read32(at + 4)]).toEqual([0xffff_ffc0, 0xf]);
  });

  it.each([1, 2, 128383])("never throws, and reads what a field of it says, seed %i", (seed) => {
    const next = xorshift32(seed);
    const file = fileWith(ALL);
    const identification = REGISTERS.filter((r) => r.access === "RO" && r.name.startsWith("SMMU_IDR"));
    const before = identification.map((r) => read(file, r.name));
    for (let i = 0; i < 3000; i++) {
      const offset = next() % 4 === 0 ? next() : (next() % 0x20000) & ~3;
      file.write32(offset, next());
      expect(file.read32(offset)).toBeGreaterThanOrEqual(0);
    }
    expect(identification.map((r) => read(file, r.name))).toEqual(before);
    for (const { name, offset, layout } of REGISTERS) {
      const access = layout.f as Readonly<Record<string, FieldAccess>>;
      for (const d of layout.fields) {
        expect(file.field(name, d.name)).toBe(access[d.name]!.get(file.words, offset >>> 2));
      }
    }
  });
});
