/** One request looked at: its records, its outcome, and everything a picture of it needs. */

import { End } from "../../../engine/common/request.ts";
import type { TableRoot } from "../../../engine/common/table_root.ts";
import { VtdTraceRecorder } from "../../../engine/vtd/trace_recorder.ts";
import type { StageSummary, WalkAnswer } from "../../../protocol/engine.ts";
import type { Access } from "../../../protocol/machine.ts";
import { join } from "../../halves.ts";
import { checksOf } from "../../inspect/checks.ts";
import { countsOf, digestOf } from "../../inspect/walk_answer.ts";
import type { VtdUnit } from "../vtd_unit.ts";
import { alsoFailing } from "./also_failing.ts";
import { CHECK_TERMS } from "./check_terms.ts";
import { contextOf, tagsOf } from "./context.ts";
import { outcomeOf } from "./outcome.ts";
import { vtdLevel } from "./tables.ts";

function stageSummary(name: string, root: TableRoot, base: string): StageSummary {
  return {
    name,
    granuleLg2: root.fmt!.granuleLg2,
    inputBits: root.inputBits,
    startLevel: vtdLevel(root.level),
    levels: root.level + 1,
    root: join(root.rootHi, root.rootLo),
    concatenated: 1,
    base,
  };
}

/** Translate without any effect on the machine, recording everything. */
export function inspectWalk(unit: VtdUnit, access: Access, revision: number): WalkAnswer {
  const recorder = new VtdTraceRecorder();
  recorder.begin(0);
  const t = unit.translate(access, recorder);
  const outcome = outcomeOf(t, unit.control);
  const trace = recorder.take();
  const { ok, config } = contextOf(unit, access.sid, access.ssid);
  const on = unit.remapper.state.enabled && ok;
  const also = t.end === End.Fault ? alsoFailing(unit, t, config) : [];
  const stage1 = on && config.first ? stageSummary("First stage", config.fs, "FSPTPTR") : null;
  const stage2 = on && config.second ? stageSummary("Second stage", config.ss, "SSPTPTR") : null;
  return {
    revision,
    arch: unit.arch,
    access,
    outcome,
    trace,
    counts: countsOf(trace),
    stage1,
    stage2,
    tags: on ? tagsOf(config) : [],
    checks: checksOf(trace, { stage1, stage2 }, also, CHECK_TERMS),
    digest: digestOf(trace, outcome),
  };
}
