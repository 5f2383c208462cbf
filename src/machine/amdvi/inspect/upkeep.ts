/** How software changes tables of an AMD IOMMU: entries, and invalidation of translations (48882 §2.4.3, §2.4.4). */
import { DTE } from "../../../arch/amdvi/dte.ts";
import type { DeviceConfig } from "../../../engine/amdvi/device_config.ts";
import type { Command } from "../../../kernel/amdvi/command_buffer.ts";
import { dropFromDevice, dropPages, dropPasidPages } from "../../../kernel/amdvi/invalidations.ts";
import { amdV1Entries } from "../../../pagetable/entries/amdv1.ts";
import { x86Entries } from "../../../pagetable/entries/x86_64.ts";
import { V1_ACCESSED, V1_DIRTY } from "../../../pagetable/formats/amdv1.ts";
import { commandWords, rangeOf, type Upkeep } from "../../inspect/upkeep.ts";
import type { AmdviUnit } from "../amdvi_unit.ts";

export function upkeepOf(
  unit: AmdviUnit,
  config: DeviceConfig,
  sid: number,
  ssid: number | null,
  stage: 1 | 2,
): Upkeep {
  const { domainId, dte, usesGuest } = config;
  return {
    maker: stage === 2 ? amdV1Entries(false) : x86Entries(config.guestLevels, true, unit.translator.caps.nxSup),
    breakFirst: false,
    fixed: [0, 0],
    // At the same places in both kinds of entries.
    marks: V1_ACCESSED | V1_DIRTY,
    ownSpace: 0,
    cachesAbsent: false,
    drop: (what) => {
      const leavesOnly = typeof what !== "string" && !what.tables;
      return stage === 2
        ? [words(dropPages(domainId, rangeOf(what), leavesOnly))]
        : [words(dropPasidPages(domainId, ssid ?? 0, rangeOf(what), leavesOnly))];
    },
    // What guest tables lead to by way of a range of the host's is not found by it.
    dropAtDevice:
      DTE.f.I.get(dte, 0) === 1
        ? (what) => [words(dropFromDevice(sid, ssid, stage === 2 && usesGuest ? null : rangeOf(what)))]
        : null,
    wait: commandWords("COMPLETION_WAIT", {}),
  };
}

const words = ({ name, fields }: Command) => commandWords(name, fields);
