/**
 * The configuration of a stream as the lists and maps need it: resolved for a plain access, or why it cannot be.
 */
import { R } from "../../../arch/smmuv3/reasons.ts";
import { ResolvedStream } from "../../../engine/smmuv3/config_resolver.ts";
import { End, Translation } from "../../../engine/smmuv3/translation.ts";
import type { SmmuUnit } from "../smmu_unit.ts";

/** A resolved stream, or how resolving it ended. */
export type Context =
  | { readonly ok: true; readonly config: ResolvedStream }
  | { readonly ok: false; readonly unknown: boolean; readonly reason: number; readonly config: ResolvedStream };

/** Resolve a stream and substream; the SMMU being switched off does not matter here. */
export function contextOf(unit: SmmuUnit, sid: number, ssid: number | null): Context {
  const t = new Translation();
  t.sid = sid >>> 0;
  t.ssv = ssid !== null;
  t.ssid = ssid ?? 0;
  t.begin();
  const config = new ResolvedStream();
  if (unit.smmu.resolve(t, null, config)) return { ok: true, config };
  return { ok: false, unknown: t.end === End.Unknown, reason: t.end === End.Unknown ? R.NONE : t.reason, config };
}
