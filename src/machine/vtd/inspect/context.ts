/** The configuration of a requester as lists and maps need it: resolved for a plain request, or why it cannot be. */
import { R } from "../../../arch/vtd/reasons.ts";
import { End } from "../../../engine/common/request.ts";
import { RequestConfig } from "../../../engine/vtd/request_config.ts";
import { Translation } from "../../../engine/vtd/translation.ts";
import type { Tag } from "../../../protocol/engine.ts";
import type { VtdUnit } from "../vtd_unit.ts";

/** A resolved requester, or how resolving it ended. */
export type Context =
  | { readonly ok: true; readonly config: RequestConfig }
  | { readonly ok: false; readonly unknown: boolean; readonly reason: number; readonly config: RequestConfig };

/** Resolve a requester and PASID; translation being switched off does not matter here. */
export function contextOf(unit: VtdUnit, sid: number, pasid: number | null): Context {
  const t = new Translation();
  t.sid = sid & 0xffff;
  t.hasPasid = pasid !== null;
  t.pasid = (pasid ?? 0) & 0xfffff;
  t.begin();
  const config = new RequestConfig();
  if (unit.remapper.resolve(t, null, config)) return { ok: true, config };
  const unknown = t.end === End.Unknown;
  return { ok: false, unknown, reason: unknown ? R.NONE : t.reason, config };
}

/** What translations by a configuration are tagged with. */
export const tagsOf = ({ did, scalable, pasid }: RequestConfig): Tag[] => [
  { name: "DID", value: did },
  ...(scalable ? [{ name: "PASID", value: pasid }] : []),
];
