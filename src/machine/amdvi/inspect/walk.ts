/** One translation looked at: its records, its outcome, and everything a picture of it needs. */
import { R } from "../../../arch/amdvi/reasons.ts";
import { dteBrokenRules } from "../../../engine/amdvi/dte_rules.ts";
import { AmdTraceRecorder, amdLevel } from "../../../engine/amdvi/trace_recorder.ts";
import type { WalkAnswer } from "../../../protocol/engine.ts";
import type { Access } from "../../../protocol/machine.ts";
import { probing, rightsOf, snoopingOf } from "../../inspect/combination.ts";
import { stageSummary, type ToldWalk, walkAnswer } from "../../inspect/walk_answer.ts";
import type { AmdviUnit } from "../amdvi_unit.ts";
import { CHECK_TERMS } from "./check_terms.ts";
import { contextOf, tagsOf } from "./context.ts";
import { outcomeOf } from "./outcome.ts";

/** Translate without any effect on the machine, recording everything. */
export function inspectWalk(unit: AmdviUnit, access: Access, revision: number): WalkAnswer {
  const recorder = new AmdTraceRecorder();
  recorder.begin(0);
  const t = unit.translate(access, recorder);
  const outcome = outcomeOf(t);
  const trace = recorder.take();
  const context = contextOf(unit, access.sid, access.ssid);
  const { config } = context;
  const translates = !t.passed || t.reason === R.NONE;
  const stage1 =
    translates && config.usesGuest && config.guest.fmt !== null
      ? stageSummary("Guest tables", config.guest, "GCR3", amdLevel)
      : null;
  const stage2 =
    translates && config.hostOn ? stageSummary("Host tables", config.host, "HostPageTableRootPtr", amdLevel) : null;
  // The rules on a device table entry are all looked at; what comes after it depends on what was read.
  const also = dteBrokenRules(config.dte, unit.translator);
  const tags = stage1 === null && stage2 === null ? [] : tagsOf(config, access.ssid);
  const seen = { access, outcome, stage1, stage2 };
  const probe = probing(recorder, (other) => unit.translate(other, recorder));
  const snoop = { forced: R.SNOOP_FORCED, by: "FC of the host leaf", section: "48882 §2.2.3" };
  const combined = [...rightsOf(probe, seen, "48882 §2.2.7"), ...snoopingOf(probe, seen, snoop)];
  const told: ToldWalk = { revision, arch: unit.arch, ...seen, trace, tags, combined };
  return walkAnswer(told, also.includes(t.reason) ? also.filter((reason) => reason !== t.reason) : [], CHECK_TERMS);
}
