/** Lessons on guests that get it wrong, each in a way that real drivers have. What caches and order tell of it is shown. */
import { SMMU_IDR3 } from "../../arch/smmuv3/id_registers.ts";
import { encodeFields } from "../../base/encode.ts";
import type { Mistake } from "../../protocol/software.ts";
import { type Lesson, lesson, type Story } from "./lesson.ts";
import { kernelOn, virtualMachine } from "./machines.ts";
import { access, detach, dma, GUEST, KERNEL, map, unmap } from "./verbs.ts";

const GROUP = "Broken guests";
const IOVA = 0x10_0000;
/** An SMMU that offers what the preset does, and level 1 of changing the size of a block. */
const BBML_1 = BigInt(encodeFields(SMMU_IDR3, { HAD: 1, XNX: 1, FWB: 1, STT: 1, RIL: 1, BBML: 1, E0PD: 1 })[0]!);
const about = (title: string) => ({ group: GROUP, title });

const broken = (id: string, mistake: Mistake, title: string, says: string, story: Story): Lesson =>
  lesson({ id, ...about(title), about: says }, virtualMachine({ mistakes: [mistake] }), story);

/** Map, use, unmap, use: what the last access comes to is the lesson. */
const used = (unmapped: string, after: string): Story => [
  "A guest maps a page, its card uses it, and the translation is cached.",
  map(GUEST, IOVA, 1),
  dma(IOVA),
  unmap(GUEST, IOVA, 1),
  unmapped,
  dma(IOVA),
  after,
];

export const BROKEN_GUESTS: readonly Lesson[] = [
  broken(
    "no-tlbi",
    "no TLB invalidation",
    "The invalidation is missing",
    "An unmapped page that the card still writes to, by an entry of the TLB.",
    used(
      "The leaf is empty, and nobody told the SMMU. The TLB's entry is marked stale, with the command that is missing. The page has gone back to its owner already.",
      "The card wrote into a page that belongs to somebody else by now.",
    ),
  ),
  broken(
    "no-sync",
    "no sync",
    "Nobody waits",
    "The invalidation is queued, and the page is given back before it has taken effect.",
    used(
      "The command stands in the guest's queue. Without CMD_SYNC the VMM has handed nothing on yet, and hardware might take its time as well (IHI 0070 §4.7.3).",
      "The card got through: only a completed CMD_SYNC makes it certain that the translation is gone.",
    ),
  ),
  broken(
    "wrong-asid",
    "wrong ASID",
    "The wrong address space",
    "A complete invalidation with a sync, of an ASID that is not the one that changed.",
    used(
      "The guest did everything in order. The ASID in its command is one too high, so that the entry is not touched: compare the tags.",
      "The card got through by the entry that stayed.",
    ),
  ),
  broken(
    "page-freed-early",
    "page freed before the sync",
    "The page is freed first",
    "The right commands in the wrong order: for a moment the page belongs to two.",
    used(
      "In the end nothing stale is left. But the page went back to its owner before the invalidation was even queued; in between the card could write to it. The order of the guest's deeds tells.",
      "The card is refused: the damage, if any, was done before.",
    ),
  ),
  broken(
    "no-cfgi",
    "no configuration invalidation",
    "A context changes in silence",
    "A CD that is not valid any more, and an SMMU that goes on using the one it has cached.",
    [
      map(GUEST, IOVA, 1),
      dma(IOVA),
      "The CD is cached with the StreamID and SubstreamID it belongs to.",
      detach(GUEST),
      "The guest cleared CD.V and freed the tables, and left out CMD_CFGI_CD. The cached CD is marked stale.",
      dma(IOVA + 0x1000),
      "A walk begins at the freed table, because the CD in the cache still points there.",
    ],
  ),
  lesson(
    {
      id: "no-atc-inv",
      ...about("The device remembers"),
      about: "A kernel that invalidates its SMMU and forgets that the card has a translation cache of its own.",
    },
    kernelOn("smmuv3", "neoverse", { mistakes: ["no ATC invalidation"], ats: true }),
    [
      map(KERNEL, IOVA, 1),
      access(IOVA),
      "The card asked for the translation (ATS), and went by it. It keeps it in its own cache.",
      unmap(KERNEL, IOVA, 1),
      "The SMMU has forgotten: CMD_TLBI_NH_VA and CMD_SYNC were sent. The card was not told. Its entry is marked stale, and CMD_ATC_INV is what is missing.",
      access(IOVA),
      "The card's request was marked Translated, and nothing looked at the tables again.",
    ],
  ),
  lesson(
    {
      id: "no-break-before-make",
      ...about("A block becomes a table at once"),
      about: "An SMMU that asks for break-before-make, and a kernel that swaps a live block for a table.",
    },
    { ...kernelOn("smmuv3", "neoverse", { mistakes: ["no break before make"] }), registers: { IDR3: BBML_1 } },
    [
      map(KERNEL, 0x80_0000, 512),
      "512 pages lie together: one block of 2 MiB.",
      unmap(KERNEL, 0x80_1000, 1),
      "One page goes, so the block has to become a table. Between the two there must be an empty entry, an invalidation and a sync where IDR3.BBML is below 2; this kernel wrote the table over the block. The SMMU may hold both sizes for one address, and answer with F_TLB_CONFLICT or either of them (IHI 0070 §3.21.1).",
    ],
  ),
];
