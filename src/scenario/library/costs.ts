/** Lessons that count: the same work done in two ways. The numbers stand with the software's counts. */
import type { VmMode } from "../../protocol/software.ts";
import { type Lesson, lesson, type Story } from "./lesson.ts";
import { virtualMachine, virtualMachineOn } from "./machines.ts";
import { dma, flush, GUEST, map, unmap } from "./verbs.ts";

const GROUP = "What it costs";
const PAGES = 64;
const IOVA = 0x10_0000;
const each = (act: (iova: number) => Story[number]): Story =>
  Array.from({ length: PAGES }, (_, i) => act(IOVA + i * 0x1000));

/** Mapped, used and unmapped again, on hardware with virtual command queues. */
const inMode = (id: string, title: string, about: string, mode: VmMode, mapped: string, unmapped: string): Lesson =>
  lesson({ id, group: GROUP, title, about }, virtualMachineOn("smmuv3", "grace", { mode }), [
    "The guest is the same in all three ways of giving it an SMMU. Compare what they cost at the end.",
    map(GUEST, IOVA, 4),
    mapped,
    dma(IOVA),
    unmap(GUEST, IOVA, 4),
    unmapped,
    dma(IOVA),
  ]);

const BY_MODE: readonly Lesson[] = [
  inMode(
    "mode-emulated",
    "An emulated SMMU",
    "No nesting: the VMM follows the guest's tables, and maps what it finds there itself.",
    "emulated",
    "Every table entry that the guest wrote left it: the VMM keeps watch over the tables, and called the host once for each page.",
    "Each page is taken out by a call of the host. The guest's own invalidation comes on top.",
  ),
  inMode(
    "mode-trapped",
    "Nested, with trapped commands",
    "Hardware walks the guest's tables; the guest's commands go through the VMM and the host.",
    "nested, trapped",
    "The entries were written and nobody was told: nothing of them can be cached yet.",
    "The write of CMDQ_PROD left the guest. The VMM read the batch and handed it on by one IOMMU_HWPT_INVALIDATE.",
  ),
  inMode(
    "mode-direct",
    "Nested, with a queue of the guest's own",
    "A virtual command queue of the CMDQV is mapped into the guest, and invalidations reach hardware with no exit at all.",
    "nested, direct",
    "Configuration commands still go by the trapped queue, as hardware takes none of them from a guest's.",
    "TLBI and CMD_SYNC went into the guest's VCMDQ, and hardware put the VMID in. Look at the deeds: nobody but the guest did anything.",
  ),
];

export const COSTS: readonly Lesson[] = [
  lesson(
    {
      id: "invalidate-one-by-one",
      group: GROUP,
      title: "64 pages unmapped one by one",
      about: "Each page has its own command, sync, VM exits and call of the host.",
    },
    virtualMachine(),
    [
      map(GUEST, IOVA, PAGES),
      "64 pages are mapped. Look at the counts now, and again at the end.",
      ...each((iova) => unmap(GUEST, iova, 1)),
      "64 times a command and a CMD_SYNC, each with its exits from the guest and one IOMMU_HWPT_INVALIDATE.",
    ],
  ),
  lesson(
    {
      id: "invalidate-as-a-range",
      group: GROUP,
      title: "64 pages unmapped as a range",
      about: "The same 64 pages, unmapped at once: range commands, one sync, one call of the host.",
    },
    virtualMachine(),
    [
      map(GUEST, IOVA, PAGES),
      "64 pages are mapped. Look at the counts now, and again at the end.",
      unmap(GUEST, IOVA, PAGES),
      "CMD_TLBI_NH_VA with NUM, SCALE and TG covers the range (IHI 0070 §4.4.1.1), and one IOMMU_HWPT_INVALIDATE hands all of it to the host.",
    ],
  ),
  lesson(
    {
      id: "invalidate-lazily",
      group: GROUP,
      title: "64 pages unmapped lazily",
      about:
        "Nobody waits for an unmap; one invalidation of the address space serves them all, and until then the card still reaches the pages.",
    },
    virtualMachine({ lazy: true }),
    [
      map(GUEST, IOVA, PAGES),
      dma(IOVA),
      ...each((iova) => unmap(GUEST, iova, 1)),
      "Every page is out of the tables, and the guest has waited for nothing. The pages are not given back yet, and that is what makes it safe for the guest.",
      dma(IOVA),
      "The card still got through: its translation was cached. This is the window that lazy mode accepts.",
      flush(GUEST),
      "One invalidation of the whole ASID, one sync: now the pages go back to their owner.",
      dma(IOVA),
    ],
  ),
  lesson(
    {
      id: "large-pages",
      group: GROUP,
      title: "4 KiB pages and a 2 MiB block",
      about: "The walk of a block is a step shorter in stage 1, and one cached translation covers 512 pages.",
    },
    virtualMachine(),
    [
      map(GUEST, 0x10_0000, 1),
      dma(0x10_0000),
      "A page: four levels in stage 1. Without caches each of them costs a walk of stage 2.",
      map(GUEST, 0x80_0000, 512),
      dma(0x80_0000),
      "512 pages that lie together are one block of level 2: a step less, and a single entry in the TLB.",
      dma(0x9f_f000),
      "The last page of the block: nothing is read, the cached translation serves it.",
      unmap(GUEST, 0x80_0000, 1),
      "A page taken out of the block: the block became a table of 511 pages. This SMMU takes that in one write (IDR3.BBML 2); others ask for break-before-make.",
      dma(0x80_0000),
      dma(0x80_1000),
    ],
  ),
  ...BY_MODE,
];
