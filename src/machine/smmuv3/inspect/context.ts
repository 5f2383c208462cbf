/**
 * The configuration of a stream as the lists and maps need it: resolved for a plain access, or why it cannot be.
 */
import { R } from "../../../arch/smmuv3/reasons.ts";
import { ResolvedStream } from "../../../engine/smmuv3/config_resolver.ts";
import type { TableBase } from "../../../engine/smmuv3/stream_config.ts";
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

/** A table base of stage 1 and where its input range begins. */
export interface Half {
  readonly base: TableBase;
  readonly upper: boolean;
}

/** The halves of stage 1 that are walked. */
export function halvesOf(config: ResolvedStream): Half[] {
  const halves: Half[] = [];
  if (!config.ttb0.disabled) halves.push({ base: config.ttb0, upper: false });
  if (config.twoHalves && !config.ttb1.disabled) halves.push({ base: config.ttb1, upper: true });
  return halves;
}

/** High and low half of an input address at `offset` of a range; the upper range ends at 2^64. */
export function inputAddress(offset: number, base: TableBase, upper: boolean): [hi: number, lo: number] {
  const [hi, lo] = [Math.floor(offset / 0x1_0000_0000), (offset % 0x1_0000_0000) >>> 0];
  return upper ? [(hi | base.overHi) >>> 0, (lo | base.overLo) >>> 0] : [hi, lo];
}
