/**
 * Walks for tests of drawings: each is a whole answer as the engine gives it, with made-up tables whose addresses are
 * those of a small guest. The traces are packed through the protocol's own layout.
 */

import { R } from "../../arch/smmuv3/reasons.ts";
import { high, low } from "../../base/halves.ts";
import type { Outcome, StageSummary, WalkAnswer } from "../../protocol/engine.ts";
import { TRACE, TRACE_WORDS, TraceHit, TraceKind, TracePhase, TraceVerdict } from "../../protocol/trace.ts";
import { levelShift } from "../geometry/trace_step.ts";

type Halves = "input" | "at" | "pa" | "value" | "out";
type Small = Exclude<keyof typeof TRACE.f, Halves | "_511_452">;
type Record = { readonly [K in Small]?: number } & { readonly [K in Halves]?: bigint };

/** Pack records as the engine would. */
export function packTrace(records: readonly Record[]): Uint32Array {
  const words = new Uint32Array(records.length * TRACE_WORDS);
  records.forEach((record, i) => {
    for (const [name, value] of Object.entries(record)) {
      const field = TRACE.f[name as keyof typeof TRACE.f];
      if (typeof value === "bigint") field.set(words, i * TRACE_WORDS, low(value), high(value));
      else field.set(words, i * TRACE_WORDS, value);
    }
  });
  return words;
}

/** A stage of a sample: its shape, a table address for each level, and the level whose entry is the leaf. */
const ASID = { name: "ASID", value: 0x21 };
const VMID = { name: "VMID", value: 1 };

interface Stage {
  readonly summary: StageSummary;
  readonly tables: readonly bigint[];
  readonly leafLevel: number;
}

function stage(from: Partial<StageSummary>, tables: readonly bigint[], leafLevel = 3): Stage {
  const summary: StageSummary = {
    granuleLg2: 12,
    inputBits: 48,
    startLevel: 4 - tables.length,
    levels: tables.length,
    root: tables[0]!,
    concatenated: 1,
    name: "Stage 2",
    base: "S2TTB",
    ...from,
  };
  return { summary, tables, leafLevel };
}

const STAGE2 = stage({ inputBits: 44 }, [0x4156d000n, 0x41539000n, 0x414b5000n, 0x41527000n]);
const STAGE1 = stage({}, [0x40803000n, 0x40806000n, 0x40807000n, 0x40808000n]);

/** Where the sample's stage 2 puts an IPA. */
const behind = (ipa: bigint): bigint => ipa - 0x40000000n + 0x41000000n;

interface Recorder {
  readonly records: Record[];
  readonly add: (r: Record) => void;
  readonly access: () => number;
}

function recorder(): Recorder {
  const records: Record[] = [];
  let access = 0;
  return { records, add: (r) => records.push(r), access: () => ++access };
}

function indexAt(input: bigint, level: number, s: StageSummary): number {
  const lo = levelShift(3 - level, s.granuleLg2);
  const hi = level === s.startLevel ? s.inputBits : lo + s.granuleLg2 - 3;
  return Number((input >> BigInt(lo)) & ((1n << BigInt(hi - lo)) - 1n));
}

/** Records of one table walk; `reach` turns a table entry's address into the physical one, or null when it cannot. */
function walkStage(
  into: Recorder,
  number: 1 | 2,
  s: Stage,
  input: bigint,
  out: bigint,
  where: { readonly phase: number; readonly row?: number },
  reach: (at: bigint, row: number) => bigint | null,
  stop: { readonly level: number; readonly verdict: number; readonly reason: number } | null = null,
): boolean {
  for (let level = s.summary.startLevel; level <= s.leafLevel; level++) {
    const i = level - s.summary.startLevel;
    const entry = indexAt(input, level, s.summary);
    const at = s.tables[i]! + BigInt(entry * 8);
    const row = where.row ?? i;
    const pa = reach(at, row);
    if (pa === null) return false;
    const leaf = level === s.leafLevel;
    const stopped = stop?.level === level ? stop : null;
    const next = leaf ? out & ~((1n << BigInt(levelShift(3 - level, s.summary.granuleLg2))) - 1n) : s.tables[i + 1]!;
    const attributes = leaf ? (number === 1 ? 0x0060000000000741n : 0x7fdn) : 3n;
    into.add({
      kind: TraceKind.Descriptor,
      phase: where.phase,
      stage: number,
      level: level + 1,
      verdict: stopped?.verdict ?? (leaf ? TraceVerdict.Done : TraceVerdict.Next),
      reason: stopped?.reason ?? 0,
      access: into.access(),
      row,
      sizeLg2: levelShift(leaf ? 3 - level : 2 - level, s.summary.granuleLg2),
      index: entry,
      input,
      at,
      pa,
      value: stopped !== null ? 0n : next | (leaf && level === 3 ? attributes | 2n : attributes),
      out: stopped !== null ? 0n : leaf ? out : next,
      permissions: leaf ? 3 : 7,
    });
    if (stopped !== null) return false;
  }
  return true;
}

const CONFIG = { phase: TracePhase.Config };
const STE_AT = 0x40bc0400n;

function readSte(into: Recorder, value: bigint, verdict: number = TraceVerdict.Next, reason = 0): void {
  const l1 = { kind: TraceKind.L1STD, access: into.access(), at: 0x40bb3000n, pa: 0x40bb3000n };
  into.add({ ...CONFIG, ...l1, value: 0x40bc0009n, out: 0x40bc0000n });
  const ste = { kind: TraceKind.STE, access: into.access(), index: 16, at: STE_AT, pa: STE_AT };
  into.add({ ...CONFIG, ...ste, value, verdict, reason, out: value & 0xfffffffffffc0n });
}

function readCd(into: Recorder, at: bigint, pa: bigint): void {
  const record = { kind: TraceKind.CD, access: into.access(), at, pa, value: 0x0021_e21f_8000_3510n };
  into.add({ ...CONFIG, ...record, verdict: TraceVerdict.Done, out: STAGE1.tables[0]! });
}

function output(into: Recorder, pa: bigint, row: number): void {
  const record = { kind: TraceKind.Output, phase: TracePhase.Output, verdict: TraceVerdict.Done, row };
  into.add({ ...record, out: pa, permissions: 3 });
}

function answer(into: Recorder, iova: bigint, outcome: Outcome, stages: Partial<WalkAnswer>): WalkAnswer {
  const of = (number: number): number =>
    into.records.filter((r) => r.kind === TraceKind.Descriptor && r.phase !== TracePhase.Config && r.stage === number)
      .length;
  const config = into.records.filter((r) => r.phase === TracePhase.Config && (r.access ?? 0) > 0).length;
  return {
    revision: 1,
    arch: "smmuv3",
    access: { sid: 0x10, ssid: null, iova, write: false, privileged: false, instruction: false },
    outcome,
    trace: packTrace(into.records),
    counts: { config, stage1: of(1), stage2: of(2) },
    stage1: null,
    stage2: null,
    tags: [],
    checks: [],
    combined: [],
    digest: "00000000",
    ...stages,
  };
}

const ok = (pa: bigint, sizeLg2 = 12): Outcome => ({ type: "ok", pa, permissions: 3, sizeLg2, bypass: false });

/** F_TRANSLATION as an event record, eight words. */
function translationFault(iova: bigint, ipa: bigint | null, reason: number): Outcome {
  const words = new Uint32Array([0x10, 0x10, 0, ipa === null ? 0x208 : 0x188, low(iova), high(iova), 0, 0]);
  if (ipa !== null) words.set([Number(ipa & 0xfffff000n), high(ipa)], 6);
  return { type: "fault", reason, event: { number: 0x10, name: "F_TRANSLATION", words, sid: 0x10, access: null } };
}

/** A nested walk; `stop` breaks stage 2 while it reaches for row `row`. */
function nested(
  iova: bigint,
  ipa: bigint,
  s1: Stage,
  s2: Stage,
  stop: { readonly row: number; readonly level: number; readonly verdict: number; readonly reason: number } | null,
  outcome: Outcome,
): WalkAnswer {
  const into = recorder();
  readSte(into, 0x4080000fn | 0xfn);
  const cd = 0x40800000n;
  walkStage(into, 2, s2, cd, behind(cd), CONFIG, (at) => at);
  readCd(into, cd, behind(cd));
  const through = (at: bigint, row: number): bigint | null => {
    const here = stop?.row === row ? stop : null;
    return walkStage(into, 2, s2, at, behind(at), { phase: TracePhase.Table, row }, (a) => a, here) ? behind(at) : null;
  };
  const passed = walkStage(into, 1, s1, iova, ipa, { phase: TracePhase.Table }, through);
  const last = s1.leafLevel - s1.summary.startLevel + 1;
  if (passed && walkStage(into, 2, s2, ipa, behind(ipa), { phase: TracePhase.Output, row: last }, (a) => a)) {
    output(into, behind(ipa), last);
  }
  return answer(into, iova, outcome, { stage1: s1.summary, stage2: s2.summary, tags: [ASID, VMID] });
}

/** Four levels under four levels, 24 accesses. */
export function nestedOk(): WalkAnswer {
  return nested(0x11f80n, 0x40123f80n, STAGE1, STAGE2, null, ok(0x41123f80n));
}

/** The records of `answer` that `keep` keeps, each marked with the cache it names; accesses are counted anew. */
function cached(answer: WalkAnswer, keep: (record: number) => number | null): WalkAnswer {
  const kept: Uint32Array[] = [];
  let access = 0;
  for (let record = 0; record < answer.trace.length / TRACE_WORDS; record++) {
    const hit = keep(record);
    if (hit === null) continue;
    const words = answer.trace.slice(record * TRACE_WORDS, (record + 1) * TRACE_WORDS);
    TRACE.f.hit.set(words, 0, hit);
    if (TRACE.f.access.get(words, 0) > 0) TRACE.f.access.set(words, 0, hit === TraceHit.None ? ++access : 0);
    kept.push(words);
  }
  const trace = new Uint32Array(kept.length * TRACE_WORDS);
  for (const [i, words] of kept.entries()) trace.set(words, i * TRACE_WORDS);
  return { ...answer, trace };
}

/** Configuration cached; walk caches go on from the last table of each stage, and stage 1's leaf was in a TLB page. */
export function nestedWalkCaches(): WalkAnswer {
  // Records: 7 of configuration, then 5 for each stage-1 level, 4 for the output, the output.
  const answer = cached(nestedOk(), (record) => {
    if (record === 1 || record === 6) return TraceHit.Config;
    if (record < 7) return null;
    const inRow = (record - 7) % 5;
    const row = Math.floor((record - 7) / 5);
    if (row < 3) return row === 2 && inRow === 4 ? TraceHit.Walk : null;
    if (inRow === 2 && row < 4) return TraceHit.Walk;
    if (row === 4 && inRow === 2) return TraceHit.Walk;
    return inRow < 2 ? null : TraceHit.None;
  });
  TRACE.f.update.set(answer.trace, (answer.trace.length / TRACE_WORDS - 2) * TRACE_WORDS, 3);
  return answer;
}

/** The TLB answers for the whole address. */
export function nestedTlbHit(): WalkAnswer {
  const last = nestedOk().trace.length / TRACE_WORDS - 1;
  return cached(nestedOk(), (record) => {
    if (record === 1 || record === 6) return TraceHit.Config;
    return record === last ? TraceHit.Tlb : null;
  });
}

/** Stage 2 has no entry for the level-3 table of stage 1: the walk stops at access 17. */
export function nestedTableFault(reason: number = R.INVALID): WalkAnswer {
  const s1 = stage({}, [0x40803000n, 0x40806000n, 0x40807000n, 0xc0808000n]);
  const stop = { row: 3, level: 1, verdict: TraceVerdict.Fault, reason };
  return nested(0x11f80n, 0x40123f80n, s1, STAGE2, stop, translationFault(0x11f80n, 0xc0808000n, reason));
}

/** A 1 GiB block at level 1 of stage 1 over 2 MiB blocks of stage 2: 11 accesses where 24 would be a full walk. */
export function nestedBlocks(): WalkAnswer {
  const s1 = stage({}, STAGE1.tables, 1);
  const s2 = stage({ inputBits: 44 }, STAGE2.tables, 2);
  return nested(0x8000123456n, 0x40123456n, s1, s2, null, ok(0x41123456n, 21));
}

/** The session lacks the memory that holds a level-2 table of stage 2. */
export function nestedUnknown(): WalkAnswer {
  const stop = { row: 1, level: 2, verdict: TraceVerdict.Unknown, reason: 0 };
  const outcome: Outcome = { type: "unknown", pa: 0x414b5020n, what: "stage 2 level 2 descriptor" };
  return nested(0x11f80n, 0x40123f80n, STAGE1, STAGE2, stop, outcome);
}

/** 64 KiB granules and 52 bits in both stages, every value long. */
export function nestedWide(): WalkAnswer {
  const tables1 = [0xf_ffff_ff80_0000n, 0xf_ffff_ff81_0000n, 0xf_ffff_ff82_0000n];
  const tables2 = [0xf_fff0_4156_0000n, 0xf_fff0_4153_0000n, 0xf_fff0_414b_0000n];
  const s1 = stage({ granuleLg2: 16, inputBits: 52 }, tables1);
  const s2 = stage({ granuleLg2: 16, inputBits: 52 }, tables2);
  return nested(0xd_2fae_beef_cafen, 0xe_ffff_dead_cafen, s1, s2, null, ok(0xf_0000_dead_cafen, 16));
}

/** Five levels under five levels: 4 KiB granules with 52 bits, 35 accesses. */
export function nestedDeep(): WalkAnswer {
  const s1 = stage({ inputBits: 52 }, [0x40801000n, ...STAGE1.tables]);
  const s2 = stage({ inputBits: 52 }, [0x41501000n, ...STAGE2.tables]);
  return nested(0xf_0000_0001_1f80n, 0x40123f80n, s1, s2, null, ok(0x41123f80n));
}

/** Stage 1 alone with 16 KiB granules, the upper half of the address space. */
export function stageOneOnly(): WalkAnswer {
  const into = recorder();
  const s1 = stage({ granuleLg2: 14, inputBits: 48, name: "Stage 1", base: "TTB1" }, [
    0x48000000n,
    0x48004000n,
    0x48008000n,
    0x4800c000n,
  ]);
  readSte(into, 0x4080000bn);
  readCd(into, 0x40800000n, 0x40800000n);
  const iova = 0xffff_ffff_ff01_2345n;
  walkStage(into, 1, s1, iova, 0x5_4321_2345n, { phase: TracePhase.Table }, (at) => at);
  output(into, 0x5_4321_2345n, 4);
  return answer(into, iova, ok(0x5_4321_2345n, 14), { stage1: s1.summary, tags: [{ name: "ASID", value: 7 }] });
}

/** Stage 2 alone: 40 bits of input, two concatenated tables at level 1. */
export function stageTwoConcatenated(): WalkAnswer {
  const into = recorder();
  const s2 = stage({ inputBits: 40, concatenated: 2 }, [0x41538000n, 0x414b5000n, 0x41527000n]);
  readSte(into, 0xdn);
  const iova = 0x80_4012_3f80n;
  walkStage(into, 2, s2, iova, 0x41123f80n, { phase: TracePhase.Output, row: 0 }, (at) => at);
  output(into, 0x41123f80n, 0);
  return answer(into, iova, ok(0x41123f80n), { stage2: s2.summary, tags: [VMID] });
}

/** An STE that the SMMU refuses: nothing after it is read. */
export function badSte(reason: number = R.STE_S2SL0): WalkAnswer {
  const into = recorder();
  readSte(into, 0x4080000en, TraceVerdict.Fault, reason);
  const words = new Uint32Array([0x04, 0x10, 0, 0, 0, 0, 0, 0]);
  const event = { number: 0x04, name: "C_BAD_STE", words, sid: 0x10, access: null };
  return answer(into, 0x11f80n, { type: "fault", reason, event }, {});
}

/** A stream that bypasses both stages. */
export function bypass(): WalkAnswer {
  const into = recorder();
  readSte(into, 0x9n, TraceVerdict.Done);
  output(into, 0x8000_1000n, 0);
  return answer(into, 0x8000_1000n, { type: "ok", pa: 0x8000_1000n, permissions: 7, sizeLg2: 12, bypass: true }, {});
}

/** Stage 2 refuses the fetch of the CD itself. */
export function cdFetchFault(reason: number = R.INVALID): WalkAnswer {
  const into = recorder();
  readSte(into, 0x4080000fn);
  const stop = { level: 2, verdict: TraceVerdict.Fault, reason };
  walkStage(into, 2, STAGE2, 0x40800000n, 0n, CONFIG, (at) => at, stop);
  const outcome = translationFault(0x11f80n, 0x40800000n, reason);
  return answer(into, 0x11f80n, outcome, { stage2: STAGE2.summary, tags: [VMID] });
}

/** Stage 1's input lies outside both table ranges: refused before the first table access. */
export function rangeCheck(reason: number = R.VA_RANGE): WalkAnswer {
  const into = recorder();
  readSte(into, 0x4080000bn);
  readCd(into, 0x40800000n, 0x40800000n);
  const iova = 0x0001_0000_0000_0000n;
  const check = { kind: TraceKind.Check, phase: TracePhase.Table, stage: 1, verdict: TraceVerdict.Fault, reason };
  into.add({ ...check, input: iova });
  return answer(into, iova, translationFault(iova, null, reason), { stage1: STAGE1.summary, tags: [ASID] });
}
