/** One translation looked at: its records, its outcome, and everything a picture of it needs. */
import { SmmuTraceRecorder } from "../../../engine/smmuv3/trace_recorder.ts";
import { End } from "../../../engine/smmuv3/translation.ts";
import { armLevel } from "../../../pagetable/formats/vmsav8.ts";
import type { WalkAnswer } from "../../../protocol/engine.ts";
import type { Access } from "../../../protocol/machine.ts";
import { probing, rightsOf } from "../../inspect/combination.ts";
import { stageSummary, type ToldWalk, walkAnswer } from "../../inspect/walk_answer.ts";
import type { SmmuUnit } from "../smmu_unit.ts";
import { alsoFailing } from "./also_failing.ts";
import { CHECK_TERMS } from "./check_terms.ts";
import { attributesOf, RIGHTS_SECTION } from "./combination.ts";
import { contextOf } from "./context.ts";
import { outcomeOf } from "./outcome.ts";
import { partitionTags } from "./partition.ts";

/** Translate without any effect on the machine, recording everything. */
export function inspectWalk(unit: SmmuUnit, access: Access, revision: number): WalkAnswer {
  const recorder = new SmmuTraceRecorder();
  recorder.begin(0);
  const t = unit.translate(access, recorder);
  const outcome = outcomeOf(t);
  const trace = recorder.take();
  const on = unit.smmu.registers.field("SMMU_CR0", "SMMUEN") === 1;
  const context = contextOf(unit, access.sid, access.ssid);
  const { config } = context;
  const attributes = t.end === End.Ok ? attributesOf(unit.smmu, t) : [];
  const also = t.end === End.Ok || t.end === End.Unknown ? [] : alsoFailing(unit, t, config, trace);
  const upper = context.ok && config.twoHalves && ((access.iova >> 55n) & 1n) === 1n;
  const half = upper ? config.ttb1 : config.ttb0;
  const stage1 =
    on && context.ok && config.stage1 && !half.disabled
      ? stageSummary("Stage 1", half, upper ? "TTB1" : "TTB0", armLevel)
      : null;
  const stage2 =
    on && config.stage2 && config.s2.fmt !== null ? stageSummary("Stage 2", config.s2, "S2TTB", armLevel) : null;
  const tags = [
    ...(stage1 === null ? [] : [{ name: "ASID", value: config.asid }]),
    ...(stage2 === null ? [] : [{ name: "VMID", value: config.vmid }]),
    ...partitionTags(unit.smmu, t),
  ];
  const probe = probing(recorder, (other) => unit.translate(other, recorder));
  const seen = { access, outcome, stage1, stage2 };
  const combined = [...rightsOf(probe, seen, RIGHTS_SECTION), ...attributes];
  const told: ToldWalk = { revision, arch: unit.arch, ...seen, trace, tags, combined };
  return walkAnswer(told, also, CHECK_TERMS);
}
