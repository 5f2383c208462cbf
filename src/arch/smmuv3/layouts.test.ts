import { describe, expect, it } from "vitest";
import { high, low } from "../../base/halves.ts";
import { decodeFields, type Layout } from "../../base/layout.ts";
import { CD, L1CD } from "./cd.ts";
import { COMMANDS, commandByName, commandByOpcode } from "./commands.ts";
import { type DescriptorKind, descriptorKind } from "./descriptor_kind.ts";
import {
  descriptorLayout,
  type GranuleLg2,
  INVALID,
  S1_BLOCK,
  S1_PAGE,
  S1_TABLE,
  S2_BLOCK,
  S2_PAGE,
  S2_TABLE,
} from "./descriptors.ts";
import { EVENTS, eventByName, eventByNumber } from "./events.ts";
import { PAGE_1, REGISTERS, registerByName, registerByOffset } from "./registers.ts";
import { L1STD, STE } from "./ste.ts";

const KINDS: readonly DescriptorKind[] = ["table", "block", "page", "invalid"];
const GRANULES: readonly GranuleLg2[] = [12, 14, 16];
const descriptors = ([1, 2] as const).flatMap((stage) =>
  KINDS.flatMap((kind) =>
    GRANULES.flatMap((granule) => [false, true].map((wide) => descriptorLayout(stage, kind, granule, wide))),
  ),
);
const all: Layout[] = [
  STE,
  L1STD,
  CD,
  L1CD,
  ...descriptors,
  ...EVENTS.map((e) => e.layout),
  ...COMMANDS.map((c) => c.layout),
  ...REGISTERS.map((r) => r.layout),
];

/** 64-bit words, lowest first, as the 32-bit words that layouts read. */
const words = (...quads: bigint[]): Uint32Array => Uint32Array.from(quads.flatMap((q) => [low(q), high(q)]));
const value = (l: Layout, name: string, w: Uint32Array) => decodeFields(l, w).find((f) => f.declaration.name === name);

describe("every SMMUv3 layout", () => {
  it.each(all.map((l) => [l.name, l] as const))("%s names only codes that fit their field", (_name, l) => {
    for (const d of l.fields) {
      for (const code of Object.keys(d.values ?? {})) expect(Number(code)).toBeLessThan(2 ** (d.hi - d.lo + 1));
      expect(d.about.length).toBeGreaterThan(0);
      expect(d.about.endsWith(".")).toBe(false);
    }
    expect(l.section).toMatch(/^(IHI 0070|DDI 0487) §/);
  });
});

describe("STE, IHI 0070 §5.2", () => {
  // A nested stream: Config 0b111, S1ContextPtr 0x1122334455c0, S1CDMax 1, EATS 0b01, VMID 7, T0SZ 24, S2TTB 0x89abcd000.
  const ste = words(
    0xfn | 0x1122334455c0n | (1n << 59n),
    1n << 28n,
    7n | (24n << 32n) | (1n << 38n) | (2n << 46n) | (5n << 48n) | (1n << 51n),
    0x89abcd000n,
    0n,
    0n,
    0n,
    0xfn << 60n,
  );

  it("places the fields of a nested stream", () => {
    expect(STE.f.V.get(ste, 0)).toBe(1);
    expect(value(STE, "Config", ste)?.meaning).toBe("stage 1 and stage 2 translate");
    expect(STE.f.S1ContextPtr.addressHi(ste, 0)).toBe(0x1122);
    expect(STE.f.S1ContextPtr.addressLo(ste, 0)).toBe(0x334455c0);
    expect(STE.f.S1CDMax.get(ste, 0)).toBe(1);
    expect(value(STE, "EATS", ste)?.meaning).toBe("full ATS");
    expect(STE.f.S2VMID.get(ste, 0)).toBe(7);
    expect(STE.f.S2T0SZ.get(ste, 0)).toBe(24);
    expect(STE.f.S2SL0.get(ste, 0)).toBe(1);
    expect(value(STE, "S2TG", ste)?.meaning).toBe("16KB");
    expect(value(STE, "S2PS", ste)?.meaning).toBe("48 bits");
    expect(STE.f.S2AA64.get(ste, 0)).toBe(1);
    expect(value(STE, "S2TTB", ste)?.value).toBe(0x89abcd000n);
    expect(STE.f.S2POI15.get(ste, 0)).toBe(15);
  });

  it("Span 12 to 31 behaves as 0, §5.1", () => {
    for (const span of [12, 31]) expect(value(L1STD, "Span", words(BigInt(span)))?.meaning).toContain("behaves as 0");
    expect(value(L1STD, "Span", words(11n))?.meaning).toBe("1024 STEs");
  });
});

describe("CD, IHI 0070 §5.4", () => {
  it("places the fields Linux and firmware write", () => {
    const cd = words(
      16n |
        (16n << 16n) |
        (2n << 22n) |
        (1n << 30n) |
        (1n << 31n) |
        (5n << 32n) |
        (1n << 41n) |
        (7n << 44n) |
        (0x55n << 48n),
      0xabcdef123450n,
      0n,
      0x44ff04n,
    );
    expect(CD.f.T0SZ.get(cd, 0)).toBe(16);
    expect(CD.f.T1SZ.get(cd, 0)).toBe(16);
    expect(value(CD, "TG1", cd)?.meaning).toBe("4KB");
    expect(CD.f.EPD1.get(cd, 0)).toBe(1);
    expect(CD.f.V.get(cd, 0)).toBe(1);
    expect(value(CD, "IPS", cd)?.meaning).toBe("48 bits");
    expect([CD.f.AA64, CD.f.S, CD.f.R, CD.f.A, CD.f.ASET].map((f) => f.get(cd, 0))).toEqual([1, 1, 1, 1, 0]);
    expect(CD.f.ASID.get(cd, 0)).toBe(0x55);
    expect(value(CD, "TTB0", cd)?.value).toBe(0xabcdef123450n);
    expect(CD.f.MAIR0.get(cd, 0)).toBe(0x44ff04);
  });

  it("keeps the stage 1 permission indices at 3p+384 and 3p+448", () => {
    expect(CD.fields.find((d) => d.name === "PIIU15")).toMatchObject({ hi: 431, lo: 429 });
    expect(CD.fields.find((d) => d.name === "PIIP0")).toMatchObject({ hi: 450, lo: 448 });
  });
});

describe("VMSAv8-64 descriptors, DDI 0487 §D8.3.1", () => {
  it("tells the kind from bits [1:0] and the level", () => {
    expect([0, 1, 2, 3].map((lo) => descriptorKind(lo, 2))).toEqual(["invalid", "block", "invalid", "table"]);
    expect([0, 1, 2, 3].map((lo) => descriptorKind(lo, 3))).toEqual(["invalid", "invalid", "invalid", "page"]);
  });

  it("keeps the attributes at the same bits for every granule and width", () => {
    const constants = {
      1: { table: S1_TABLE, block: S1_BLOCK, page: S1_PAGE },
      2: { table: S2_TABLE, block: S2_BLOCK, page: S2_PAGE },
    };
    for (const stage of [1, 2] as const) {
      for (const kind of ["table", "block", "page"] as const) {
        const own = constants[stage][kind];
        for (const granule of GRANULES) {
          for (const wide of [false, true]) {
            const l = descriptorLayout(stage, kind, granule, wide);
            for (const d of own.fields) {
              if (d.form === "reserved" || d.form === "address" || d.name === "SH") continue;
              expect(
                l.fields.find((x) => x.name === d.name),
                `${l.name} ${d.name}`,
              ).toMatchObject({ hi: d.hi, lo: d.lo });
            }
          }
        }
      }
    }
  });

  it("gathers a 64KB page's 52-bit address from bits [47:16] and [15:12]", () => {
    const l = descriptorLayout(1, "page", 16, true);
    const d = words(0x00401234567f_e703n);
    expect(value(l, "OAB", d)?.value).toBe(0x1234567f0000n);
    expect(value(l, "OAB_51_48", d)?.value).toBe(0xen);
  });

  it("gathers a 4KB page's 52-bit address from bits [49:12] and [9:8]", () => {
    const l = descriptorLayout(2, "page", 12, true);
    const d = words(0x0003_ffff_ffff_f7ffn);
    expect(value(l, "OAB", d)?.value).toBe(0x3fffffffff000n);
    expect(value(l, "OAB_51_50", d)?.value).toBe(3n);
    expect(l.fields.some((x) => x.name === "SH")).toBe(false);
  });

  it("reads MemAttr as S2FWB says, DDI 0487 §D8.6.6", () => {
    const s2 = words(0x0040_0000_4000_07d9n);
    expect(value(descriptorLayout(2, "block", 12), "MemAttr", s2)?.value).toBe(6n);
    expect(value(descriptorLayout(2, "block", 12, false, true), "MemAttr", s2)?.meaning).toContain(
      "Write-Back whatever",
    );
  });

  it("knows what is not valid", () => {
    expect(descriptorLayout(1, "invalid", 14)).toBe(INVALID);
  });

  it("reads permissions and memory types", () => {
    const s1 = words(0x0060_0000_4000_0f43n);
    expect(value(S1_PAGE, "AP", s1)?.meaning).toBe("read and write for both");
    expect([S1_PAGE.f.UXN, S1_PAGE.f.PXN, S1_PAGE.f.AF, S1_PAGE.f.nG].map((f) => f.get(s1, 0))).toEqual([1, 1, 1, 1]);
    const s2 = words(0x0040_0000_4000_07fdn);
    expect(value(S2_BLOCK, "S2AP", s2)?.meaning).toBe("read and write");
    expect(value(S2_BLOCK, "MemAttr", s2)?.meaning).toBe("Normal, Outer and Inner Write-Back");
    expect(value(S2_BLOCK, "XN", s2)?.value).toBe(2n);
  });
});

describe("events, IHI 0070 §7.3", () => {
  it("has the architected numbers and no others", () => {
    const numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9, 0xa, 0xb, 0x10, 0x11, 0x12, 0x13, 0x20, 0x21, 0x24, 0x25];
    expect(EVENTS.map((e) => e.number)).toEqual(numbers);
    expect(eventByNumber(0)).toBeUndefined();
    expect(eventByNumber(0x26)).toBeUndefined();
    expect(eventByNumber(0xe0)?.name).toBe("IMPDEF_EVENT0");
    expect(eventByNumber(0xf0)).toBeUndefined();
    expect(eventByName("F_TRANSL_FORBIDDEN")?.number).toBe(7);
  });

  it("knows the twelve numbers Linux 7.2 can name", () => {
    const named = EVENTS.filter((e) => e.linuxName !== null).map((e) => e.number);
    expect(named).toEqual([2, 3, 4, 6, 8, 9, 0xa, 0x10, 0x11, 0x12, 0x13, 0x25]);
  });

  it("places what a stalled stage 2 read records, §7.3.13", () => {
    const l = eventByNumber(0x10)!.layout;
    const w = words(0x0000_0042_0001_2810n, 0x0000_028c_8000_0b17n, 0x1234_5678_9abc_def0n, 0x0000_0009_f44a_0000n);
    const get = (name: string) => value(l, name, w)?.value;
    expect([get("StreamID"), get("SSV"), get("SubstreamID")]).toEqual([0x42n, 1n, 0x12n]);
    expect([get("Stall"), get("STAG"), get("RnW"), get("InD"), get("PnU"), get("S2"), get("CLASS")]).toEqual([
      1n,
      0xb17n,
      1n,
      1n,
      0n,
      1n,
      2n,
    ]);
    expect([get("InputAddr"), get("IPA")]).toEqual([0x123456789abcdef0n, 0x9f44a0000n]);
  });
});

describe("commands, IHI 0070 §4", () => {
  it("finds commands by opcode and by name", () => {
    expect(commandByOpcode(0x46)?.name).toBe("CMD_SYNC");
    expect(commandByName("TLBI_NH_VA")?.opcode).toBe(0x12);
    expect(commandByOpcode(0x80)).toBeUndefined();
    expect(new Set(COMMANDS.map((c) => c.opcode)).size).toBe(COMMANDS.length);
  });

  it("places a range invalidation, §4.4.1", () => {
    const l = commandByOpcode(0x12)!.layout;
    const w = words(
      (0x55n << 48n) | (0x7n << 32n) | (3n << 20n) | (9n << 12n) | 0x12n,
      0xffff_8000_0000_0401n | (2n << 8n),
    );
    const get = (name: string) => value(l, name, w)?.value;
    expect([get("ASID"), get("VMID"), get("SCALE"), get("NUM"), get("Leaf")]).toEqual([0x55n, 7n, 3n, 9n, 1n]);
    expect([get("TTL"), get("TG"), get("Address")]).toEqual([2n, 1n, 0xffff800000000000n]);
  });
});

describe("registers, IHI 0070 §6.2", () => {
  it("does not let two registers overlap", () => {
    const overlapping = REGISTERS.filter((r, i) => r.offset + r.widthBytes > (REGISTERS[i + 1]?.offset ?? 0x20000));
    const misaligned = REGISTERS.filter((r) => r.offset % r.widthBytes !== 0);
    expect([overlapping, misaligned]).toEqual([[], []]);
  });

  it("finds registers by name with and without prefix, and by offset", () => {
    expect(registerByName("CR0")).toBe(registerByName("SMMU_CR0"));
    expect(registerByOffset(PAGE_1 + 0xa8)?.name).toBe("SMMU_EVENTQ_PROD");
    expect(registerByOffset(0xa8)).toBeUndefined();
  });

  it("decodes a control word: 0x1d has ATSCHK set, §6.3.9", () => {
    const w = words(0x1dn);
    const l = registerByName("CR0")!.layout;
    expect(["SMMUEN", "PRIQEN", "EVENTQEN", "CMDQEN", "ATSCHK"].map((n) => value(l, n, w)?.value)).toEqual([
      1n,
      0n,
      1n,
      1n,
      1n,
    ]);
  });
});
