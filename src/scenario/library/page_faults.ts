/** Lessons on processes that share their addresses with a device (SVA): their pages come when the device faults on them. */
import type { Arch } from "../../protocol/machine.ts";
import { type Lesson, lesson } from "./lesson.ts";
import { kernelOn } from "./machines.ts";
import { access, bind, dma, KERNEL, readFaults } from "./verbs.ts";

export const PAGE_FAULTS_GROUP = "Page faults";
const IOVA = 0x10_0000;
const PASID = 5;
/** The process, by the PASID that stands for it. */
const PROCESS = { ...KERNEL, pasid: PASID };
const PAGES = 4;
const BEYOND = IOVA + PAGES * 0x1000;

const STALL: Lesson = lesson(
  {
    id: "stall-served",
    group: PAGE_FAULTS_GROUP,
    title: "A stall is served",
    about: "A write that finds no page waits in the SMMU until the kernel has brought one, or says that there is none.",
  },
  kernelOn("smmuv3", "neoverse"),
  [
    bind(PROCESS, IOVA, PAGES),
    "A process is bound to PASID 5 of the card, with four pages of addresses and not one page behind them. Its CD has S = 1: an access that faults there waits (IHI 0070 §3.12.2).",
    dma(IOVA, PASID),
    "The walk found an empty entry. F_TRANSLATION stands in the Event queue with Stall = 1 and a tag, STAG. Nothing was refused: the write waits in the SMMU.",
    readFaults,
    "The kernel read the event, found the address in the process, mapped a page, and sent CMD_RESUME with Ac = 1 and the tag. The SMMU took the write up again from the beginning, and this time it went through.",
    dma(IOVA, PASID),
    "The page is there now, and nobody waits.",
    dma(BEYOND, PASID),
    "One page beyond what the process has. For the SMMU it is the same fault as the first.",
    readFaults,
    "The address is nobody's: CMD_RESUME with Ac = 0 and Ab = 1 ends the write with an abort.",
  ],
);

/** What an architecture calls the parts of a page request and its answer. */
interface PriWords {
  readonly id: string;
  readonly arch: Arch;
  readonly preset: string;
  readonly on: string;
  readonly queue: string;
  /** How the answers are sent, and the section. */
  readonly response: string;
  readonly success: string;
  readonly invalid: string;
}

const PRI: readonly PriWords[] = [
  {
    id: "pri-served",
    arch: "smmuv3",
    preset: "neoverse",
    on: "SMMUv3",
    queue: "the PRI queue (IHI 0070 §8)",
    response: "CMD_PRI_RESP",
    success: "Resp = Success",
    invalid: "Resp = InvalidRequest",
  },
  {
    id: "pri-served-vtd",
    arch: "vtd",
    preset: "sapphire-rapids",
    on: "VT-d",
    queue: "the page request queue, and PRS.PPR is set (VT-d §7.4, §7.6)",
    response: "a Page Group Response descriptor, page_grp_resp_dsc, in the invalidation queue (VT-d §7.7)",
    success: "RC = Success",
    invalid: "RC = Invalid Request",
  },
  {
    id: "pri-served-amd",
    arch: "amdvi",
    preset: "full",
    on: "AMD-Vi",
    queue: "the peripheral page request (PPR) log (48882 §2.6)",
    response: "COMPLETE_PPR_REQUEST in the command buffer (48882 §2.4.7)",
    success: "ResponseCode = Success",
    invalid: "ResponseCode = Invalid Request",
  },
];

/** A page request that is served, and one that is not, in an architecture's words. */
const requested = ({ id, arch, preset, on, queue, response, success, invalid }: PriWords): Lesson =>
  lesson(
    {
      id,
      group: PAGE_FAULTS_GROUP,
      title: `A page request is served: ${on}`,
      about: "A card with ATS and PRI asks for a page that is not there, and gets it, or is told that there is none.",
    },
    kernelOn(arch, preset, { ats: true }),
    [
      bind(PROCESS, IOVA, PAGES),
      "A process is bound to PASID 5 of the card, with four pages of addresses and not one page behind them.",
      access(IOVA, PASID),
      `The card asked for a translation (ATS) and got none, so it asked for the page (PRI): its Page Request stands in ${queue}, the last and only one of its group. The card holds the write back until it hears.`,
      readFaults,
      `The kernel read the request, found the address in the process, mapped a page, and answered the group: ${response}, ${success}.`,
      access(IOVA, PASID),
      "The card asked for the translation again, keeps it in its own cache, and wrote to the page.",
      access(BEYOND, PASID),
      "One page beyond what the process has: no translation, and another Page Request.",
      readFaults,
      `The address is nobody's: ${response}, ${invalid}. The card gives the access up.`,
    ],
  );

export const PAGE_FAULTS: readonly Lesson[] = [STALL, ...PRI.map(requested)];
