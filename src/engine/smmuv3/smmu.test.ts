import { describe, expect, it } from "vitest";
import { CD } from "../../arch/smmuv3/cd.ts";
import { REASONS } from "../../arch/smmuv3/reasons.ts";
import { entrySizeLg2, type PageTableFormat } from "../../pagetable/format.ts";
import { VMSAV8_FORMATS, vmsav8Format } from "../../pagetable/formats/vmsav8.ts";
import { descriptor, isWide, spanOf, TableBuilder } from "../../pagetable/testing/table_builder.ts";
import { TRACE, TRACE_WORDS, TraceKind, TracePhase } from "../../protocol/trace.ts";
import { Event } from "./event_record.ts";
import { Smmuv3 } from "./smmu.ts";
import { GuestStore, HostStore, OPEN, stage1Fields, stage2Fields } from "./testing/nested_world.ts";
import { randomNested } from "./testing/random_nested.ts";
import { chooser, noise, randomConfiguration } from "./testing/random_world.ts";
import { type Fields, NESTED_STE, PLAIN_CD, type Request, WIDE, World } from "./testing/world.ts";
import { SmmuTraceRecorder } from "./trace_recorder.ts";
import { End, type Translation } from "./translation.ts";

const FMT = vmsav8Format(12, false);

const reasonOf = (t: Translation): string => (t.end === End.Ok ? "ok" : REASONS[t.reason]!.id);

/** Records of a translation. */
function traceOf(world: World, request: Request): Uint32Array {
  const recorder = new SmmuTraceRecorder();
  recorder.begin(0);
  world.translate(request, recorder);
  return recorder.take();
}

/** Table accesses for the address itself, those for configuration left out. */
function tableAccesses(trace: Uint32Array): number {
  let count = 0;
  for (let at = 0; at < trace.length; at += TRACE_WORDS) {
    const descriptorRead = TRACE.f.kind.get(trace, at) === TraceKind.Descriptor;
    if (descriptorRead && TRACE.f.phase.get(trace, at) !== TracePhase.Config) count++;
  }
  return count;
}

/** Registers under which a format is used. */
const registersFor = (fmts: readonly PageTableFormat[]): Readonly<Record<string, Fields>> =>
  fmts.some(isWide) ? { IDR5: { ...WIDE.IDR5, GRAN4K: 1, GRAN16K: 1, GRAN64K: 1 } } : {};

const IPS = (fmt: PageTableFormat): number => (isWide(fmt) ? 6 : 5);

/** The highest level at which stage 2 may start here: with 16 KiB the fourth level needs DS (DDI 0487 §D8.2.3). */
const topLevel2 = (fmt: PageTableFormat): number =>
  fmt.granuleLg2 === 14 && !isWide(fmt) ? 2 : Math.min(fmt.topLevel, 3);

/** Pairs that one SMMU can have: the 64 KiB format depends on the output size alone. */
const PAIRS = VMSAV8_FORMATS.flatMap((fmt1) =>
  VMSAV8_FORMATS.filter((fmt2) => {
    const wide = isWide(fmt1) || isWide(fmt2);
    return [fmt1, fmt2].every((f) => f.granuleLg2 !== 16 || isWide(f) === wide);
  }).map((fmt2) => ({ fmt1, fmt2, name: `${fmt1.id} under ${fmt2.id}` })),
);

describe("nested translation, IHI 0070 §3.4", () => {
  it.each(PAIRS)("$name goes where the two tables put together say, in (n+1)(m+1)-1 accesses", ({ fmt1, fmt2 }) => {
    const { next, below, pick } = chooser(fmt1.granuleLg2 * 100 + fmt2.granuleLg2 + (isWide(fmt2) ? 7 : 0));
    for (let level2 = fmt2.granuleLg2 === 16 ? 1 : 2; level2 <= topLevel2(fmt2); level2++) {
      const world = new World(registersFor([fmt1, fmt2]), { zero: [[0, 2 ** 44]] });
      const host = new HostStore(world);
      const ipaBits = Math.min(entrySizeLg2(fmt2, level2) + 1 + below(fmt2.strideLg2 + 4), isWide(fmt2) ? 52 : 48);
      const stage2 = new TableBuilder(fmt2, host, 2, level2, ipaBits);
      const guest = new GuestStore(stage2, host, spanOf(fmt2, 0));
      const bits1 = (isWide(fmt1) ? 52 : 48) - below(20);
      const start1 = Math.ceil((bits1 - fmt1.granuleLg2) / fmt1.strideLg2) - 1;
      const stage1 = new TableBuilder(fmt1, guest, 1, start1, bits1);
      const cd = guest.allocate(64);
      const upper = next() % 2 === 0;
      world.put(CD, guest.physical(cd), {
        ...PLAIN_CD,
        IPS: IPS(fmt1),
        EPD0: upper ? 1 : 0,
        ...stage1Fields(stage1, upper ? 1 : 0),
      });
      world.ste(1, { ...NESTED_STE, ...stage2Fields(stage2), S2PS: IPS(fmt2), S1ContextPtr: cd });
      for (let i = 0; i < 6; i++) {
        const size1 = spanOf(fmt1, 0);
        const size2 = spanOf(fmt2, 0);
        const va = below(2 ** bits1 / size1) * size1;
        const ipa = below(2 ** Math.min(ipaBits, isWide(fmt1) ? 52 : 48) / size1) * size1;
        const pa = below(2 ** (isWide(fmt2) ? 52 : 48) / size2) * size2;
        const offset = below(Math.min(size1, size2));
        stage1.map(va, 0, ipa, OPEN[1]);
        const page2 = Math.floor(ipa / size2) * size2;
        stage2.map(page2, 0, pa, OPEN[2]);
        const ones = upper ? -1 << (bits1 - 32) : 0;
        const request = {
          va: [Math.floor(va / 2 ** 32) | ones, (va % 2 ** 32) + offset],
          write: pick([true, false]),
        } as const;
        expect([reasonOf(world.translate(request)), world.output(request)]).toEqual([
          "ok",
          pa + (ipa - page2) + offset,
        ]);
        expect(tableAccesses(traceOf(world, request))).toBe((start1 + 2) * (level2 + 2) - 1);
      }
    }
  });

  it.each([
    [0, 0, 24],
    [1, 0, 19],
    [2, 0, 14],
    [0, 1, 23],
    [0, 2, 22],
    [1, 1, 18],
    [2, 2, 12],
  ])("with leaves %i levels up at stage 1, %i at stage 2 for the output, takes %i accesses", (up1, up2, accesses) => {
    const world = new World();
    const host = new HostStore(world);
    const stage2 = new TableBuilder(FMT, host, 2, 3, 48);
    const guest = new GuestStore(stage2, host, 0x10_0000);
    const stage1 = new TableBuilder(FMT, guest, 1, 3, 48);
    stage1.map(0x40_0000_0000, up1, 0x80_0000_0000, OPEN[1]);
    stage2.map(0x80_0000_0000, up2, 0x20_0000_0000, OPEN[2]);
    const cd = guest.allocate(64);
    world.put(CD, guest.physical(cd), { ...PLAIN_CD, ...stage1Fields(stage1, 0) });
    world.ste(1, { ...NESTED_STE, ...stage2Fields(stage2), S1ContextPtr: cd });
    expect(world.output({ va: 0x40_0000_0abc })).toBe(0x20_0000_0abc);
    expect(tableAccesses(traceOf(world, { va: 0x40_0000_0abc }))).toBe(accesses);
    const { sizeLg2Stage1, sizeLg2Stage2 } = world.t;
    expect([sizeLg2Stage1, sizeLg2Stage2]).toEqual([12 + 9 * up1, 12 + 9 * up2]);
  });
});

/** Stream 1 with stage 1 only; the first and last page of each half are mapped where the half is on. */
function stage1World(cd: Fields, bits: number, halves: readonly (0 | 1)[], ste: Fields = {}, e2h = 0): World {
  const world = new World({ CR2: { E2H: e2h } });
  const host = new HostStore(world);
  let fields: Fields = { EPD0: 1, EPD1: 1 };
  for (const half of halves) {
    const tables = new TableBuilder(FMT, host, 1, Math.ceil((bits - 12) / 9) - 1, bits);
    tables.map(0, 0, 0x5000_0000, OPEN[1]);
    tables.map(2 ** bits - 4096, 0, 0x6000_0000, OPEN[1]);
    fields = { ...fields, ...stage1Fields(tables, half) };
  }
  world.ste(1, { ...NESTED_STE, Config: 5, S1ContextPtr: world.cd({ ...PLAIN_CD, ...fields, ...cd }), ...ste });
  return world;
}

describe("the input address of stage 1, IHI 0070 §3.4.1", () => {
  const full = (value: bigint): Request => ({
    va: [Number(BigInt.asIntN(32, value >> 32n)), Number(value & 0xffffffffn)],
  });

  it.each([48, 47, 40, 39, 32, 31, 26, 25])(
    "of %i bits reaches just as far at both ends of the address space",
    (bits) => {
      const world = stage1World({}, bits, [0, 1]);
      const size = 1n << BigInt(bits);
      const cases: readonly [bigint, string][] = [
        [0n, "ok"],
        [size - 1n, "ok"],
        [size, "VA_RANGE"],
        [1n << 54n, "VA_RANGE"],
        [0x00ff_ffff_ffff_ffffn, "VA_RANGE"],
        [1n << 63n, "VA_RANGE"],
        [-1n, "ok"],
        [-size, "ok"],
        [-size - 1n, "VA_RANGE"],
        [-1n ^ (1n << 56n), "VA_RANGE"],
        [1n << 55n, "VA_RANGE"],
      ];
      for (const [va, expected] of cases) {
        const t = world.translate(full(BigInt.asUintN(64, va)));
        expect([va.toString(16), reasonOf(t)]).toEqual([va.toString(16), expected]);
        expect(t.event).toBe(expected === "ok" ? 0 : Event.F_TRANSLATION);
      }
    },
  );

  it.each([0, 1])("with TBI leaves bits 63:56 aside, but not bit 55 down; TBI%i is for its half alone", (half) => {
    const world = stage1World({ TBI0: half === 0 ? 1 : 0, TBI1: half }, 48, [0, 1]);
    const top = 0xa5n << 56n;
    const lower = top;
    const upper = top | 0x00ff_ffff_ffff_f000n;
    expect([reasonOf(world.translate(full(lower))), reasonOf(world.translate(full(upper)))]).toEqual(
      half === 0 ? ["ok", "VA_RANGE"] : ["VA_RANGE", "ok"],
    );
    expect(reasonOf(world.translate(full(half === 0 ? top | (1n << 54n) : top | (1n << 55n))))).toBe("VA_RANGE");
  });

  it("in EL2 has one half, whatever bit 55 is; EL2-E2H has two", () => {
    const ste = { STRW: 2 };
    const el2 = stage1World({ EPD0: 1, EPD1: 0, TG1: 0, TBI0: 1 }, 48, [0], ste);
    expect(reasonOf(el2.translate(full(0n)))).toBe("ok");
    expect(reasonOf(el2.translate(full(0xff00_0000_0000_0000n)))).toBe("ok");
    expect(reasonOf(el2.translate(full(0xffff_ffff_ffff_f000n)))).toBe("VA_RANGE");
    expect(reasonOf(el2.translate(full(1n << 55n)))).toBe("VA_RANGE");
    const e2h = stage1World({}, 48, [0, 1], ste, 1);
    expect(reasonOf(e2h.translate(full(0xffff_ffff_ffff_f000n)))).toBe("ok");
  });

  it("in a half that EPD switches off is a translation fault, without a walk", () => {
    const world = stage1World({}, 48, [0]);
    const t = world.translate(full(0xffff_ffff_ffff_f000n));
    expect([reasonOf(t), t.event]).toEqual(["EPD", Event.F_TRANSLATION]);
    expect(tableAccesses(traceOf(world, full(0xffff_ffff_ffff_f000n)))).toBe(0);
  });

  it("of an unprivileged access faults where E0PD prevents it", () => {
    const world = stage1World({ E0PD1: 1 }, 48, [0, 1]);
    const upper = full(0xffff_ffff_ffff_f000n);
    expect([reasonOf(world.translate(upper)), world.t.event]).toEqual(["E0PD", Event.F_TRANSLATION]);
    expect(reasonOf(world.translate({ ...upper, privileged: true }))).toBe("ok");
    expect(reasonOf(world.translate(full(0n)))).toBe("ok");
  });
});

describe("big-endian tables, IHI 0070 §5.2, §5.4", () => {
  it.each([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ])("with ENDI %i, S2ENDI %i are read as what they are", (ENDI, S2ENDI) => {
    const world = new World();
    const swap = (x: number): number =>
      (((x & 0xff) << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24)) >>> 0;
    const host = new HostStore(world);
    const stage2 = new TableBuilder(FMT, host, 2, 2, 39);
    const guest = new GuestStore(stage2, host, 0x10_0000);
    const stage1 = new TableBuilder(FMT, guest, 1, 2, 39);
    stage1.map(0x1000, 0, 0x7000_0000, OPEN[1]);
    stage2.map(0x7000_0000, 0, 0x33_0000_0000, OPEN[2]);
    const cd = guest.allocate(64);
    world.put(CD, guest.physical(cd), { ...PLAIN_CD, ...stage1Fields(stage1, 0), ENDI });
    world.ste(1, { ...NESTED_STE, ...stage2Fields(stage2), S1ContextPtr: cd, S2ENDI });
    for (const at of ENDI === 1 ? new Set(stage1.written) : []) {
      const [lo, hi] = guest.read(at);
      guest.write(at, [swap(hi), swap(lo)]);
    }
    for (const at of S2ENDI === 1 ? new Set(stage2.written) : []) {
      const [lo, hi] = host.read(at);
      host.write(at, [swap(hi), swap(lo)]);
    }
    expect(world.output({ va: 0x1004 })).toBe(0x33_0000_0004);
  });
});

describe("stage 2 alone", () => {
  it("takes addresses up to 2^(64-S2T0SZ), then F_TRANSLATION; beyond the IAS F_ADDR_SIZE of stage 1, §3.4", () => {
    const world = new World();
    const tables = new TableBuilder(FMT, new HostStore(world), 2, 2, 40);
    tables.map(2 ** 40 - 4096, 0, 0x5000_0000, OPEN[2]);
    world.ste(1, { ...NESTED_STE, ...stage2Fields(tables), Config: 6 });
    const at = (va: number): unknown[] => {
      const t = world.translate({ va });
      return [reasonOf(t), t.event, t.stage];
    };
    expect(at(2 ** 40 - 1)).toEqual(["ok", 0, 0]);
    expect(at(2 ** 40)).toEqual(["IPA_RANGE", Event.F_TRANSLATION, 2]);
    expect(at(2 ** 48 - 1)).toEqual(["IPA_RANGE", Event.F_TRANSLATION, 2]);
    expect(at(2 ** 48)).toEqual(["IPA_BEYOND_IAS", Event.F_ADDR_SIZE, 1]);
  });

  it("finds the right table among 16 concatenated ones, DDI 0487 §D8.2", () => {
    const world = new World();
    const tables = new TableBuilder(FMT, new HostStore(world), 2, 1, 34);
    expect(tables.entries).toBe(16 * 512);
    for (let n = 0; n < 16; n++) tables.map(n * 2 ** 30 + 0x1000, 0, 0x5000_0000 + n * 4096, OPEN[2]);
    // The SMMU aligns the base to the whole of them.
    const fields = { ...NESTED_STE, ...stage2Fields(tables), Config: 6 };
    world.ste(1, { ...fields, S2TTB: tables.root + 0x8000 });
    for (let n = 0; n < 16; n++) expect(world.output({ va: n * 2 ** 30 + 0x1008 })).toBe(0x5000_0008 + n * 4096);
  });
});

describe("no translation", () => {
  it.each([4, 5, 6])("Config 0b100 passes addresses up to the output size with OAS code %i, §3.4", (OAS) => {
    const bits = [32, 36, 40, 42, 44, 48, 52][OAS]!;
    const world = new World({ IDR5: { OAS } });
    world.ste(1, { V: 1, Config: 4 });
    expect([world.output({ va: 2 ** bits - 1 }), world.t.bypass]).toEqual([2 ** bits - 1, true]);
    const t = world.translate({ va: 2 ** bits });
    expect([reasonOf(t), t.event, t.stage]).toEqual(["BYPASS_BEYOND_OAS", Event.F_ADDR_SIZE, 1]);
  });

  it("with SMMUEN 0 everything passes within the output size, or nothing by GBPA.ABORT; nothing is recorded, §6.3.14", () => {
    const off = new World({ CR0: { SMMUEN: 0 } });
    expect([off.output({ sid: 0xffffffff, ssid: 7, va: 2 ** 48 - 1 }), off.t.bypass]).toEqual([2 ** 48 - 1, true]);
    expect([off.translate({ va: 2 ** 48 }).end, reasonOf(off.t)]).toEqual([End.Abort, "DISABLED_BEYOND_OAS"]);
    const abort = new World({ CR0: { SMMUEN: 0 }, GBPA: { ABORT: 1 } });
    expect([abort.translate({ va: 0 }).end, reasonOf(abort.t)]).toEqual([End.Abort, "GBPA_ABORT"]);
  });
});

describe("52-bit addresses", () => {
  it("need DS with 4 and 16 KiB granules: without it descriptors are 48-bit ones, §5.2", () => {
    const fmt = vmsav8Format(12, true);
    const world = new World(registersFor([fmt]), { zero: [[0, 2 ** 52]] });
    const tables = new TableBuilder(fmt, new HostStore(world), 2, 3, 48);
    tables.map(0x1000, 0, 2 ** 51 + 2 ** 48, OPEN[2]);
    const fields = { ...NESTED_STE, ...stage2Fields(tables), Config: 6, S2PS: 6 };
    world.ste(1, fields);
    expect(world.output({ va: 0x1008 })).toBe(2 ** 51 + 2 ** 48 + 8);
    // Bits 9:8 are shareability then, and bits 49:48 no address.
    world.ste(1, { ...fields, S2DS: 0 });
    expect(world.output({ va: 0x1008 })).toBe(8);
    // An output size of 48 bits refuses what is beyond.
    world.ste(1, { ...fields, S2PS: 5 });
    expect(reasonOf(world.translate({ va: 0x1008 }))).toBe("OUTPUT_ADDRESS_SIZE");
  });

  it("take a root table aligned to 64 bytes at least, §5.2 (S2TTB)", () => {
    const fmt = vmsav8Format(16, true);
    const world = new World(registersFor([fmt]));
    const tables = new TableBuilder(fmt, new HostStore(world), 2, 1, 30);
    tables.map(2 ** 29, 0, 0x5000_0000, OPEN[2]);
    expect(tables.entries).toBe(2);
    world.ste(1, { ...NESTED_STE, ...stage2Fields(tables), Config: 6, S2PS: 6, S2TTB: tables.root + 0x30 });
    expect(world.output({ va: 2 ** 29 })).toBe(0x5000_0000);
  });
});

describe("VMSAv8-32 tables, which are not modelled", () => {
  const world = new World({ IDR0: { TTF: 3 } });

  it.each([0, 1, 2, 3])("end a transaction without an event and say so, at stage 2 with S2TG %i", (S2TG) => {
    for (const Config of [6, 7]) {
      world.ste(1, { V: 1, Config, S2AA64: 0, S2TG, S2T0SZ: 0, S2SL0: 1, S1ContextPtr: 0x4000_0000 });
      const t = world.translate({ va: 0x1000 });
      expect([t.end, reasonOf(t)]).toEqual([End.Abort, "TABLES_NOT_MODELLED"]);
      expect(traceOf(world, { va: 0x1000 }).length).toBe(TRACE_WORDS);
    }
  });

  it.each([0, 1, 2, 3])("do so at stage 1 with TG0 %i", (TG0) => {
    const cd = world.cd({ V: 1, AA64: 0, A: 1, R: 1, TG0, EPD1: 1 });
    world.ste(1, { V: 1, Config: 5, S1ContextPtr: cd });
    const t = world.translate({ va: 0x1000 });
    expect([t.end, reasonOf(t)]).toEqual([End.Abort, "TABLES_NOT_MODELLED"]);
  });
});

describe("memory that the session lacks", () => {
  it("leaves a walk without an outcome at the word that is missing, never with a fault", () => {
    const world = new World({}, { outside: "unknown", zero: [[0, 0x4000_0000]] });
    const host = new HostStore(world);
    const stage2 = new TableBuilder(FMT, host, 2, 2, 39);
    const missing = 2 ** 41 + 0x5000;
    stage2.put(stage2.place(0x1000, 1), descriptor(FMT, 2, "table", missing));
    world.ste(1, { ...NESTED_STE, ...stage2Fields(stage2), Config: 6 });
    const t = world.translate({ va: 0x1000 });
    expect([t.end, t.event, (t.fetchHi >>> 0) * 2 ** 32 + t.fetchLo]).toEqual([End.Unknown, 0, missing + 8]);
    const nested = { ...NESTED_STE, ...stage2Fields(stage2), S1ContextPtr: 0x1000 };
    world.ste(1, nested);
    expect(world.translate({ va: 0x1000 }).end).toBe(End.Unknown);
    world.ste(1, { ...NESTED_STE, Config: 5, S1ContextPtr: missing });
    expect([world.translate({ va: 0 }).end, world.t.fetchHi]).toEqual([End.Unknown, 2 ** 9]);
  });
});

describe("a translation keeps nothing of the one before it", () => {
  it.each([1, 2, 3, 128383])("records and outcome are those of an SMMU that did nothing else, seed %i", (seed) => {
    for (const make of [randomConfiguration, randomNested, noise]) {
      const { world, request, damage } = make(seed);
      // The same registers and memory, with a stream of another shape beside the first.
      world.ste(2, {
        ...NESTED_STE,
        Config: 5,
        S1ContextPtr: world.cd({ ...PLAIN_CD, EPD0: 1, EPD1: 0, TG1: 2, T1SZ: 16 }),
      });
      for (let i = 0; i < 40; i++) {
        if (i % 10 === 9) damage();
        world.translate({ sid: 2, va: [-1, -4096] });
        const asked = request();
        const records = traceOf(world, asked);
        const t = world.request(asked);
        const recorder = new SmmuTraceRecorder();
        recorder.begin(0);
        new Smmuv3(world.memory, world.registers).translate(t, recorder);
        expect(records).toEqual(recorder.take());
      }
    }
  });
});
