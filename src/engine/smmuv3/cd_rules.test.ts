import { describe, expect, it } from "vitest";
import { CD } from "../../arch/smmuv3/cd.ts";
import { CD_REASONS, R, REASONS } from "../../arch/smmuv3/reasons.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import { xorshift32 } from "../../base/rng.ts";
import type { Capabilities } from "./capabilities.ts";
import { type CdContext, cdBrokenRules, cdIllegal } from "./cd_rules.ts";
import { StreamWorld } from "./stream_config.ts";
import { caseName } from "./testing/rule_names.ts";
import { encode, type Fields, NESTED_STE, PLAIN_CD, World } from "./testing/world.ts";

const ALL = new World().smmu.caps;
const WIDE: Partial<Capabilities> = { oas: 52, ias: 52, ds: true, vax: 1 };

/** What a CD is reached by, besides capabilities. */
interface Around extends Partial<Capabilities> {
  readonly world?: StreamWorld;
  readonly ste?: Fields;
}

type Variant = readonly [Fields, Around?];

interface RuleCase {
  readonly around?: Around;
  /** Each breaks this rule and no other. */
  readonly broken: readonly Variant[];
  /** Each is legal, and a step away. */
  readonly legal: readonly Variant[];
}

const EL2: Around = { world: StreamWorld.EL2, ste: { Config: 5, STRW: 2 } };
const E2H: Around = { world: StreamWorld.EL2_E2H, ste: { Config: 5, STRW: 2 } };
const UPPER: Fields = { EPD0: 1, EPD1: 0, T1SZ: 16, TG1: 2 };

const CASES: Readonly<Record<string, RuleCase>> = {
  CD_V: { broken: [[{ V: 0 }]], legal: [[{ V: 1 }]] },
  CD_S_STALLD: {
    around: { ste: { S1STALLD: 1 } },
    broken: [[{ S: 1 }]],
    legal: [[{ S: 0 }], [{ S: 1 }, { ste: { S1STALLD: 0 } }]],
  },
  CD_A: {
    around: { termModel: true },
    broken: [[{ A: 0 }]],
    legal: [[{ A: 1 }], [{ A: 0 }, { termModel: false }]],
  },
  CD_S: {
    broken: [
      [{ S: 1 }, { stallModel: 1 }],
      [{ S: 0 }, { stallModel: 2 }],
    ],
    legal: [
      [{ S: 0 }, { stallModel: 1 }],
      [{ S: 1 }, { stallModel: 2 }],
      [{ S: 1 }, { stallModel: 0 }],
    ],
  },
  CD_ENDI: {
    broken: [
      [{ ENDI: 1 }, { ttendian: 2 }],
      [{ ENDI: 0 }, { ttendian: 3 }],
      [{ ...UPPER, ENDI: 1 }, { ttendian: 2 }],
      // EPD0 has no effect in EL2, so that ENDI is not ignored.
      [
        { ENDI: 1, EPD0: 1 },
        { ...EL2, ttendian: 2 },
      ],
    ],
    legal: [
      [{ ENDI: 0 }, { ttendian: 2 }],
      [{ ENDI: 1 }, { ttendian: 3 }],
      [{ ENDI: 1 }, { ttendian: 0 }],
      [{ ENDI: 1, EPD0: 1 }, { ttendian: 2 }],
    ],
  },
  CD_AA64: {
    broken: [
      [{ AA64: 0 }],
      [{ AA64: 1 }, { aarch64: false, aarch32: true }],
      [{ AA64: 1 }, { aarch32: true, ste: { S2AA64: 0 } }],
      [{ AA64: 0 }, { ...E2H, aarch32: true }],
    ],
    legal: [
      [{ AA64: 0 }, { aarch32: true }],
      [{ AA64: 0 }, { aarch32: true, ste: { S2AA64: 0 } }],
      [{ AA64: 1 }, { aarch32: true, ste: { S2AA64: 0, Config: 5 } }],
      [{ AA64: 0 }, { ...EL2, aarch32: true }],
    ],
  },
  CD_HA: {
    broken: [[{ HA: 1 }], [{ HD: 1 }], [{ HD: 1 }, { httu: 1 }]],
    legal: [
      [{ HA: 1 }, { httu: 1 }],
      [{ HD: 1 }, { httu: 2 }],
      [{ HA: 1, AA64: 0 }, { aarch32: true }],
    ],
  },
  CD_HAFT: {
    around: { httu: 3 },
    broken: [[{ HAFT: 1 }]],
    legal: [[{ HAFT: 1, HA: 1 }], [{ HAFT: 1 }, { httu: 2 }]],
  },
  CD_ASID: {
    around: { asid16: false },
    broken: [[{ ASID: 0x100 }], [{ ASID: 0x100 }, E2H]],
    legal: [[{ ASID: 0xff }], [{ ASID: 0x100 }, EL2], [{ ASID: 0xffff }, { asid16: true }]],
  },
  CD_T0SZ: {
    broken: [
      [{ T0SZ: 15 }],
      [{ T0SZ: 49 }],
      [{ T0SZ: 48, TG0: 1 }],
      [{ T0SZ: 40 }, { stt: false }],
      [
        { T0SZ: 15, DS: 1 },
        { ...WIDE, vax: 0 },
      ],
      [{ T0SZ: 15 }, WIDE],
      [{ T0SZ: 11, DS: 1 }, WIDE],
      [{ T0SZ: 11, TG0: 1 }, WIDE],
      [{ T0SZ: 15, EPD0: 1 }, EL2],
    ],
    legal: [
      [{ T0SZ: 16 }],
      [{ T0SZ: 48 }],
      [{ T0SZ: 47, TG0: 1 }],
      [{ T0SZ: 39 }, { stt: false }],
      [{ T0SZ: 12, DS: 1 }, WIDE],
      [{ T0SZ: 12, TG0: 1 }, WIDE],
      [{ T0SZ: 5, EPD0: 1 }],
    ],
  },
  CD_T1SZ: {
    broken: [
      [{ ...UPPER, T1SZ: 15 }],
      [{ ...UPPER, T1SZ: 49 }],
      [{ ...UPPER, T1SZ: 48, TG1: 3 }],
      [{ ...UPPER, T1SZ: 15 }, E2H],
      [{ ...UPPER, T1SZ: 11, DS: 1 }, WIDE],
    ],
    legal: [
      [{ ...UPPER, T1SZ: 16 }],
      [{ ...UPPER, T1SZ: 48 }],
      [{ ...UPPER, T1SZ: 47, TG1: 3 }],
      [{ ...UPPER, T1SZ: 12, DS: 1 }, WIDE],
      [{ T1SZ: 5, EPD1: 1 }],
      [{ T1SZ: 5, TG1: 2, EPD1: 0 }, EL2],
    ],
  },
  CD_TG0: {
    broken: [[{ TG0: 3 }], [{ TG0: 1 }, { granules: new Set([12]) }], [{ TG0: 0 }, { granules: new Set([14, 16]) }]],
    legal: [[{ TG0: 1 }], [{ TG0: 2 }], [{ TG0: 3, EPD0: 1 }], [{ TG0: 2 }, { granules: new Set([14]) }]],
  },
  CD_TTB0: {
    broken: [
      [{ IPS: 0, TTB0: 2 ** 32 }],
      [
        { IPS: 5, TTB0: 2 ** 40 },
        { oas: 40, ias: 40 },
      ],
      [{ IPS: 6, TTB0: 2 ** 48 }, WIDE],
      [{ IPS: 5, TTB0: 2 ** 48, DS: 1 }, WIDE],
    ],
    legal: [
      [{ IPS: 0, TTB0: 2 ** 32 - 4096 }],
      [{ IPS: 6, TTB0: 2 ** 48, DS: 1 }, WIDE],
      [{ IPS: 6, TTB0: 2 ** 48, TG0: 1 }, WIDE],
      [{ IPS: 0, TTB0: 2 ** 32, EPD0: 1 }],
    ],
  },
  CD_TG1: {
    broken: [[{ ...UPPER, TG1: 0 }], [{ ...UPPER, TG1: 3 }, { granules: new Set([12]) }]],
    legal: [[{ ...UPPER, TG1: 1 }], [{ ...UPPER, TG1: 3 }], [{ TG1: 0, EPD1: 1 }], [{ TG1: 0, EPD1: 0 }, EL2]],
  },
  CD_TTB1: {
    broken: [[{ ...UPPER, IPS: 0, TTB1: 2 ** 32 }], [{ ...UPPER, IPS: 6, TTB1: 2 ** 48 }, WIDE]],
    legal: [
      [{ ...UPPER, IPS: 0, TTB1: 2 ** 32 - 4096 }],
      [{ ...UPPER, IPS: 6, TTB1: 2 ** 48, TG1: 3 }, WIDE],
      [{ IPS: 0, TTB1: 2 ** 32, EPD1: 1 }],
    ],
  },
};

function context({ world = StreamWorld.EL1, ste = {}, ...caps }: Around): CdContext {
  return { caps: { ...ALL, ...caps }, ste: encode(STE, { ...NESTED_STE, ...ste }), world };
}

const brokenBy = (fields: Fields, around: Around): string[] =>
  cdBrokenRules(encode(CD, { ...PLAIN_CD, ...fields }), context(around)).map((r) => REASONS[r]!.id);

/** `world` in words, for names. */
const described = ({ world, ste, ...caps }: Around): object => ({
  ...(world === undefined ? {} : { StreamWorld: ["EL1", "EL2", "EL2-E2H"][world] }),
  ...(ste === undefined || world !== undefined ? {} : { STE: caseName(ste) }),
  ...caps,
});

describe("rules of a CD, IHI 0070 §5.4.2", () => {
  it("have a case each", () => {
    expect(Object.keys(CASES)).toEqual(CD_REASONS.map((r) => r.id));
  });

  const variants = (pick: "broken" | "legal") =>
    Object.entries(CASES).flatMap(([id, c]) =>
      c[pick].map(([fields, around = {}]) => ({
        id,
        name: caseName(fields, described(around)),
        fields,
        around: { ...c.around, ...around },
      })),
    );

  it.each(variants("broken"))("$id, and no other, is broken by $name", ({ id, fields, around }) => {
    expect(brokenBy(fields, around)).toEqual([id]);
    expect(REASONS[cdIllegal(encode(CD, { ...PLAIN_CD, ...fields }), context(around))]!.id).toBe(id);
  });

  it.each(variants("legal"))("$id, nor any other, is not broken by $name", ({ fields, around }) => {
    expect(brokenBy(fields, around)).toEqual([]);
    expect(cdIllegal(encode(CD, { ...PLAIN_CD, ...fields }), context(around))).toBe(R.NONE);
  });

  it("look no further at a CD that is not valid", () => {
    expect(brokenBy({ V: 0, TG0: 3, A: 0, ASID: 0x100 }, { termModel: true, asid16: false })).toEqual(["CD_V"]);
  });

  it.each([[{ T0SZ: 0 }], [{ TG0: 3 }], [{ HAFT: 1 }], [{ IPS: 0, TTB0: 2 ** 39 }]])(
    "of VMSAv8-32 tables do not take its fields for those of VMSAv8-64: %o, §5.4.2",
    (fields) => {
      // T0SZ has 3 bits there, TG0 and HAFT no meaning, and the output is 40 bits whatever IPS says.
      expect(brokenBy({ AA64: 0, ...fields }, { aarch32: true, httu: 3 })).toEqual([]);
    },
  );

  it.each([1, 2, 128383])("the first that is broken is the one a translation ends with, seed %i", (seed) => {
    const next = xorshift32(seed);
    const world = new World({ IDR0: { TERM_MODEL: next() % 2, ASID16: next() % 2 } });
    const met = new Set<string>();
    for (let i = 0; i < 300; i++) {
      const fields: Record<string, number> = { ...PLAIN_CD };
      const names = ["V", "AA64", "T0SZ", "T1SZ", "TG0", "TG1", "EPD0", "EPD1", "IPS", "S", "A", "HA", "ASID"];
      for (let n = next() % 4; n >= 0; n--) fields[names[next() % names.length]!] = next() % 64;
      if (next() % 4 === 0) fields.TTB0 = (next() % 2 ** 28) * 2 ** 24;
      const ste = { ...NESTED_STE, Config: 5, S1ContextPtr: 0x3000_0000, STRW: (next() % 2) * 2 };
      world.ste(1, ste);
      world.put(CD, 0x3000_0000, fields);
      const around = { caps: world.smmu.caps, ste: encode(STE, ste), world: ste.STRW === 0 ? 0 : 1 } as const;
      const words = encode(CD, fields);
      const reason = cdIllegal(words, around);
      expect(cdBrokenRules(words, around)[0] ?? R.NONE).toBe(reason);
      const t = world.translate({ va: 0x1000 });
      met.add(REASONS[reason]!.id);
      expect([t.event === 10, t.event === 10 ? t.reason : 0]).toEqual([reason !== R.NONE, reason]);
    }
    expect(met.size).toBeGreaterThan(6);
  });
});
