/** The configuration of a requester as the lists and maps need it: resolved for a plain access, or why it cannot be. */
import { R } from "../../../arch/amdvi/reasons.ts";
import { DeviceConfig } from "../../../engine/amdvi/device_config.ts";
import { Translation } from "../../../engine/amdvi/translation.ts";
import { End } from "../../../engine/common/request.ts";
import type { Tag } from "../../../protocol/engine.ts";
import type { AmdviUnit } from "../amdvi_unit.ts";

/**
 * A resolved requester; where not `ok`, `passed` says that its requests pass untranslated, `unknown` that the session
 * lacks memory, and `reason` why it cannot be resolved.
 */
export interface Context {
  readonly ok: boolean;
  readonly passed: boolean;
  readonly unknown: boolean;
  readonly reason: number;
  readonly config: DeviceConfig;
}

/** Resolve a requester and its PASID (null for none) as though the IOMMU were on. */
export function contextOf(unit: AmdviUnit, sid: number, ssid: number | null): Context {
  const t = new Translation();
  t.deviceId = sid & 0xffff;
  t.hasPasid = ssid !== null;
  t.pasid = ssid ?? 0;
  t.begin();
  const config = new DeviceConfig();
  const { translator } = unit;
  const ok = translator.resolveDevice(t, null, config) && translator.resolveTables(t, null, config);
  return { ok, passed: t.passed, unknown: t.end === End.Unknown, reason: ok || t.passed ? R.NONE : t.reason, config };
}

/** What translations of a requester and its PASID (null for none) are tagged with. */
export function tagsOf(config: DeviceConfig, ssid: number | null): Tag[] {
  const domain = { name: "DomainID", value: config.domainId };
  return config.usesGuest ? [domain, { name: "PASID", value: ssid ?? 0 }] : [domain];
}
