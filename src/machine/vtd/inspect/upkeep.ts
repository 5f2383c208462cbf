/** How software changes tables of a VT-d unit: entries, and invalidation of translations (VT-d §6.5.2, §6.1). */
import { pagingEntryLayout } from "../../../arch/vtd/paging_entries.ts";
import { locate } from "../../../base/layout.ts";
import type { RequestConfig } from "../../../engine/vtd/request_config.ts";
import { vtdSecondEntries } from "../../../pagetable/entries/vtd_second.ts";
import { x86Entries } from "../../../pagetable/entries/x86_64.ts";
import type { CommandWords } from "../../../protocol/machine.ts";
import { commandWords, type Dropped, type Upkeep } from "../../inspect/table_source.ts";
import type { VtdUnit } from "../vtd_unit.ts";

/** Granularities of both invalidations. */
const WHOLE = 2;
const PAGES = 3;

const bit = (stage: 1 | 2, name: string): number => 1 << locate(pagingEntryLayout(stage, 1, true), name).shift;

export function upkeepOf({ remapper: { caps } }: VtdUnit, config: RequestConfig, stage: 1 | 2): Upkeep {
  const features = { largePages: caps.sslps, snoop: caps.sc || caps.smts, transientMapping: caps.transientMapping };
  return {
    maker:
      stage === 2
        ? vtdSecondEntries(features, false)
        : x86Entries(config.fs.level === 4 ? 5 : 4, caps.fs1gp, config.nxe),
    breakFirst: false,
    marks: bit(stage, "A") | bit(stage, "D") | (stage === 1 ? bit(1, "EA") : 0),
    cachesAbsent: caps.cm,
    drop: (what) => (stage === 2 ? dropSecond(config, what) : dropFirst(config, what)),
    wait: commandWords("inv_wait_dsc", { FN: 1 }),
  };
}

/** Which pages, as both descriptors have it. */
const pages = ({ at, sizeLg2, tables }: Dropped) => ({ ADDR: at, AM: sizeLg2 - 12, IH: tables ? 0 : 1 });

function dropFirst({ did, pasid }: RequestConfig, what: Dropped | null): CommandWords[] {
  const context = { DID: did, PASID: pasid };
  const which = what === null ? { G: WHOLE } : { G: PAGES, ...pages(what) };
  return [commandWords("p_iotlb_inv_dsc", { ...context, ...which })];
}

/** Translations of both stages together are not found by the address between them: they go with their domain. */
function dropSecond({ did, first }: RequestConfig, what: Dropped | null): CommandWords[] {
  const which = what === null || first ? { G: WHOLE } : { G: PAGES, ...pages(what) };
  return [commandWords("iotlb_inv_dsc", { DID: did, ...which })];
}
