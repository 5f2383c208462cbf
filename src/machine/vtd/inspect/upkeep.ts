/** How software changes tables of a VT-d unit: entries, and invalidation of translations (VT-d §6.5.2, §6.1). */
import { CAP } from "../../../arch/vtd/capability_registers.ts";
import { pagingEntryLayout } from "../../../arch/vtd/paging_entries.ts";
import type { RequestConfig } from "../../../engine/vtd/request_config.ts";
import type { Descriptor } from "../../../kernel/vtd/invalidation_queue.ts";
import { Invalidations, RID_PASID } from "../../../kernel/vtd/invalidations.ts";
import { vtdSecondEntries } from "../../../pagetable/entries/vtd_second.ts";
import { x86Entries } from "../../../pagetable/entries/x86_64.ts";
import { bitsOf, commandWords, rangeOf, type Upkeep } from "../../inspect/upkeep.ts";
import type { VtdUnit } from "../vtd_unit.ts";

export function upkeepOf(
  unit: VtdUnit,
  config: RequestConfig,
  sid: number,
  pasid: number | null,
  stage: 1 | 2,
): Upkeep {
  const { caps } = unit.remapper;
  const { registers } = unit.control;
  const features = { largePages: caps.sslps, snoop: caps.sc || caps.smts, transientMapping: caps.transientMapping };
  const has = (register: "CAP", field: string): number =>
    (CAP.f as Readonly<Record<string, (typeof CAP.f)["MAMV"]>>)[field]!.get(registers.words, registers.at(register));
  const invalidations = new Invalidations(has, config.scalable);
  return {
    maker:
      stage === 2
        ? vtdSecondEntries(features, false)
        : x86Entries(config.fs.level === 4 ? 5 : 4, caps.fs1gp, config.nxe),
    breakFirst: false,
    fixed: [0, 0],
    marks: bitsOf(pagingEntryLayout(stage, 1, true), stage === 1 ? ["A", "D", "EA"] : ["A", "D"])[1],
    ownSpace: 0,
    cachesAbsent: caps.cm,
    drop: (what) => {
      const leavesOnly = typeof what !== "string" && !what.tables;
      // Translations of both stages together are not found by the address between them: they go with their domain.
      return stage === 2
        ? invalidations.secondStage(config.did, config.first ? null : rangeOf(what), leavesOnly).map(words)
        : invalidations.firstStage(config.did, config.pasid, rangeOf(what), leavesOnly).map(words);
    },
    dropAtDevice: config.ats
      ? (what) => [
          words(invalidations.device(sid, pasid ?? RID_PASID, stage === 2 && config.first ? null : rangeOf(what))),
        ]
      : null,
    wait: commandWords("inv_wait_dsc", { FN: 1 }),
  };
}

const words = ({ name, fields }: Descriptor) => commandWords(name, fields);
