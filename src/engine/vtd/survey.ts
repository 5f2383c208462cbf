/**
 * A look over everything a requester's tables map, beside the path of a request: for lists and maps. Changes nothing.
 */

import { R } from "../../arch/vtd/reasons.ts";
import { highHalf, lowHalf } from "../../base/address.ts";
import type { ScanRoot } from "../../pagetable/scan.ts";
import { AddressType, End } from "../common/request.ts";
import { SurveyReader, UNKNOWN_CODE } from "../common/survey.ts";
import type { PhysicalMemory } from "../memory/physical_memory.ts";
import { firstRights } from "./first_stage.ts";
import type { Remapper } from "./remapper.ts";
import type { RequestConfig } from "./request_config.ts";
import { Purpose, secondRights } from "./second_stage.ts";
import { Translation } from "./translation.ts";

/** What becomes of an address in the second stage, for any kind of access. */
export type SecondAnswer =
  | { readonly type: "ok"; readonly pa: number; readonly permissions: number }
  | { readonly type: "fault"; readonly reason: number }
  | { readonly type: "unknown" };

/** Sends addresses through the second stage of a configuration, without any effect. */
export function secondStageOf(
  { second }: Remapper,
  config: RequestConfig,
  purpose: Purpose,
): (hi: number, lo: number) => SecondAnswer {
  const t = new Translation();
  // A translation request takes whatever permission there is.
  t.addressType = AddressType.TranslationRequest;
  return (hi, lo) => {
    t.begin();
    if (second.translate(t, config, null, hi, lo, purpose)) {
      const pa = (second.paHi >>> 0) * 0x1_0000_0000 + (second.paLo >>> 0);
      return { type: "ok", pa, permissions: second.rights };
    }
    return t.end === End.Unknown ? { type: "unknown" } : { type: "fault", reason: t.reason };
  };
}

/** A reader of the entries of one stage's tables, through the second stage where they lie under it. */
export function surveyReader(
  remapper: Remapper,
  memory: PhysicalMemory,
  config: RequestConfig,
  stage: 1 | 2,
): SurveyReader {
  const through = secondStageOf(remapper, config, Purpose.Table);
  const beneath = (at: number): number => {
    const answer = through(highHalf(at), lowHalf(at));
    return answer.type === "ok" ? answer.pa : -(answer.type === "unknown" ? UNKNOWN_CODE : 1 + answer.reason);
  };
  const abort = stage === 1 ? R.SFS_1 : config.scalable ? R.SSS_1 : R.LSS_1;
  return new SurveyReader(memory, { beneath: stage === 1 && config.second ? beneath : null, bigEndian: false, abort });
}

/** The tables of one stage, as a scan wants them. */
export function scanRoot(config: RequestConfig, stage: 1 | 2): ScanRoot {
  const root = stage === 1 ? config.fs : config.ss;
  return {
    fmt: root.fmt!,
    at: (root.rootHi >>> 0) * 0x1_0000_0000 + (root.rootLo >>> 0),
    level: root.level,
    entries: root.rootMask + 1,
    outputBits: root.outputBits,
  };
}

/** The reason for an entry that a scan found broken. */
export function badReason(
  config: RequestConfig,
  stage: 1 | 2,
  why: "reserved" | "address size" | "unreadable",
  code: number,
): number {
  if (why === "unreadable") return code === UNKNOWN_CODE ? R.NONE : code - 1;
  return stage === 1 ? R.SFS_3 : config.scalable ? R.SSS_3 : R.LSS_2;
}

/** What a leaf allows a user's access, or the reason it allows none; `inherited` is what the tables above took away. */
export function leafVerdict(
  config: RequestConfig,
  stage: 1 | 2,
  lo: number,
  hi: number,
  inherited: number,
): { permissions: number; reason: number } {
  const permissions = stage === 1 ? firstRights(lo, hi, inherited, false, config) : secondRights(lo, inherited);
  const none = stage === 1 ? R.SGN_2 : config.scalable ? R.SGN_7 : R.LGN_3;
  return { permissions, reason: permissions === 0 ? none : R.NONE };
}
