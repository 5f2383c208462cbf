import { describe, expect, it } from "vitest";
import { R, REASONS, STE_REASONS } from "../../arch/smmuv3/reasons.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import { xorshift32 } from "../../base/rng.ts";
import type { Capabilities } from "./capabilities.ts";
import { steBrokenRules, steIllegal } from "./ste_rules.ts";
import { caseName } from "./testing/rule_names.ts";
import { encode, type Fields, NESTED_STE, World } from "./testing/world.ts";

const ALL = new World().smmu.caps;

/** Fields, and capabilities where they differ from those of the case. */
type Variant = readonly [Fields, Partial<Capabilities>?];

interface RuleCase {
  readonly caps?: Partial<Capabilities>;
  /** Each breaks this rule and no other. */
  readonly broken: readonly Variant[];
  /** Each is legal, and a step away. */
  readonly legal: readonly Variant[];
}

const WIDE: Partial<Capabilities> = { oas: 52, ias: 52, ds: true };

const CASES: Readonly<Record<string, RuleCase>> = {
  STE_V: { broken: [[{ V: 0 }]], legal: [[{ V: 1 }]] },
  STE_S1_ABSENT: {
    caps: { s1p: false },
    broken: [[{ Config: 7 }], [{ Config: 5 }]],
    legal: [[{ Config: 6 }], [{ Config: 4 }], [{ Config: 7 }, { s1p: true }]],
  },
  STE_S2_ABSENT: {
    caps: { s2p: false },
    broken: [[{ Config: 7 }], [{ Config: 6 }]],
    legal: [[{ Config: 5 }], [{ Config: 4 }], [{ Config: 7 }, { s2p: true }]],
  },
  STE_EATS_SPLIT: {
    caps: { ats: true },
    broken: [
      [{ EATS: 2, Config: 5 }],
      [{ EATS: 2, Config: 6 }],
      [{ EATS: 2, S2S: 1 }],
      [{ EATS: 2 }, { ns1ats: true }],
    ],
    legal: [[{ EATS: 2 }], [{ EATS: 2, Config: 4 }], [{ EATS: 2, Config: 5 }, { ats: false }]],
  },
  STE_EATS_S2S: {
    caps: { ats: true },
    broken: [[{ EATS: 1, S2S: 1 }], [{ EATS: 1, S2S: 1, Config: 6 }], [{ EATS: 3, S2S: 1 }, { dpt: true }]],
    legal: [
      [{ EATS: 1 }],
      [{ EATS: 1, S2S: 1, Config: 5 }],
      [{ EATS: 3, S2S: 1 }],
      [{ EATS: 1, S2S: 1 }, { ats: false }],
    ],
  },
  STE_EATS_DPT: {
    caps: { ats: true, dpt: true },
    broken: [[{ EATS: 3, Config: 5, STRW: 2 }]],
    legal: [
      [{ EATS: 3, Config: 5, STRW: 0 }],
      [{ EATS: 3, Config: 7, STRW: 2 }],
      [{ EATS: 3, Config: 5, STRW: 2 }, { dpt: false }],
    ],
  },
  STE_STRW: {
    broken: [[{ Config: 5, STRW: 1 }], [{ Config: 5, STRW: 3 }]],
    legal: [
      [{ Config: 5, STRW: 2 }],
      [{ Config: 7, STRW: 1 }],
      [{ Config: 4, STRW: 3 }],
      [{ Config: 5, STRW: 1 }, { hyp: false }],
    ],
  },
  STE_S1STALLD: {
    caps: { stallModel: 1 },
    broken: [[{ S1STALLD: 1 }], [{ S1STALLD: 1, S2S: 1 }, { stallModel: 2 }]],
    legal: [[{ S1STALLD: 0 }], [{ S1STALLD: 1, Config: 6 }], [{ S1STALLD: 1 }, { stallModel: 0 }]],
  },
  STE_S1CDMAX: {
    caps: { ssidSize: 8 },
    broken: [[{ S1CDMax: 9 }]],
    legal: [[{ S1CDMax: 8 }], [{ S1CDMax: 9, Config: 6 }], [{ S1CDMax: 31 }, { ssidSize: 0 }]],
  },
  STE_S1FMT: {
    caps: { cd2l: false },
    broken: [[{ S1CDMax: 4, S1Fmt: 1 }], [{ S1CDMax: 4, S1Fmt: 2 }]],
    legal: [
      [{ S1CDMax: 4, S1Fmt: 0 }],
      [{ S1CDMax: 4, S1Fmt: 3 }],
      [{ S1CDMax: 0, S1Fmt: 1 }],
      [{ S1CDMax: 4, S1Fmt: 1, Config: 6 }],
      [{ S1CDMax: 4, S1Fmt: 1 }, { cd2l: true }],
      [{ S1CDMax: 4, S1Fmt: 1 }, { ssidSize: 0 }],
    ],
  },
  STE_S1CONTEXTPTR: {
    broken: [
      [{ Config: 5, S1ContextPtr: 2 ** 48 }],
      [
        { Config: 5, S1ContextPtr: 2 ** 44 },
        { oas: 44, ias: 44 },
      ],
    ],
    legal: [
      [{ Config: 5, S1ContextPtr: 2 ** 48 - 64 }],
      [{ Config: 7, S1ContextPtr: 2 ** 48 }],
      [{ Config: 6, S1ContextPtr: 2 ** 48 }],
      [{ Config: 5, S1ContextPtr: 2 ** 48 }, { v31: false }],
    ],
  },
  STE_S2S: {
    broken: [
      [{ S2S: 1 }, { stallModel: 1 }],
      [{ S2S: 0 }, { stallModel: 2 }],
    ],
    legal: [
      [{ S2S: 1 }, { stallModel: 2 }],
      [{ S2S: 0 }, { stallModel: 1 }],
      [{ S2S: 1, Config: 5 }, { stallModel: 1 }],
    ],
  },
  STE_S2AA64: {
    broken: [[{ S2AA64: 0 }], [{ S2AA64: 1 }, { aarch64: false, aarch32: true }]],
    legal: [[{ S2AA64: 1 }], [{ S2AA64: 0 }, { aarch32: true }], [{ S2AA64: 0, Config: 5 }]],
  },
  STE_S2HA: {
    broken: [
      [{ S2HA: 1 }],
      [{ S2HD: 1 }],
      [{ S2HD: 1 }, { httu: 1 }],
      [
        { S2HA: 1, S2AA64: 0 },
        { httu: 2, aarch32: true },
      ],
    ],
    legal: [
      [{ S2HA: 1 }, { httu: 1 }],
      [{ S2HD: 1 }, { httu: 2 }],
      [{ S2HA: 1, S2HD: 1 }, { httu: 3 }],
      [{ S2HA: 1, Config: 5 }],
    ],
  },
  STE_S2HAFT: {
    caps: { httu: 3 },
    broken: [[{ S2HAFT: 1 }]],
    legal: [[{ S2HAFT: 1, S2HA: 1 }], [{ S2HAFT: 1 }, { httu: 2 }], [{ S2HAFT: 1, Config: 5 }]],
  },
  STE_S2TG: {
    broken: [[{ S2TG: 3 }], [{ S2TG: 1 }, { granules: new Set([12]) }], [{ S2TG: 0 }, { granules: new Set([16]) }]],
    legal: [[{ S2TG: 0 }], [{ S2TG: 2, S2SL0: 2, S2T0SZ: 17 }], [{ S2TG: 3, Config: 5 }]],
  },
  STE_S2TTB: {
    broken: [
      [{ S2PS: 0, S2TTB: 2 ** 32 }],
      [
        { S2PS: 5, S2TTB: 2 ** 40, S2T0SZ: 24, S2SL0: 1 },
        { oas: 40, ias: 40 },
      ],
      [{ S2PS: 6, S2TTB: 2 ** 48 }, WIDE],
      [{ S2PS: 5, S2TTB: 2 ** 48, S2TG: 1, S2SL0: 2 }, WIDE],
    ],
    legal: [
      [{ S2PS: 0, S2TTB: 2 ** 32 - 4096 }],
      [
        { S2PS: 5, S2TTB: 2 ** 40 - 4096, S2T0SZ: 24, S2SL0: 1 },
        { oas: 40, ias: 40 },
      ],
      [{ S2PS: 6, S2TTB: 2 ** 48, S2DS: 1 }, WIDE],
      [{ S2PS: 6, S2TTB: 2 ** 48, S2TG: 1, S2SL0: 2 }, WIDE],
      [{ S2PS: 0, S2TTB: 2 ** 32, Config: 5 }],
    ],
  },
  STE_S2T0SZ: {
    broken: [
      [{ S2T0SZ: 15 }],
      [{ S2T0SZ: 49, S2SL0: 3 }],
      [{ S2T0SZ: 40, S2SL0: 0 }, { stt: false }],
      [
        { S2T0SZ: 23, S2SL0: 1 },
        { oas: 40, ias: 40 },
      ],
      [{ S2T0SZ: 15, S2DS: 0 }, WIDE],
      [{ S2T0SZ: 11, S2TG: 1, S2SL0: 2 }, WIDE],
    ],
    legal: [
      [{ S2T0SZ: 16 }],
      [{ S2T0SZ: 48, S2SL0: 3 }],
      [{ S2T0SZ: 39, S2SL0: 0 }, { stt: false }],
      [{ S2T0SZ: 47, S2SL0: 0, S2TG: 1 }],
      [
        { S2T0SZ: 24, S2SL0: 1 },
        { oas: 40, ias: 40 },
      ],
      [{ S2T0SZ: 15, S2DS: 1 }, WIDE],
      [{ S2T0SZ: 12, S2TG: 1, S2SL0: 2 }, WIDE],
      [{ S2T0SZ: 12, S2DS: 1 }, WIDE],
      [{ S2T0SZ: 15, Config: 5 }],
    ],
  },
  STE_S2SL0: {
    broken: [
      // 4 KiB: more than a table and four bits of concatenation; fewer bits than one; levels that are not there.
      [{ S2SL0: 1, S2T0SZ: 20 }],
      [{ S2SL0: 1, S2T0SZ: 34 }],
      [{ S2SL0: 0, S2T0SZ: 29 }],
      [{ S2SL0: 2, S2T0SZ: 25 }],
      [{ S2SL0: 3, S2T0SZ: 38 }],
      [{ S2SL0: 3, S2T0SZ: 39 }, { stt: false }],
      [
        { S2SL0: 2, S2T0SZ: 24, S2PS: 2 },
        { oas: 40, ias: 40 },
      ],
      [{ S2DS: 1, S2SL0_2: 1, S2SL0: 1, S2T0SZ: 12 }, WIDE],
      [{ S2DS: 1, S2SL0_2: 1, S2SL0: 0, S2T0SZ: 16 }, WIDE],
      // 16 KiB and 64 KiB.
      [{ S2TG: 2, S2SL0: 3, S2T0SZ: 16 }],
      [{ S2TG: 2, S2SL0: 1, S2T0SZ: 23 }],
      [{ S2TG: 2, S2SL0: 2, S2T0SZ: 28 }],
      [{ S2TG: 1, S2SL0: 3, S2T0SZ: 16 }],
      [{ S2TG: 1, S2SL0: 0, S2T0SZ: 30 }],
      [{ S2TG: 1, S2SL0: 2, S2T0SZ: 22 }],
      [
        { S2TG: 1, S2SL0: 2, S2T0SZ: 24, S2PS: 2 },
        { oas: 42, ias: 42 },
      ],
    ],
    legal: [
      [{ S2SL0: 1, S2T0SZ: 21 }],
      [{ S2SL0: 1, S2T0SZ: 33 }],
      [{ S2SL0: 0, S2T0SZ: 30 }],
      [{ S2SL0: 2, S2T0SZ: 24 }],
      [{ S2SL0: 3, S2T0SZ: 39 }],
      [{ S2SL0: 2, S2SL0_2: 1, S2T0SZ: 16 }],
      [{ S2DS: 1, S2SL0_2: 1, S2SL0: 0, S2T0SZ: 12 }, WIDE],
      [{ S2DS: 1, S2SL0_2: 1, S2SL0: 0, S2T0SZ: 15 }, WIDE],
      [{ S2TG: 2, S2SL0: 3, S2T0SZ: 16, S2DS: 1 }, WIDE],
      [{ S2TG: 2, S2SL0: 1, S2T0SZ: 24 }],
      [{ S2TG: 2, S2SL0: 2, S2T0SZ: 27 }],
      [{ S2TG: 1, S2SL0: 0, S2T0SZ: 31 }],
      [{ S2TG: 1, S2SL0: 2, S2T0SZ: 21 }],
    ],
  },
  STE_S2ENDI: {
    broken: [
      [{ S2ENDI: 1 }, { ttendian: 2 }],
      [{ S2ENDI: 0 }, { ttendian: 3 }],
    ],
    legal: [
      [{ S2ENDI: 1 }, { ttendian: 3 }],
      [{ S2ENDI: 0 }, { ttendian: 2 }],
      [{ S2ENDI: 1 }, { ttendian: 0 }],
      [{ S2ENDI: 1, Config: 5 }, { ttendian: 2 }],
    ],
  },
  STE_S2VMID: {
    caps: { vmid16: false },
    broken: [[{ S2VMID: 0x100 }], [{ S2VMID: 0x100, Config: 6 }], [{ S2VMID: 0x100, Config: 5 }]],
    legal: [
      [{ S2VMID: 0xff }],
      [{ S2VMID: 0x100, Config: 4 }],
      [{ S2VMID: 0x100, Config: 5, STRW: 2 }],
      [{ S2VMID: 0x100, Config: 5 }, { s2p: false }],
      [{ S2VMID: 0xffff }, { vmid16: true }],
    ],
  },
  STE_VMSPTR: {
    caps: { vms: true },
    broken: [[{ S1MPAM: 1, VMSPtr: 2 ** 48 }]],
    legal: [
      [{ S1MPAM: 1, VMSPtr: 2 ** 48 - 4096 }],
      [{ S1MPAM: 0, VMSPtr: 2 ** 48 }],
      [{ S1MPAM: 1, VMSPtr: 2 ** 48, Config: 5 }],
      [{ S1MPAM: 1, VMSPtr: 2 ** 48 }, { vms: false }],
    ],
  },
};

const brokenBy = (fields: Fields, caps: Partial<Capabilities>): string[] =>
  steBrokenRules(encode(STE, { ...NESTED_STE, ...fields }), { ...ALL, ...caps }).map((r) => REASONS[r]!.id);

describe("rules of an STE, IHI 0070 §5.2.2", () => {
  it("have a case each", () => {
    expect(Object.keys(CASES)).toEqual(STE_REASONS.map((r) => r.id));
  });

  const variants = (pick: "broken" | "legal") =>
    Object.entries(CASES).flatMap(([id, c]) =>
      c[pick].map(([fields, caps]) => ({ id, name: caseName(fields, caps), fields, caps: { ...c.caps, ...caps } })),
    );

  it.each(variants("broken"))("$id, and no other, is broken by $name", ({ id, fields, caps }) => {
    expect(brokenBy(fields, caps)).toEqual([id]);
    const words = encode(STE, { ...NESTED_STE, ...fields });
    expect(REASONS[steIllegal(words, { ...ALL, ...caps })]!.id).toBe(id);
  });

  it.each(variants("legal"))("$id, nor any other, is not broken by $name", ({ fields, caps }) => {
    expect(brokenBy(fields, caps)).toEqual([]);
    expect(steIllegal(encode(STE, { ...NESTED_STE, ...fields }), { ...ALL, ...caps })).toBe(R.NONE);
  });

  it("look no further at an STE that is not valid or that aborts", () => {
    const worst = { S2TG: 3, S2VMID: 0x100, S2HA: 1, EATS: 2, STRW: 3, S1CDMax: 31 };
    for (const Config of [0, 1, 2, 3]) expect(brokenBy({ ...worst, Config }, { vmid16: false, ats: true })).toEqual([]);
    expect(brokenBy({ ...worst, V: 0 }, { vmid16: false, ats: true })).toEqual(["STE_V"]);
  });

  it("of a stage 2 with VMSAv8-32 tables do not take its fields for those of VMSAv8-64, §5.2.2", () => {
    // S2T0SZ is a signed 4-bit field there, S2TG has no meaning, and the output is 40 bits whatever S2PS says.
    for (const fields of [{ S2T0SZ: 0, S2SL0: 1 }, { S2T0SZ: 8, S2SL0: 1 }, { S2TG: 3 }, { S2PS: 0, S2TTB: 2 ** 39 }]) {
      const legal = { S2AA64: 0, S2SL0: 1, S2T0SZ: 0, ...fields };
      expect([fields, brokenBy(legal, { aarch32: true })]).toEqual([fields, []]);
    }
  });

  it.each([1, 2, 128383])("the first that is broken is the one a translation ends with, seed %i", (seed) => {
    const next = xorshift32(seed);
    const world = new World();
    const met = new Set<string>();
    for (let i = 0; i < 300; i++) {
      const fields: Record<string, number> = { ...NESTED_STE };
      const names = ["Config", "STRW", "S1CDMax", "S2AA64", "S2HA", "S2TG", "S2T0SZ", "S2SL0", "S2PS", "S2S", "V"];
      for (let n = next() % 4; n >= 0; n--) fields[names[next() % names.length]!] = next() % 64;
      if (next() % 4 === 0) fields.S2TTB = (next() % 2 ** 28) * 2 ** 24;
      world.ste(1, fields);
      const words = encode(STE, fields);
      const reason = steIllegal(words, world.smmu.caps);
      expect(steBrokenRules(words, world.smmu.caps)[0] ?? R.NONE).toBe(reason);
      const t = world.translate({ va: 0x1000 });
      met.add(REASONS[reason]!.id);
      expect([t.event === 4, t.event === 4 ? t.reason : 0]).toEqual([reason !== R.NONE, reason]);
    }
    expect(met.size).toBeGreaterThan(6);
  });
});
