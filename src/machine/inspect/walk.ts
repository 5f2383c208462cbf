/**
 * One translation looked at: its records, its outcome, the counts, and a digest that stands for the picture.
 */
import { eventByNumber } from "../../arch/smmuv3/events.ts";
import { Digest } from "../../base/digest.ts";
import { EVENT_WORDS, encodeEvent } from "../../engine/smmuv3/event_record.ts";
import type { TableBase } from "../../engine/smmuv3/stream_config.ts";
import { SmmuTraceRecorder } from "../../engine/smmuv3/trace_recorder.ts";
import { End, type Translation } from "../../engine/smmuv3/translation.ts";
import { armLevel } from "../../pagetable/formats/vmsav8.ts";
import type { EventRecord, Outcome, StageSummary, WalkAnswer } from "../../protocol/engine.ts";
import type { Access } from "../../protocol/machine.ts";
import { TRACE, TRACE_WORDS, TracePhase } from "../../protocol/trace.ts";
import type { Machine } from "../machine.ts";
import { alsoFailing } from "./also_failing.ts";
import { checksOf } from "./checks.ts";
import { contextOf } from "./context.ts";

const f = TRACE.f;
const join = (hi: number, lo: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

/** An event record as a view gets it. */
export function eventRecord(words: Uint32Array, from = 0): EventRecord {
  const number = words[from]! & 0xff;
  const name = eventByNumber(number)?.name ?? `event 0x${number.toString(16).padStart(2, "0")}`;
  return { number, name, words: words.slice(from, from + EVENT_WORDS) };
}

function outcomeOf(t: Translation): Outcome {
  switch (t.end) {
    case End.Ok:
      return {
        type: "ok",
        pa: join(t.paHi, t.paLo),
        permissions: t.permissions1 & t.permissions2,
        sizeLg2: Math.min(t.sizeLg2Stage1, t.sizeLg2Stage2),
        bypass: t.bypass,
      };
    case End.Fault: {
      const words = new Uint32Array(EVENT_WORDS);
      encodeEvent(t, words, 0);
      return { type: "fault", event: eventRecord(words), reason: t.reason };
    }
    case End.Abort:
      return { type: "abort", reason: t.reason };
    case End.Unknown: {
      const pa = join(t.fetchHi, t.fetchLo);
      return { type: "unknown", pa, what: `The session does not hold physical address 0x${pa.toString(16)}.` };
    }
  }
}

function stageSummary(base: TableBase, which: 0 | 1): StageSummary {
  return {
    granuleLg2: base.fmt!.granuleLg2,
    inputBits: base.inputBits,
    startLevel: armLevel(base.level),
    levels: base.level + 1,
    root: join(base.rootHi, base.rootLo),
    concatenated: base.concatenated,
    base: which,
  };
}

/** Count accesses: to configuration (with stage 2 beneath it), and to tables for the address itself. */
function countsOf(trace: Uint32Array): WalkAnswer["counts"] {
  let [config, stage1, stage2] = [0, 0, 0];
  for (let at = 0; at < trace.length; at += TRACE_WORDS) {
    if (f.access.get(trace, at) === 0) continue;
    if (f.phase.get(trace, at) === TracePhase.Config) config++;
    else if (f.stage.get(trace, at) === 1) stage1++;
    else stage2++;
  }
  return { config, stage1, stage2 };
}

function digestOf(trace: Uint32Array, outcome: Outcome): string {
  const digest = new Digest().words(trace).text(outcome.type);
  if (outcome.type === "ok") digest.number(Number(outcome.pa)).word(outcome.permissions).word(outcome.sizeLg2);
  if (outcome.type === "fault") digest.words(outcome.event.words).word(outcome.reason);
  if (outcome.type === "abort") digest.word(outcome.reason);
  if (outcome.type === "unknown") digest.number(Number(outcome.pa));
  return digest.hex();
}

/** Translate without any effect on the machine, recording everything. */
export function inspectWalk(machine: Machine, access: Access, revision: number): WalkAnswer {
  const recorder = new SmmuTraceRecorder();
  recorder.begin(0);
  const t = machine.translate(access, recorder);
  const outcome = outcomeOf(t);
  const trace = recorder.take();
  const on = machine.smmu.registers.field("SMMU_CR0", "SMMUEN") === 1;
  const context = contextOf(machine, access.sid, access.ssid);
  const { config } = context;
  const also = t.end === End.Ok || t.end === End.Unknown ? [] : alsoFailing(machine, t, config, trace);
  const upper = context.ok && config.twoHalves && ((access.iova >> 55n) & 1n) === 1n;
  const half = upper ? config.ttb1 : config.ttb0;
  const stage1 = on && context.ok && config.stage1 && !half.disabled ? stageSummary(half, upper ? 1 : 0) : null;
  const stage2 = on && config.stage2 && config.s2.fmt !== null ? stageSummary(config.s2, 0) : null;
  return {
    revision,
    access,
    outcome,
    trace,
    counts: countsOf(trace),
    stage1,
    stage2,
    vmid: stage2 === null ? null : config.vmid,
    asid: stage1 === null ? null : config.asid,
    checks: checksOf(trace, { stage1, stage2 }, also),
    digest: digestOf(trace, outcome),
  };
}
