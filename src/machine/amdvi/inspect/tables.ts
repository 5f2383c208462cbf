/** The table trees of an AMD IOMMU's stages, for lists and maps. */
import { fromHalves, highHalf, lowHalf } from "../../../base/address.ts";
import type { DeviceConfig } from "../../../engine/amdvi/device_config.ts";
import { For } from "../../../engine/amdvi/host.ts";
import { rootSurvey } from "../../../engine/amdvi/survey.ts";
import { amdLevel } from "../../../engine/amdvi/trace_recorder.ts";
import { Translation } from "../../../engine/amdvi/translation.ts";
import { End } from "../../../engine/common/request.ts";
import type { Beneath, ContextTables, SourceRoot } from "../../inspect/table_source.ts";
import type { AmdviUnit } from "../amdvi_unit.ts";
import { contextOf } from "./context.ts";
import { untranslatedRanges } from "./untranslated.ts";
import { upkeepOf } from "./upkeep.ts";

/** The tables of a requester and its PASID; the host's are there even where the guest's cannot be reached. */
export function contextTables(unit: AmdviUnit, sid: number, ssid: number | null): ContextTables {
  const { ok, config } = contextOf(unit, sid, ssid);
  return {
    resolved: ok,
    untranslated: () => untranslatedRanges(unit, sid, ssid),
    stages: [
      ok && config.usesGuest ? () => rootsOf(unit, config, 1) : null,
      config.host.fmt !== null && config.hostOn ? () => rootsOf(unit, config, 2) : null,
    ],
    levelOf: amdLevel,
    upkeep: (stage) => upkeepOf(unit, config, sid, ssid, stage),
    beneath: () => beneath(unit, config),
  };
}

/** Guest tables translate a lower and, sign-extended, an upper half: each is a tree of half the root. */
function rootsOf(unit: AmdviUnit, config: DeviceConfig, stage: 1 | 2): SourceRoot[] {
  return stage === 2
    ? [rootOf(unit, config, 2, false)]
    : [rootOf(unit, config, 1, false), rootOf(unit, config, 1, true)];
}

function rootOf(unit: AmdviUnit, config: DeviceConfig, stage: 1 | 2, upper: boolean): SourceRoot {
  const { scan, reader, verdict, badReason } = rootSurvey(unit.translator, unit.memory, config, stage, upper);
  const inputBits = stage === 1 ? config.guest.inputBits - 1 : config.host.inputBits;
  const top = upper ? -1 << (inputBits - 32) : 0;
  return {
    scan,
    reader,
    inputBits,
    inputAddress: (offset) => {
      const [hi, lo] = [highHalf(offset), lowHalf(offset) >>> 0];
      return [(hi | top) >>> 0, lo];
    },
    verdict,
    badReason,
  };
}

function beneath({ translator }: AmdviUnit, config: DeviceConfig): (hi: number, lo: number) => Beneath {
  const t = new Translation();
  return (hi, lo) => {
    t.begin();
    // Any rights will do: a list shows what there is.
    if (translator.host.translate(t, config, null, hi, lo, For.Look)) {
      const pa = fromHalves(translator.host.paHi, translator.host.paLo);
      return { type: "ok", pa, permissions: t.permissions2 };
    }
    return t.end === End.Unknown ? { type: "unknown" } : { type: "fault", reason: t.reason };
  };
}
