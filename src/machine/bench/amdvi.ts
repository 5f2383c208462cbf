/**
 * The yardstick's nested tables behind an AMD IOMMU: version 2 tables of four levels over version 1 tables of mode 4.
 */
import { DTE, DTE_BYTES } from "../../arch/amdvi/dte.ts";
import { GCR3_ENTRY } from "../../arch/amdvi/gcr3.ts";
import { AmdCaches } from "../../engine/amdvi/caches/amd_caches.ts";
import { NO_CACHE_OPTIONS } from "../../engine/amdvi/caches/options.ts";
import { readCapabilities } from "../../engine/amdvi/capabilities.ts";
import { Controls } from "../../engine/amdvi/controls.ts";
import { Translation } from "../../engine/amdvi/translation.ts";
import { Translator } from "../../engine/amdvi/translator.ts";
import { Updates } from "../../engine/common/request.ts";
import { CONFIG_BASE, layOutNested } from "./nested_layout.ts";
import { writeStructure } from "./structures.ts";
import { translations, type Workload } from "./translations.ts";

const DEVICE_ID = 0x1b0;
const PASID = 0x155;
/** The guest CR3 table's guest physical address; the host maps a page for it. */
const GCR3_GPA = 2 ** 39;
const GCR3_TABLE = CONFIG_BASE + 0x20000;
const HOST_TABLES = CONFIG_BASE + 0x21000;
/** EFR of the unit: guest translation, guest CR3 tables of one level. Only the configuration is cached. */
const EFR_LO = 1 << 4;
const PASID_BITS = 9;

const GUEST_TABLE = [0, 0x27] as const;
const HOST_RIGHTS = 0x6000_0000;
const hostTable = (level: number) => [HOST_RIGHTS, (level << 9) | 1] as const;
const HOST_PAGE = [HOST_RIGHTS, 1] as const;
const ENTRIES = { table1: GUEST_TABLE, page1: [0, 0x67], table2: hostTable, page2: HOST_PAGE } as const;

/** Nested translations of `pages` pages, the configuration resolved: in order and in random order. */
export function amdviWorkloads(pages: number): Workload[] {
  const { memory, order, root1, root2, write } = layOutNested(pages, ENTRIES);
  for (let level = 3, table = root2; level >= 0; level--) {
    const next = level === 0 ? GCR3_TABLE : HOST_TABLES + 0x1000 * level;
    write(table + (level === 3 ? 8 * (GCR3_GPA / 2 ** 39) : 0), next, level === 0 ? HOST_PAGE : hostTable(level));
    table = next;
  }
  writeStructure(memory, GCR3_ENTRY, GCR3_TABLE + 8 * PASID, { V: 1, Address: root1 });
  writeStructure(memory, DTE, CONFIG_BASE + DEVICE_ID * DTE_BYTES, {
    V: 1,
    TV: 1,
    Mode: 4,
    HostPageTableRootPtr: root2,
    GV: 1,
    GCR3TRP_51_31: GCR3_GPA / 2 ** 31,
    IR: 1,
    IW: 1,
    DomainID: 0x2a,
  });
  const controls = new Controls();
  controls.iommuEn = true;
  controls.gtEn = true;
  controls.segmentLo[0] = CONFIG_BASE;
  controls.segmentEntries[0] = 512;
  const caches = new AmdCaches({ ...NO_CACHE_OPTIONS, dte: { entries: 16, ways: 4 }, gcr3: { entries: 16, ways: 4 } });
  const translator = new Translator(memory, controls, readCapabilities(PASID_BITS - 1, EFR_LO, 0, 0), caches);
  const t = new Translation();
  t.deviceId = DEVICE_ID;
  t.hasPasid = true;
  t.pasid = PASID;
  t.updates = Updates.Make;
  const setWrite = (n: number): void => {
    t.write = n === 1;
  };
  const translate = (): void => translator.translate(t, null);
  return translations("amdvi-4x4", pages, order, { t, write: setWrite, translate });
}
