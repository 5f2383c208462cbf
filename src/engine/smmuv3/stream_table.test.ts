import { describe, expect, it } from "vitest";
import { REASONS } from "../../arch/smmuv3/reasons.ts";
import { L1STD, STE } from "../../arch/smmuv3/ste.ts";
import { xorshift32 } from "../../base/rng.ts";
import { TRACE, TRACE_WORDS, TraceKind } from "../../protocol/trace.ts";
import { Event } from "./event_record.ts";
import { readStreamTable, spanReason } from "./stream_table.ts";
import { type Fields, STREAM_TABLE, World } from "./testing/world.ts";
import { SmmuTraceRecorder } from "./trace_recorder.ts";
import { End } from "./translation.ts";

const STE_BYTES = STE.bits / 8;
/** Bypass: a stream that is reached passes with its address unchanged. */
const BYPASS: Fields = { V: 1, Config: 4 };

/** Addresses of the L1STD and STE that the lookup of a stream read, and how it ended. */
function lookup(world: World, sid: number): { reads: [number, number][]; end: string; event: number } {
  const recorder = new SmmuTraceRecorder();
  recorder.begin(0);
  const t = world.translate({ sid, va: 0x1000 }, recorder);
  const trace = recorder.take();
  const reads: [number, number][] = [];
  for (let at = 0; at < trace.length; at += TRACE_WORDS) {
    const kind = TRACE.f.kind.get(trace, at);
    if (kind !== TraceKind.L1STD && kind !== TraceKind.STE) continue;
    reads.push([kind, TRACE.f.pa.getHi(trace, at) * 2 ** 32 + TRACE.f.pa.get(trace, at)]);
  }
  return { reads, end: t.end === End.Ok ? "ok" : REASONS[t.reason]!.id, event: t.event };
}

const linear = (log2Size: number, more: Readonly<Record<string, Fields>> = {}): World =>
  new World({ ...more, STRTAB_BASE_CFG: { LOG2SIZE: log2Size } });

describe("a linear stream table, IHI 0070 §3.3.1", () => {
  it("has the STE of stream n at n times 64 bytes", () => {
    const world = linear(8);
    for (const sid of [0, 1, 2, 77, 255]) {
      world.put(STE, STREAM_TABLE + sid * STE_BYTES, BYPASS);
      expect(lookup(world, sid)).toEqual({
        reads: [[TraceKind.STE, STREAM_TABLE + sid * STE_BYTES]],
        end: "ok",
        event: 0,
      });
    }
    expect(lookup(world, 3)).toMatchObject({ end: "STE_V", event: Event.C_BAD_STE });
  });

  it.each([0, 1, 5, 16])("of 2^%i entries ends there, without a read", (log2Size) => {
    const world = linear(log2Size);
    for (const sid of [2 ** log2Size, 2 ** log2Size + 1, 0xffffffff]) {
      expect(lookup(world, sid)).toEqual({ reads: [], end: "SID_RANGE", event: Event.C_BAD_STREAMID });
    }
    expect(lookup(world, 2 ** log2Size - 1).reads).toHaveLength(1);
  });

  it("has no more streams than IDR1.SIDSIZE bits give, §6.3.25", () => {
    const world = linear(8, { IDR1: { SIDSIZE: 4 } });
    expect(lookup(world, 15).reads).toEqual([[TraceKind.STE, STREAM_TABLE + 15 * STE_BYTES]]);
    expect(lookup(world, 16)).toMatchObject({ end: "SID_RANGE", reads: [] });
  });

  it("with 2^32 entries takes every StreamID", () => {
    const world = new World(
      { IDR1: { SIDSIZE: 32 }, STRTAB_BASE: { ADDR: 2 ** 39 }, STRTAB_BASE_CFG: { LOG2SIZE: 32 } },
      { zero: [[2 ** 39, 2 ** 39]] },
    );
    world.put(STE, 2 ** 39 + 0xffffffff * STE_BYTES, BYPASS);
    expect(lookup(world, 0xffffffff).end).toBe("ok");
  });

  it("is aligned to its size by the SMMU, by the literal LOG2SIZE, §6.3.24", () => {
    for (const [log2Size, sidSize] of [
      [8, 16],
      [10, 4],
      [26, 16],
      [30, 8],
    ] as const) {
      const world = linear(log2Size, { IDR1: { SIDSIZE: sidSize }, STRTAB_BASE: { ADDR: 2 ** 51 - 64 } });
      const { baseHi, baseLo } = readStreamTable(world.registers, world.smmu.caps);
      expect(baseHi * 2 ** 32 + baseLo).toBe(2 ** 51 - 2 ** (log2Size + 6));
    }
  });

  it.each([46, 47, 57, 58, 63])("of 2^%i entries, larger than any address, starts at 0", (log2Size) => {
    const world = linear(log2Size, { STRTAB_BASE: { ADDR: 2 ** 51 - 64 } });
    const { baseHi, baseLo } = readStreamTable(world.registers, world.smmu.caps);
    expect([baseHi, baseLo]).toEqual([0, 0]);
  });

  it("is what FMT says where ST_LEVEL offers nothing else, and for reserved FMT, §6.3.25", () => {
    for (const [stLevel, FMT, split] of [
      [0, 1, null],
      [1, 0, null],
      [1, 1, 6],
      [1, 2, null],
      [1, 3, null],
    ] as const) {
      const world = new World({ IDR0: { ST_LEVEL: stLevel }, STRTAB_BASE_CFG: { LOG2SIZE: 8, FMT, SPLIT: 6 } });
      expect(readStreamTable(world.registers, world.smmu.caps).split).toBe(split);
    }
  });
});

/** A two-level table whose level-2 arrays stand at 2^32 and up. */
function twoLevel(SPLIT: number, log2Size = 16, more: Readonly<Record<string, Fields>> = {}): World {
  return new World({ ...more, STRTAB_BASE_CFG: { FMT: 1, SPLIT, LOG2SIZE: log2Size } });
}

const ARRAYS = 2 ** 32;

describe("a two-level stream table, IHI 0070 §3.3.1", () => {
  it.each([
    [6, 6],
    [8, 8],
    [10, 10],
    // Reserved values behave as 6 (§6.3.25).
    [0, 6],
    [7, 6],
    [9, 6],
    [11, 6],
    [31, 6],
  ])("with SPLIT %i takes %i bits of the StreamID for the array", (SPLIT, split) => {
    const world = twoLevel(SPLIT);
    for (const sid of [0, 1, 2 ** split - 1, 2 ** split, 5 * 2 ** split + 3, 0xffff]) {
      const above = Math.floor(sid / 2 ** split);
      const array = ARRAYS + above * 2 ** 16;
      world.put(L1STD, STREAM_TABLE + 8 * above, { Span: split + 1, L2Ptr: array });
      world.put(STE, array + (sid % 2 ** split) * STE_BYTES, BYPASS);
      expect(lookup(world, sid)).toEqual({
        reads: [
          [TraceKind.L1STD, STREAM_TABLE + 8 * above],
          [TraceKind.STE, array + (sid % 2 ** split) * STE_BYTES],
        ],
        end: "ok",
        event: 0,
      });
    }
    expect(lookup(world, 0x10000)).toEqual({ reads: [], end: "SID_RANGE", event: Event.C_BAD_STREAMID });
  });

  it.each(Array.from({ length: 32 }, (_, span) => span))("gives Span %i the STEs that §5.1 gives it", (span) => {
    for (const split of [6, 8, 10]) {
      const entries = span === 0 || span > 11 || span > split + 1 ? 0 : 2 ** (span - 1);
      for (const below of [0, 1, entries - 1, entries, 2 ** split - 1].filter((n) => n >= 0 && n < 2 ** split)) {
        const expected = below < entries ? "NONE" : entries === 0 ? "L1STD_SPAN" : "L1STD_BEYOND";
        expect([split, below, REASONS[spanReason(span, below, split)]!.id]).toEqual([split, below, expected]);
      }
    }
  });

  it("ends a stream that its L1STD does not reach with C_BAD_STREAMID, §7.3.3", () => {
    const world = twoLevel(8);
    const at = world.put(L1STD, STREAM_TABLE, { Span: 3, L2Ptr: ARRAYS });
    expect(lookup(world, 4)).toMatchObject({ end: "L1STD_BEYOND", event: Event.C_BAD_STREAMID });
    expect(lookup(world, 3).reads).toEqual([
      [TraceKind.L1STD, at],
      [TraceKind.STE, ARRAYS + 3 * STE_BYTES],
    ]);
    expect(lookup(world, 0x100)).toMatchObject({ end: "L1STD_SPAN", event: Event.C_BAD_STREAMID });
  });

  it.each([1, 2, 7, 11])("takes the pointer bits below an array of Span %i as zero, §5.1", (span) => {
    const world = twoLevel(10);
    const size = 2 ** (span - 1) * STE_BYTES;
    world.put(L1STD, STREAM_TABLE, { Span: span, L2Ptr: ARRAYS + 2 * size - 64 });
    expect(lookup(world, 0).reads[1]).toEqual([TraceKind.STE, ARRAYS + size]);
  });

  it("is aligned to the larger of 64 bytes and its first level, §6.3.24", () => {
    for (const [SPLIT, log2Size, align] of [
      [6, 6, 64],
      [6, 9, 64],
      [6, 12, 2 ** 9],
      [10, 16, 2 ** 9],
      [8, 32, 2 ** 27],
      [6, 48, 2 ** 45],
    ] as const) {
      const world = twoLevel(SPLIT, log2Size, { STRTAB_BASE: { ADDR: 2 ** 51 - 64 } });
      const { baseHi, baseLo } = readStreamTable(world.registers, world.smmu.caps);
      expect([log2Size, baseHi * 2 ** 32 + baseLo]).toEqual([log2Size, 2 ** 51 - align]);
    }
  });

  it("smaller than its SPLIT has one descriptor, and no stream from 2^LOG2SIZE on, §6.3.25", () => {
    const world = twoLevel(8, 3);
    world.put(L1STD, STREAM_TABLE, { Span: 9, L2Ptr: ARRAYS });
    world.put(STE, ARRAYS + 7 * STE_BYTES, BYPASS);
    expect(lookup(world, 7).end).toBe("ok");
    expect(lookup(world, 8)).toMatchObject({ end: "SID_RANGE", reads: [] });
  });

  it.each([1, 2, 128383])("reads what a linear table would say, seed %i", (seed) => {
    const next = xorshift32(seed);
    const two = twoLevel(6, 10);
    const one = linear(10);
    for (let i = 0; i < 16; i++) {
      two.put(L1STD, STREAM_TABLE + 8 * i, { Span: 7, L2Ptr: ARRAYS + i * 4096 });
      for (let n = 0; n < 8; n++) {
        const sid = i * 64 + (next() % 64);
        const fields = { V: next() % 4 === 0 ? 0 : 1, Config: next() % 5 };
        two.put(STE, ARRAYS + sid * STE_BYTES, fields);
        one.put(STE, STREAM_TABLE + sid * STE_BYTES, fields);
      }
    }
    for (let sid = 0; sid < 1030; sid++) {
      const [a, b] = [lookup(two, sid), lookup(one, sid)];
      expect([sid, a.end, a.event]).toEqual([sid, b.end, b.event]);
    }
  });
});

describe("a stream that is out of range", () => {
  it.each([
    [0, End.Abort, 0],
    [1, End.Fault, Event.C_BAD_STREAMID],
  ])("with RECINVSID %i is terminated; the event is recorded or not, §6.3.12", (RECINVSID, end, event) => {
    const world = new World({ CR2: { RECINVSID } });
    const t = world.translate({ sid: 256, va: 0 });
    expect([t.end, t.event]).toEqual([end, event]);
    const two = twoLevel(6, 16, { CR2: { RECINVSID } });
    expect(two.translate({ sid: 1, va: 0 }).end).toBe(end);
  });
});

describe("a stream table where nothing answers", () => {
  it("ends with F_STE_FETCH at the address of the structure, §7.3.4", () => {
    const world = new World({ STRTAB_BASE: { ADDR: 2 ** 44 } });
    const t = world.translate({ sid: 5, va: 0 });
    expect([t.event, t.fetchHi * 2 ** 32 + t.fetchLo]).toEqual([Event.F_STE_FETCH, 2 ** 44 + 5 * STE_BYTES]);
    const two = twoLevel(6);
    two.put(L1STD, STREAM_TABLE + 8, { Span: 7, L2Ptr: 2 ** 44 });
    const u = two.translate({ sid: 66, va: 0 });
    expect([u.event, u.fetchHi * 2 ** 32 + u.fetchLo]).toEqual([Event.F_STE_FETCH, 2 ** 44 + 2 * STE_BYTES]);
  });

  it("has no outcome where the session lacks the memory, and names it", () => {
    const world = new World({ STRTAB_BASE: { ADDR: 2 ** 44 } }, { outside: "unknown" });
    const t = world.translate({ sid: 5, va: 0 });
    expect([t.end, t.fetchHi * 2 ** 32 + t.fetchLo]).toEqual([End.Unknown, 2 ** 44 + 5 * STE_BYTES]);
  });
});
