import { describe, expect, it } from "vitest";
import { REASONS } from "../../arch/smmuv3/reasons.ts";
import { TRACE, TRACE_WORDS, TraceKind, TraceVerdict } from "../../protocol/trace.ts";
import { randomNested } from "./testing/random_nested.ts";
import { noise, type RandomWorld, randomConfiguration } from "./testing/random_world.ts";
import { SmmuTraceRecorder } from "./trace_recorder.ts";
import { End, Translation } from "./translation.ts";

const FIELDS = Object.keys(new Translation()) as (keyof Translation)[];
const answer = (t: Translation): unknown[] => FIELDS.map((name) => t[name]);
const f = TRACE.f;

/** What is wrong with the records of a translation that ended as `t` says; null for nothing. */
function flaw(t: Translation, trace: Uint32Array): string | null {
  const count = trace.length / TRACE_WORDS;
  if (count === 0) return "there is no record";
  let access = 0;
  let row = 0;
  for (let i = 0; i < count; i++) {
    const at = i * TRACE_WORDS;
    const [kind, ordinal, verdict] = [f.kind.get(trace, at), f.access.get(trace, at), f.verdict.get(trace, at)];
    const isAccess = kind !== TraceKind.Output && kind !== TraceKind.Check;
    if (ordinal !== (isAccess ? ++access : 0)) return `record ${i} is access ${ordinal}`;
    if (f.row.get(trace, at) < row) return `record ${i} goes back to row ${f.row.get(trace, at)}`;
    row = f.row.get(trace, at);
    if (REASONS[f.reason.get(trace, at)] === undefined) return `record ${i} has no reason`;
    const ends = verdict === TraceVerdict.Fault || verdict === TraceVerdict.Unknown;
    if (ends && i !== count - 1) return `record ${i} ends the translation, and others follow`;
  }
  const last = (count - 1) * TRACE_WORDS;
  const verdict = f.verdict.get(trace, last);
  if (t.end === End.Ok) {
    const [hi, lo] = [f.out.getHi(trace, last) | 0, f.out.get(trace, last) | 0];
    if (f.kind.get(trace, last) !== TraceKind.Output || hi !== (t.paHi | 0) || lo !== (t.paLo | 0)) return "no output";
    return verdict === TraceVerdict.Done ? null : `the output has verdict ${verdict}`;
  }
  if (t.end === End.Unknown) return verdict === TraceVerdict.Unknown ? null : `unknown memory has verdict ${verdict}`;
  if (verdict !== TraceVerdict.Fault) return `a fault has verdict ${verdict}`;
  return f.reason.get(trace, last) === t.reason ? null : `reason ${f.reason.get(trace, last)} is not ${t.reason}`;
}

describe.each([
  ["nested tables of 4 KiB", randomNested, 25],
  ["any granule, level and stage", randomConfiguration, 25],
  ["noise", noise, 15],
] as const)("a trace of %s", (_, make: (seed: number) => RandomWorld, worlds) => {
  it.each([1, 5001, 128383])("leaves the outcome as it is and tells it, from seed %i", (seed) => {
    const recorder = new SmmuTraceRecorder();
    const wrong: unknown[] = [];
    const ends = new Set<End>();
    const reasons = new Set<number>();
    for (let n = 0; n < worlds; n++) {
      const { world, request, damage } = make(seed + n);
      for (let i = 0; i < 40; i++) {
        if (i % 5 === 4) damage();
        const asked = request();
        const quiet = answer(world.translate(asked));
        recorder.begin(0);
        const t = world.translate(asked, recorder);
        const told = answer(t);
        ends.add(t.end);
        reasons.add(t.reason);
        const field = FIELDS.find((__, k) => quiet[k] !== told[k]);
        const bad = field ?? flaw(t, recorder.take());
        if (bad !== null) wrong.push({ seed: seed + n, i, asked, bad, reason: REASONS[t.reason]?.id });
      }
    }
    expect(wrong).toEqual([]);
    expect(ends.size).toBeGreaterThanOrEqual(3);
    expect(reasons.size).toBeGreaterThan(8);
  });
});
