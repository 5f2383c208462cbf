/**
 * The yardstick's nested tables behind a VT-d unit: first-stage tables of four levels over second-stage tables of four.
 */
import { PASID_DIRECTORY_ENTRY, PASID_TABLE_ENTRY, Pgtt } from "../../arch/vtd/pasid_entries.ts";
import { SM_CONTEXT_ENTRY, SM_ROOT_ENTRY } from "../../arch/vtd/root_context.ts";
import { Updates } from "../../engine/common/request.ts";
import { NO_CACHE_OPTIONS } from "../../engine/vtd/caches/options.ts";
import { VtdCaches } from "../../engine/vtd/caches/vtd_caches.ts";
import { readCapabilities } from "../../engine/vtd/capabilities.ts";
import { presetById, presetIdentity } from "../../engine/vtd/presets.ts";
import { Remapper } from "../../engine/vtd/remapper.ts";
import { RemappingState, Ttm } from "../../engine/vtd/remapping_state.ts";
import { Translation } from "../../engine/vtd/translation.ts";
import { CONFIG_BASE, layOutNested } from "./nested_layout.ts";
import { writeStructure } from "./structures.ts";
import { translations, type Workload } from "./translations.ts";

const SID = 0x1b0;
const PASID = 0x155;
const CONTEXTS = CONFIG_BASE + 0x10000;
const DIRECTORY = CONFIG_BASE + 0x20000;
const PASIDS = CONFIG_BASE + 0x21000;

/** Entries as they are once they have been used: accessed, and pages dirty. */
const ENTRIES = { table1: [0, 0x27], page1: [0, 0x67], table2: () => [0, 3] as const, page2: [0, 3] } as const;

/** Nested translations of `pages` pages, the configuration kept: in order and in random order. */
export function vtdWorkloads(pages: number): Workload[] {
  const { memory, order, root1, root2 } = layOutNested(pages, ENTRIES);
  const upper = (SID & 0x80) !== 0;
  const pointers = upper ? { UP: 1, UCTP: CONTEXTS } : { LP: 1, LCTP: CONTEXTS };
  writeStructure(memory, SM_ROOT_ENTRY, CONFIG_BASE + 16 * (SID >> 8), pointers);
  const context = { P: 1, PASIDE: 1, PASIDDIRPTR: DIRECTORY };
  writeStructure(memory, SM_CONTEXT_ENTRY, CONTEXTS + 32 * (SID & 0x7f), context);
  writeStructure(memory, PASID_DIRECTORY_ENTRY, DIRECTORY + 8 * (PASID >> 6), { P: 1, SMPTBLPTR: PASIDS });
  writeStructure(memory, PASID_TABLE_ENTRY, PASIDS + 64 * (PASID & 63), {
    P: 1,
    PGTT: Pgtt.Nested,
    AW: 2,
    SSPTPTR: root2,
    DID: 0x2a,
    FSPTPTR: root1,
  });
  const { cap, ecap } = presetIdentity(presetById("sapphire-rapids")!);
  const state = new RemappingState();
  Object.assign(state, { enabled: true, ttm: Ttm.Scalable, rootLo: CONFIG_BASE });
  const caps = readCapabilities(cap.hi, cap.lo, ecap.hi, ecap.lo);
  const configured = { context: { entries: 16, ways: 4 }, pasid: { entries: 16, ways: 4 } };
  const caches = new VtdCaches({ ...NO_CACHE_OPTIONS, ...configured });
  const remapper = new Remapper(memory, state, caps, caches);
  const t = new Translation();
  t.sid = SID;
  t.hasPasid = true;
  t.pasid = PASID;
  t.updates = Updates.Make;
  const write = (n: number): void => {
    t.write = n === 1;
  };
  return translations("vtd-4x4", pages, order, { t, write, translate: () => remapper.translate(t, null) });
}
