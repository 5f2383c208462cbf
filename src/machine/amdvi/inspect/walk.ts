/** One translation looked at: its records, its outcome, and everything a picture of it needs. */
import { R } from "../../../arch/amdvi/reasons.ts";
import { dteBrokenRules } from "../../../engine/amdvi/dte_rules.ts";
import { AmdTraceRecorder, amdLevel } from "../../../engine/amdvi/trace_recorder.ts";
import type { TableRoot } from "../../../engine/common/table_root.ts";
import type { StageSummary, WalkAnswer } from "../../../protocol/engine.ts";
import type { Access } from "../../../protocol/machine.ts";
import { join } from "../../halves.ts";
import { checksOf } from "../../inspect/checks.ts";
import { countsOf, digestOf } from "../../inspect/walk_answer.ts";
import type { AmdviUnit } from "../amdvi_unit.ts";
import { CHECK_TERMS } from "./check_terms.ts";
import { contextOf, tagsOf } from "./context.ts";
import { outcomeOf } from "./outcome.ts";

function stageSummary(root: TableRoot, name: string, base: string): StageSummary {
  return {
    name,
    granuleLg2: root.fmt!.granuleLg2,
    inputBits: root.inputBits,
    startLevel: amdLevel(root.level),
    levels: root.level + 1,
    root: join(root.rootHi, root.rootLo),
    concatenated: 1,
    base,
  };
}

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
      ? stageSummary(config.guest, "Guest tables", "GCR3")
      : null;
  const stage2 = translates && config.hostOn ? stageSummary(config.host, "Host tables", "HostPageTableRootPtr") : null;
  // The rules on a device table entry are all looked at; what comes after it depends on what was read.
  const also = dteBrokenRules(config.dte, unit.translator);
  return {
    revision,
    arch: unit.arch,
    access,
    outcome,
    trace,
    counts: countsOf(trace),
    stage1,
    stage2,
    tags: stage1 === null && stage2 === null ? [] : tagsOf(config, access.ssid),
    checks: checksOf(
      trace,
      { stage1, stage2 },
      also.includes(t.reason) ? also.filter((r) => r !== t.reason) : [],
      CHECK_TERMS,
    ),
    digest: digestOf(trace, outcome),
  };
}
