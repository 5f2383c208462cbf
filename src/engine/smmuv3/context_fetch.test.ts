import { describe, expect, it } from "vitest";
import { CD, L1CD } from "../../arch/smmuv3/cd.ts";
import { REASONS } from "../../arch/smmuv3/reasons.ts";
import { vmsav8Format } from "../../pagetable/formats/vmsav8.ts";
import { TableBuilder } from "../../pagetable/testing/table_builder.ts";
import { TRACE, TRACE_WORDS, TraceKind } from "../../protocol/trace.ts";
import { Event } from "./event_record.ts";
import { HostStore, OPEN, stage1Fields, stage2Fields } from "./testing/nested_world.ts";
import { type Fields, NESTED_STE, PLAIN_CD, type Request, World } from "./testing/world.ts";
import { SmmuTraceRecorder } from "./trace_recorder.ts";
import { End, EventClass } from "./translation.ts";

const TABLE = 0x4000_0000;
const CD_BYTES = CD.bits / 8;

interface Outcome {
  /** Physical addresses of the CD structures that were read. */
  readonly reads: readonly number[];
  readonly end: string;
  readonly event: number;
}

/** Translate with a trace; which CD structures were read on the way. */
function fetch(world: World, request: Request): Outcome {
  const recorder = new SmmuTraceRecorder();
  recorder.begin(0);
  const t = world.translate(request, recorder);
  const trace = recorder.take();
  const reads: number[] = [];
  for (let at = 0; at < trace.length; at += TRACE_WORDS) {
    const kind = TRACE.f.kind.get(trace, at);
    if (kind !== TraceKind.CD && kind !== TraceKind.L1CD) continue;
    reads.push(TRACE.f.pa.getHi(trace, at) * 2 ** 32 + TRACE.f.pa.get(trace, at));
  }
  return { reads, end: t.end === End.Ok ? "ok" : REASONS[t.reason]!.id, event: t.event };
}

/** A world whose stream 1 has stage 1 only; every CD that is put maps address 0x1000. */
function stage1World(ste: Fields, registers: Readonly<Record<string, Fields>> = {}): World & { cdFields: Fields } {
  const world = new World(registers);
  const tables = new TableBuilder(vmsav8Format(12, false), new HostStore(world), 1, 3, 48);
  tables.map(0x1000, 0, 0x8000, OPEN[1]);
  world.ste(1, { ...NESTED_STE, Config: 5, S1ContextPtr: TABLE, ...ste });
  return Object.assign(world, { cdFields: { ...PLAIN_CD, ...stage1Fields(tables, 0) } });
}

const REFUSED = { reads: [], event: Event.C_BAD_SUBSTREAMID };

describe("which CD a transaction uses, IHI 0070 §5.2", () => {
  it("is the only one where substreams are off; a SubstreamID is then refused", () => {
    const world = stage1World({ S1CDMax: 0, S1DSS: 2, S1Fmt: 1 });
    world.put(CD, TABLE, world.cdFields);
    expect(fetch(world, { va: 0x1000 })).toEqual({ reads: [TABLE], end: "ok", event: 0 });
    expect(fetch(world, { va: 0x1000, ssid: 0 })).toEqual({ ...REFUSED, end: "SSID_DISABLED" });
  });

  it("is the only one where the SMMU has no substreams, whatever S1CDMax and S1DSS say", () => {
    const world = stage1World({ S1CDMax: 5, S1DSS: 0, S1Fmt: 2 }, { IDR1: { SSIDSIZE: 0 } });
    world.put(CD, TABLE, world.cdFields);
    expect(fetch(world, { va: 0x1000 })).toEqual({ reads: [TABLE], end: "ok", event: 0 });
    expect(fetch(world, { va: 0x1000, ssid: 0 })).toEqual({ ...REFUSED, end: "SSID_DISABLED" });
  });

  it.each([1, 4, 5, 20])("goes up to 2^S1CDMax with S1CDMax %i", (S1CDMax) => {
    const world = stage1World({ S1CDMax });
    for (const ssid of [0, 1, 2 ** S1CDMax - 1]) {
      world.put(CD, TABLE + ssid * CD_BYTES, world.cdFields);
      const reads = [TABLE + ssid * CD_BYTES];
      expect(fetch(world, { va: 0x1000, ssid })).toEqual({ reads, end: "ok", event: 0 });
    }
    expect(fetch(world, { va: 0x1000, ssid: 2 ** S1CDMax })).toEqual({ ...REFUSED, end: "SSID_RANGE" });
  });

  it.each([
    [0, "SSID_REQUIRED"],
    [3, "SSID_REQUIRED"],
  ])("with S1DSS %i is none without a SubstreamID", (S1DSS, end) => {
    const world = stage1World({ S1CDMax: 4, S1DSS });
    world.put(CD, TABLE, world.cdFields);
    expect(fetch(world, { va: 0x1000 })).toEqual({ reads: [], end, event: Event.F_STREAM_DISABLED });
    expect(fetch(world, { va: 0x1000, ssid: 0 }).end).toBe("ok");
  });

  it("with S1DSS 1 is none without a SubstreamID: stage 1 is bypassed", () => {
    const world = stage1World({ S1CDMax: 4, S1DSS: 1 });
    world.put(CD, TABLE, world.cdFields);
    expect(fetch(world, { va: 0x1000 })).toEqual({ reads: [], end: "ok", event: 0 });
    expect([world.output({ va: 0x1000 }), world.t.bypass]).toEqual([0x1000, true]);
    expect(world.output({ va: 0x1000, ssid: 0 })).toBe(0x8000);
    expect(fetch(world, { va: 2 ** 48 })).toMatchObject({ end: "BYPASS_BEYOND_OAS", event: Event.F_ADDR_SIZE });
  });

  it("with S1DSS 2 is number 0 without a SubstreamID, and number 0 is nobody else's", () => {
    const world = stage1World({ S1CDMax: 4, S1DSS: 2 });
    world.put(CD, TABLE, world.cdFields);
    world.put(CD, TABLE + CD_BYTES, world.cdFields);
    expect(fetch(world, { va: 0x1000 })).toEqual({ reads: [TABLE], end: "ok", event: 0 });
    const zero = { reads: [], end: "SSID_ZERO_RESERVED", event: Event.F_STREAM_DISABLED };
    expect(fetch(world, { va: 0x1000, ssid: 0 })).toEqual(zero);
    expect(fetch(world, { va: 0x1000, ssid: 1 }).reads).toEqual([TABLE + CD_BYTES]);
  });

  it.each([4, 6])("is none where Config is %i: a SubstreamID is refused", (Config) => {
    const world = new World();
    world.ste(1, { ...NESTED_STE, Config });
    expect(fetch(world, { va: 0, ssid: 0 })).toEqual({ ...REFUSED, end: "SSID_NO_STAGE1" });
    const without = new World({ IDR1: { SSIDSIZE: 0 } });
    without.ste(1, { ...NESTED_STE, Config });
    expect(fetch(without, { va: 0, ssid: 0 })).toEqual({ ...REFUSED, end: "SSID_UNSUPPORTED" });
  });
});

describe("two-level CD tables, IHI 0070 §5.2 (S1Fmt), §5.3", () => {
  it.each([
    [1, 6],
    [2, 10],
  ])("with S1Fmt %i index their leaf table by %i bits", (S1Fmt, bits) => {
    const world = stage1World({ S1CDMax: 14, S1Fmt });
    for (const ssid of [0, 1, 2 ** bits - 1, 2 ** bits, 3 * 2 ** bits + 5, 2 ** 14 - 1]) {
      const above = Math.floor(ssid / 2 ** bits);
      const leaf = 2 ** 33 + above * 2 ** 16;
      world.put(L1CD, TABLE + 8 * above, { V: 1, L2Ptr: leaf });
      const at = world.put(CD, leaf + (ssid % 2 ** bits) * CD_BYTES, world.cdFields);
      expect(fetch(world, { va: 0x1000, ssid })).toEqual({ reads: [TABLE + 8 * above, at], end: "ok", event: 0 });
    }
    expect(fetch(world, { va: 0x1000, ssid: 2 ** 14 })).toEqual({ ...REFUSED, end: "SSID_RANGE" });
  });

  it("use entry 0 of the first level alone where S1CDMax needs no more", () => {
    const world = stage1World({ S1CDMax: 3, S1Fmt: 1 });
    world.put(L1CD, TABLE, { V: 1, L2Ptr: 2 ** 33 });
    world.put(CD, 2 ** 33 + 7 * CD_BYTES, world.cdFields);
    expect(fetch(world, { va: 0x1000, ssid: 7 }).reads).toEqual([TABLE, 2 ** 33 + 7 * CD_BYTES]);
  });

  it("with reserved S1Fmt 3 are a linear table", () => {
    const world = stage1World({ S1CDMax: 8, S1Fmt: 3 });
    const at = world.put(CD, TABLE + 200 * CD_BYTES, world.cdFields);
    expect(fetch(world, { va: 0x1000, ssid: 200 }).reads).toEqual([at]);
  });

  it("refuse a SubstreamID whose L1CD is not valid, or points beyond the output size", () => {
    const world = stage1World({ S1CDMax: 8, S1Fmt: 1 });
    world.put(L1CD, TABLE, { V: 0, L2Ptr: 2 ** 33 });
    expect(fetch(world, { va: 0x1000, ssid: 1 })).toEqual({ ...REFUSED, reads: [TABLE], end: "L1CD_V" });
    world.put(L1CD, TABLE, { V: 1, L2Ptr: 2 ** 48 });
    expect(fetch(world, { va: 0x1000, ssid: 1 })).toEqual({ ...REFUSED, reads: [TABLE], end: "L1CD_L2PTR" });
  });

  it("are aligned: tables to their size or 64 bytes, leaf tables of S1Fmt 2 to 64 KiB", () => {
    for (const [S1CDMax, S1Fmt, l1Bytes, l2Bytes] of [
      [8, 1, 64, 4096],
      [12, 1, 512, 4096],
      [20, 1, 2 ** 17, 4096],
      [20, 2, 2 ** 13, 2 ** 16],
    ] as const) {
      const world = stage1World({ S1CDMax, S1Fmt, S1ContextPtr: TABLE + l1Bytes - 64 });
      const l2Ptr = 2 ** 33 + l2Bytes - 4096;
      world.put(L1CD, TABLE, { V: 1, L2Ptr: l2Ptr });
      world.put(CD, 2 ** 33, world.cdFields);
      expect([S1CDMax, fetch(world, { va: 0x1000, ssid: 0 })]).toEqual([
        S1CDMax,
        { reads: [TABLE, 2 ** 33], end: "ok", event: 0 },
      ]);
    }
    const world = stage1World({ S1CDMax: 10, S1ContextPtr: TABLE + 2 ** 16 - 64 });
    world.put(CD, TABLE, world.cdFields);
    expect(fetch(world, { va: 0x1000, ssid: 0 }).reads).toEqual([TABLE]);
  });
});

describe("a CD under stage 2", () => {
  /** Stream 1 is nested; guest address 0x10_0000 is the CD table's and nothing else is mapped. */
  function nested(): { world: World; stage2: TableBuilder; at: number } {
    const world = new World();
    const stage2 = new TableBuilder(vmsav8Format(12, false), new HostStore(world), 2, 2, 39);
    const at = world.allocate(4096);
    stage2.map(0x10_0000, 0, at, OPEN[2]);
    world.ste(1, { ...NESTED_STE, ...stage2Fields(stage2), S1ContextPtr: 0x10_0000, S1CDMax: 8, S1Fmt: 1 });
    return { world, stage2, at };
  }

  it("and its L1CD lie at guest addresses", () => {
    const { world, stage2, at } = nested();
    const leaf = world.allocate(4096);
    stage2.map(0x20_0000, 0, leaf, OPEN[2]);
    world.put(L1CD, at + 8, { V: 1, L2Ptr: 0x20_0000 });
    world.put(CD, leaf + CD_BYTES, { ...PLAIN_CD, EPD0: 1 });
    expect(fetch(world, { va: 0x1000, ssid: 65 })).toMatchObject({ reads: [at + 8, leaf + CD_BYTES], end: "EPD" });
  });

  it("is read as data, unprivileged or not: a fault has CLASS CD and the structure's address, §7.3.13", () => {
    const { world, stage2, at } = nested();
    const cases: readonly [() => void, number, string][] = [
      [() => world.put(L1CD, at, { V: 1, L2Ptr: 0x20_0000 }), Event.F_TRANSLATION, "INVALID"],
      [() => stage2.map(0x20_0000, 0, 0x5000_0000, { ...OPEN[2], AF: 0 }), Event.F_ACCESS, "ACCESS_FLAG"],
      [() => stage2.map(0x20_0000, 0, 0x5000_0000, { ...OPEN[2], S2AP: 2 }), Event.F_PERMISSION, "S2_FETCH_READ"],
      [() => stage2.map(0x20_0000, 0, 2 ** 48 - 4096, OPEN[2]), Event.F_CD_FETCH, "CD_FETCH"],
    ];
    for (const [change, event, reason] of cases) {
      change();
      const t = world.translate({ va: 0x1000, ssid: 1, write: true });
      expect([t.event, REASONS[t.reason]!.id]).toEqual([event, reason]);
      if (event === Event.F_CD_FETCH) {
        expect([t.fetchHi * 2 ** 32 + (t.fetchLo >>> 0), t.class]).toEqual([2 ** 48 - 4096 + CD_BYTES, EventClass.IN]);
      } else {
        expect([t.stage, t.class, t.ipaHi * 2 ** 32 + t.ipaLo]).toEqual([2, EventClass.CD, 0x20_0000 + CD_BYTES]);
      }
    }
    // Write permission only matters to writes; a page that may be read is enough.
    stage2.map(0x20_0000, 0, 0x5000_0000, { ...OPEN[2], S2AP: 1, XN: 2 });
    world.put(CD, 0x5000_0000 + CD_BYTES, { ...PLAIN_CD, EPD0: 1 });
    expect(fetch(world, { va: 0x1000, ssid: 1, write: true }).end).toBe("EPD");
  });

  it("beyond the guest address size is a fault of stage 2, whole address and all, §3.4.3", () => {
    const { world, at } = nested();
    world.put(L1CD, at, { V: 1, L2Ptr: 2 ** 51 });
    const t = world.translate({ va: 0x1000, ssid: 1 });
    expect([t.event, REASONS[t.reason]!.id, t.class]).toEqual([Event.F_TRANSLATION, "IPA_RANGE", EventClass.CD]);
    expect((t.ipaHi >>> 0) * 2 ** 32 + t.ipaLo).toBe(2 ** 51 + CD_BYTES);
  });
});
