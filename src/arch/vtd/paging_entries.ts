/**
 * Paging-structure entries of both stages. Intel VT-d (document D51397, revision 4.1) §9.7 first stage, §9.8 second.
 */
import { address, field, type Layout, layout } from "../../base/layout.ts";
import { type PagingLevel, pagingEntryName } from "./paging_names.ts";

const PAGES = ["4 KiB page", "2 MiB page", "1 GiB page"] as const;

const ACCESSED = { values: { 0: "not used yet", 1: "used by a translation" } } as const;
const DIRTY = { values: { 0: "not written yet", 1: "written" } } as const;
const PS = { values: { 0: "points to a table", 1: "maps a page" } } as const;

/** Where the address of what an entry leads to begins, and what stands below it from bit 12 up. */
function addressBits(level: PagingLevel, leaf: boolean, pat: boolean) {
  const from = leaf ? 12 + 9 * (level - 1) : 12;
  const about = leaf ? `${PAGES[level - 1]}; bits at or above the host address width are reserved` : "next table";
  if (from === 12) return [address("ADDR", 51, 12, about)];
  const below = pat
    ? [field("PAT", 12, 12, "memory type"), field(`_${from - 1}_13`, from - 1, 13, "reserved")]
    : [field(`_${from - 1}_12`, from - 1, 12, "reserved")];
  return [...below, address("ADDR", 51, from, about)];
}

function firstStage(level: PagingLevel, leaf: boolean): Layout {
  const seventh =
    level === 1
      ? field("PAT", 7, 7, "memory type")
      : level <= 3
        ? field("PS", 7, 7, "page size", PS)
        : field("_7", 7, 7, "reserved");
  return layout(`${pagingEntryName(1, level)}${leaf && level > 1 ? `, ${PAGES[level - 1]}` : ""}`, "VT-d §9.7", 64, [
    field("P", 0, 0, "present", { values: { 0: "not present", 1: "present" } }),
    field("R_W", 1, 1, "writing", { values: { 0: "read only", 1: "read and write" } }),
    field("U_S", 2, 2, "user access", { values: { 0: "supervisor only", 1: "user and supervisor" } }),
    field("PWT", 3, 3, "memory type"),
    field("PCD", 4, 4, "memory type"),
    field("A", 5, 5, "accessed", ACCESSED),
    leaf ? field("D", 6, 6, "dirty", DIRTY) : field("_6", 6, 6, "ignored"),
    seventh,
    leaf ? field("G", 8, 8, "global; ignored by remapping hardware") : field("_8", 8, 8, "ignored"),
    field("_9", 9, 9, "ignored, free for software"),
    field("EA", 10, 10, "extended accessed", { ...ACCESSED, when: "EAFE == 1 in the PASID table entry" }),
    field("_11", 11, 11, "ignored, free for software"),
    ...addressBits(level, leaf, leaf && level > 1),
    field("_62_52", 62, 52, "ignored, free for software"),
    field("XD", 63, 63, "execute disable", { when: "NXE == 1 in the PASID table entry" }),
  ]);
}

function secondStage(level: PagingLevel, leaf: boolean): Layout {
  const seventh =
    level === 1
      ? field("_7", 7, 7, "ignored")
      : level <= 3
        ? field("PS", 7, 7, "page size", PS)
        : field("_7", 7, 7, "reserved");
  return layout(`${pagingEntryName(2, level)}${leaf && level > 1 ? `, ${PAGES[level - 1]}` : ""}`, "VT-d §9.8", 64, [
    field("R", 0, 0, "read", { values: { 0: "no reading", 1: "reading" } }),
    field("W", 1, 1, "write", { values: { 0: "no writing", 1: "writing" } }),
    field("_2", 2, 2, "ignored"),
    ...(leaf
      ? [
          field("EMT", 5, 3, "extended memory type", { when: "EMTE == 1 in the PASID table entry" }),
          field("IPAT", 6, 6, "ignore PAT", { when: "EMTE == 1 in the PASID table entry" }),
        ]
      : [field("_6_3", 6, 3, "ignored")]),
    seventh,
    field("A", 8, 8, "accessed", { ...ACCESSED, when: "SSADE == 1 in the PASID table entry, else ignored" }),
    leaf
      ? field("D", 9, 9, "dirty", { ...DIRTY, when: "SSADE == 1 in the PASID table entry, else ignored" })
      : field("_9", 9, 9, "ignored"),
    field("_10", 10, 10, "ignored, free for software"),
    leaf ? field("SNP", 11, 11, "accesses snoop", { when: "ECAP.SC == 1" }) : field("_11", 11, 11, "reserved"),
    ...addressBits(level, leaf, false),
    field("_61_52", 61, 52, "ignored, free for software"),
    field("_62", 62, 62, "reserved; TM, a transient mapping, where ECAP.DT == 1 in units before revision 3", {}),
    field("_63", 63, 63, "ignored, free for software"),
  ]);
}

const built = new Map<string, Layout>();

/** Layout of an entry. `leaf` says that it maps a page; entries of level 1 always do, those above level 3 never. */
export function pagingEntryLayout(stage: 1 | 2, level: PagingLevel, leaf: boolean): Layout {
  const page = level === 1 || (leaf && level <= 3);
  const key = `${stage} ${level} ${page}`;
  const known = built.get(key);
  if (known !== undefined) return known;
  const made = stage === 1 ? firstStage(level, page) : secondStage(level, page);
  built.set(key, made);
  return made;
}
