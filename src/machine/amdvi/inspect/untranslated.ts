/**
 * Where the tables of a requester do not decide: everywhere, for those that pass untranslated, and in the exclusion range
 * and at addresses that are not memory (48882 §2.1.2, §3.4.2).
 */
import { fromHalves, highHalf, lowHalf } from "../../../base/address.ts";
import { DeviceConfig } from "../../../engine/amdvi/device_config.ts";
import { RANGE_STARTS } from "../../../engine/amdvi/special_ranges.ts";
import { Translation } from "../../../engine/amdvi/translation.ts";
import { End, Want } from "../../../engine/common/request.ts";
import type { UntranslatedRange } from "../../inspect/table_source.ts";
import type { AmdviUnit } from "../amdvi_unit.ts";

const END = 2 ** 52;

/** The translator is asked wherever its answer may be another than just below. */
export function untranslatedRanges(unit: AmdviUnit, sid: number, ssid: number | null): UntranslatedRange[] {
  const starts = [...new Set([0, ...RANGE_STARTS, ...exclusionEnds(unit)])].sort((a, b) => a - b);
  const ranges = starts.map((from, i): UntranslatedRange => {
    const read = rightsAt(unit, sid, ssid, from, false);
    const write = rightsAt(unit, sid, ssid, from, true);
    return {
      from,
      to: starts[i + 1] ?? END,
      passes: read.passes | write.passes,
      translates: read.tables | write.tables,
    };
  });
  return ranges.filter(({ passes, translates }) => passes !== 0 || translates !== ALL);
}

const ALL = Want.Read | Want.Write | Want.Execute;

function exclusionEnds({ translator: { controls: c } }: AmdviUnit): number[] {
  if (!c.exclEn) return [];
  return [fromHalves(c.exclBaseHi, c.exclBaseLo), fromHalves(c.exclLimitHi, c.exclLimitLo) + 1];
}

/** Which rights of a kind of request pass at an address, and which are left to the tables. */
function rightsAt(
  { translator }: AmdviUnit,
  sid: number,
  ssid: number | null,
  address: number,
  write: boolean,
): { readonly passes: number; readonly tables: number } {
  const t = new Translation();
  Object.assign(t, { deviceId: sid & 0xffff, hasPasid: ssid !== null, pasid: ssid ?? 0, write });
  Object.assign(t, { iovaHi: highHalf(address), iovaLo: lowHalf(address) });
  t.begin();
  const config = new DeviceConfig();
  const kind = write ? Want.Write : Want.Read | Want.Execute;
  if (!translator.resolveOn(t, null, config)) return { passes: t.passed && t.end === End.Ok ? kind : 0, tables: 0 };
  const tables = config.usesGuest || config.hostOn;
  return tables ? { passes: 0, tables: kind } : { passes: kind & config.grants, tables: 0 };
}
