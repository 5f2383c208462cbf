/** One request looked at: its records, its outcome, and everything a picture of it needs. */
import { R } from "../../../arch/vtd/reasons.ts";
import { End } from "../../../engine/common/request.ts";
import { VtdTraceRecorder } from "../../../engine/vtd/trace_recorder.ts";
import type { WalkAnswer } from "../../../protocol/engine.ts";
import type { Access } from "../../../protocol/machine.ts";
import { probing, rightsOf, snoopingOf } from "../../inspect/combination.ts";
import { stageSummary, type ToldWalk, walkAnswer } from "../../inspect/walk_answer.ts";
import type { VtdUnit } from "../vtd_unit.ts";
import { alsoFailing } from "./also_failing.ts";
import { CHECK_TERMS } from "./check_terms.ts";
import { contextOf, tagsOf } from "./context.ts";
import { outcomeOf } from "./outcome.ts";
import { vtdLevel } from "./tables.ts";

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
  const stage1 = on && config.first ? stageSummary("First stage", config.fs, "FSPTPTR", vtdLevel) : null;
  const stage2 = on && config.second ? stageSummary("Second stage", config.ss, "SSPTPTR", vtdLevel) : null;
  const tags = on ? tagsOf(config) : [];
  const by = config.scalable ? "PGSNP of the PASID table entry" : "SNP of the leaf";
  const seen = { access, outcome, stage1, stage2 };
  const probe = probing(recorder, (other) => unit.translate(other, recorder));
  const combined = [
    ...rightsOf(probe, seen, "VT-d §3.8"),
    ...snoopingOf(probe, seen, { forced: R.SNOOP_FORCED, by, section: "VT-d §9.6, §9.8" }),
  ];
  const told: ToldWalk = { revision, arch: unit.arch, ...seen, trace, tags, combined };
  return walkAnswer(told, also, CHECK_TERMS);
}
