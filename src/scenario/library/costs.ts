/** Lessons that count: the same work done in two ways. The numbers stand with the software's counts. */
import type { Arch } from "../../protocol/machine.ts";
import type { VmMode } from "../../protocol/software.ts";
import { type Lesson, lesson, type Story } from "./lesson.ts";
import { virtualMachine, virtualMachineOn } from "./machines.ts";
import { dma, flush, GUEST, map, unmap } from "./verbs.ts";

const GROUP = "What it costs";
const PAGES = 64;
const IOVA = 0x10_0000;
const each = (act: (iova: number) => Story[number]): Story =>
  Array.from({ length: PAGES }, (_, i) => act(IOVA + i * 0x1000));

/** One way of giving a guest an IOMMU: what it is on, and what is to be seen of it. */
interface Way {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  readonly arch: Arch;
  readonly preset: string;
  readonly mode: VmMode;
  readonly mapped: string;
  readonly unmapped: string;
}

const WAYS: readonly Way[] = [
  {
    id: "mode-emulated",
    title: "An emulated SMMU",
    about: "No nesting: the VMM follows the guest's tables, and maps what it finds there itself.",
    arch: "smmuv3",
    preset: "grace",
    mode: "emulated",
    mapped:
      "Every table entry that the guest wrote left it: the VMM keeps watch over the tables, and called the host once for each page.",
    unmapped: "Each page is taken out by a call of the host. The guest's own invalidation comes on top.",
  },
  {
    id: "mode-trapped",
    title: "Nested, with trapped commands",
    about: "Hardware walks the guest's tables; the guest's commands go through the VMM and the host.",
    arch: "smmuv3",
    preset: "grace",
    mode: "nested, trapped",
    mapped: "The entries were written and nobody was told: nothing of them can be cached yet.",
    unmapped:
      "The write of CMDQ_PROD left the guest. The VMM read the batch and handed it on by one IOMMU_HWPT_INVALIDATE.",
  },
  {
    id: "mode-direct",
    title: "Nested, with a queue of the guest's own",
    about:
      "A virtual command queue of the CMDQV is mapped into the guest, and invalidations reach hardware with no exit at all.",
    arch: "smmuv3",
    preset: "grace",
    mode: "nested, direct",
    mapped: "Configuration commands still go by the trapped queue, as hardware takes none of them from a guest's.",
    unmapped:
      "TLBI and CMD_SYNC went into the guest's VCMDQ, and hardware put the VMID in. Look at the deeds: nobody but the guest did anything.",
  },
  {
    id: "mode-caching-mode",
    title: "VT-d in caching mode",
    about: "CAP.CM has the guest invalidate what it maps, too: each word of it is how the VMM learns of a mapping.",
    arch: "vtd",
    preset: "sapphire-rapids",
    mode: "emulated",
    mapped:
      "Nothing was cached of these addresses, and the guest queued iotlb_inv_dsc all the same (VT-d §6.1). The VMM read the four entries in the guest's second-stage tables and called the host for each.",
    unmapped: "The same descriptor, the same reading of tables: the entries are empty now, and the host unmaps.",
  },
  {
    id: "mode-vtd-nested",
    title: "VT-d, nested",
    about: "The same work where hardware reads the guest's first-stage tables by itself.",
    arch: "vtd",
    preset: "sapphire-rapids",
    mode: "nested, trapped",
    mapped: "The unit is in caching mode here, too; but of first-stage tables nothing is cached that is not present.",
    unmapped: "One p_iotlb_inv_dsc, one exit, one IOMMU_HWPT_INVALIDATE.",
  },
  {
    id: "mode-amd-emulated",
    title: "An emulated AMD IOMMU",
    about: "The VMM follows host (version 1) tables of the guest, which it keeps watch over.",
    arch: "amdvi",
    preset: "full",
    mode: "emulated",
    mapped:
      "Every table entry left the guest, levels above the pages as well: an AMD IOMMU without NpCache promises nothing about invalidations of what is mapped.",
    unmapped: "Each page was taken out when its entry was written. INVALIDATE_IOMMU_PAGES had nothing left to do.",
  },
];

/** Mapped, used and unmapped again. */
const BY_MODE: readonly Lesson[] = WAYS.map(({ id, title, about, arch, preset, mode, mapped, unmapped }) =>
  lesson({ id, group: GROUP, title, about }, virtualMachineOn(arch, preset, { mode }), [
    "The guest is the same in all ways of giving it an IOMMU. Compare what they cost at the end.",
    map(GUEST, IOVA, 4),
    mapped,
    dma(IOVA),
    unmap(GUEST, IOVA, 4),
    unmapped,
    dma(IOVA),
  ]),
);

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
