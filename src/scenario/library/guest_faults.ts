/** Lessons on faults that wait for a guest's answer: from hardware through host and VMM to the guest, and the answer back. */
import { type Lesson, lesson } from "./lesson.ts";
import { virtualMachine, virtualMachineOn } from "./machines.ts";
import { access, bind, dma, GUEST, map, readFaults, unmap } from "./verbs.ts";

const GROUP = "Page faults";
const IOVA = 0x10_0000;
/** A buffer beside the process. */
const OTHER = 0x20_0000;
const PASID = 5;
const PROCESS = { ...GUEST, pasid: PASID };

export const GUEST_FAULTS: readonly Lesson[] = [
  lesson(
    {
      id: "stall-served-by-a-guest",
      group: GROUP,
      title: "A stall is served by a guest",
      about: "A write stalls in the physical SMMU, and it is a process of the guest that has the page.",
    },
    virtualMachine(),
    [
      "The VMM has a fault queue of the host's (IOMMU_FAULT_QUEUE_ALLOC), and makes every nested HWPT with it. Faults of stage 1 that wait go there, and not to the vEVENTQ.",
      bind(PROCESS, IOVA, 4),
      "A process of the guest is bound to PASID 5 of the card, without a page. The guest set CD.S: this is the CD that hardware reads.",
      dma(IOVA, PASID),
      "The write stalls. The host reads F_TRANSLATION with Stall = 1, and hands it to the fault queue as iommu_hwpt_pgfault. The VMM reads that, and puts an event with Stall = 1 into the guest's Event queue: its STAG is the cookie that the answer has to name.",
      readFaults,
      "The guest found the address in the process, mapped a page and sent CMD_RESUME with Ac = 1. That command left the guest, became an iommu_hwpt_page_response, and then CMD_RESUME of the host's with the tag of the hardware. The write went through, in two stages.",
      dma(IOVA, PASID),
      "The page is there now.",
      dma(IOVA + 0x4000, PASID),
      readFaults,
      "An address that is nobody's: the guest ends the write, and so does the host.",
    ],
  ),
  lesson(
    {
      id: "pri-served-by-a-guest",
      group: GROUP,
      title: "A page request is served by a guest",
      about: "A card with ATS and PRI, given to a guest on VT-d, asks for a page that only the guest can bring.",
    },
    virtualMachineOn("vtd", "sapphire-rapids", { ats: true }),
    [
      "The virtual unit offers page requests (ECAP.PRS), as the card has PRI. Nested HWPTs are made with the VMM's fault queue.",
      bind(PROCESS, IOVA, 4),
      "A process of the guest is bound to PASID 5 of the card, without a page: a PASID table entry, and a nested HWPT for that PASID.",
      access(IOVA, PASID),
      "The card asked for a translation, got none, and asked for the page. The request went into the host's page request queue, from there as iommu_hwpt_pgfault to the VMM, and as page_req_dsc into the guest's queue, with the guest's requester id.",
      readFaults,
      "The guest mapped a page and queued page_grp_resp_dsc with Success. The VMM answered the group by its cookie, the host told the unit, and the unit the card, which asked for its translation anew.",
      access(IOVA, PASID),
      "The card has the translation in its own cache now.",
      access(IOVA + 0x4000, PASID),
      readFaults,
      "Invalid Request: the address is nobody's, and the card gives up.",
    ],
  ),
  lesson(
    {
      id: "pri-served-by-a-guest-amd",
      group: GROUP,
      title: "A page request is served by a guest: AMD-Vi",
      about:
        "The same on AMD, once nesting can be reached: from the host's PPR log to the guest's, and the answer back.",
    },
    virtualMachineOn("amdvi", "full", { amdNesting: "as intended", ats: true }),
    [
      "The virtual IOMMU offers page requests (EFR.PPRSup), as the card has PRI, and the nested HWPT is made with the VMM's fault queue. Linux 7.2 takes the guest's PPR bit into the card's device table entry, and has nothing yet that hands a guest's requests on; here the queue takes them.",
      bind(PROCESS, IOVA, 4),
      "A process of the guest is bound to PASID 5 of the card: an entry of the GCR3 table, which is the guest's.",
      access(IOVA, PASID),
      "The card asked for a translation, got none, and asked for the page. The request went into the host's PPR log (48882 §2.6), from there as iommu_hwpt_pgfault to the VMM, and as PAGE_SERVICE_REQUEST into the guest's log, with the DeviceID that the guest knows.",
      readFaults,
      "The guest mapped a page and queued COMPLETE_PPR_REQUEST with Success. The VMM answered the group by its cookie, the host told the IOMMU by a command of its own, and the IOMMU the card.",
      access(IOVA, PASID),
      "The card has the translation in its own cache now.",
      access(IOVA + 0x4000, PASID),
      readFaults,
      "Invalid Request: the address is nobody's, and the card gives up.",
    ],
  ),
  lesson(
    {
      id: "pri-asked-again-amd",
      group: GROUP,
      title: "A page request that has to be made again: AMD-Vi",
      about: "While a card waits for a page the guest unmaps something else, for which its nested HWPT is made anew.",
    },
    virtualMachineOn("amdvi", "full", { amdNesting: "as intended", ats: true }),
    [
      map(GUEST, OTHER, 1),
      bind(PROCESS, IOVA, 4),
      access(IOVA, PASID),
      "The card asked for a page of the process and waits. Its request has come by the nested HWPT's fault queue, and stands in the guest's PPR log; nobody has read it yet.",
      unmap(GUEST, OTHER, 1),
      "The guest unmapped a buffer that has nothing to do with it. No call drops cached translations of a guest on AMD, so that the VMM has the nested HWPT made anew; and the kernel refuses whatever waits at a HWPT that a device leaves (iommufd_auto_response_faults). The VMM was faster: it answered with Success, which for a card means to try again.",
      access(IOVA, PASID),
      "There was still no page, and the card asked once more, by the new HWPT.",
      readFaults,
      "Two requests stood in the guest's log. It brought the page for the first, found it there for the second, and answered both; of the first the VMM knew no more.",
      access(IOVA, PASID),
      "Refused once, the card would have given the access up.",
    ],
  ),
  lesson(
    {
      id: "pri-served-by-amd-viommu",
      group: GROUP,
      title: "A page request is served by a guest: AMD vIOMMU",
      about: "The request goes into the guest's own log, and the answer comes from its own command buffer: no exit.",
    },
    virtualMachineOn("amdvi", "full", { amdNesting: "as intended", mode: "nested, direct", ats: true }),
    [
      "The guest enabled a PPR log, and the VMM made it a hardware queue over guest memory (IOMMU_HW_QUEUE_ALLOC), like the command buffer and the event log. The host's kernel has no part in what follows.",
      bind(PROCESS, IOVA, 4),
      "A process of the guest is bound to PASID 5 of the card: an entry of the GCR3 table, which is the guest's, so that nobody had to be told.",
      access(IOVA, PASID),
      "The card asked for a translation, got none, and asked for the page. The IOMMU found vImuEn in the card's device table entry, and wrote the request into the guest's PPR log, with the DeviceID that the guest knows (48882 §2.6).",
      readFaults,
      "The guest mapped a page and queued COMPLETE_PPR_REQUEST. The IOMMU read it from guest memory, put the card's own DeviceID in, and told the card.",
      access(IOVA, PASID),
      "The card has the translation in its own cache now. What the guest unmaps, it has the card forget by INVALIDATE_IOTLB_PAGES of its own.",
      access(IOVA + 0x4000, PASID),
      readFaults,
      "Invalid Request: the address is nobody's, and the card gives up.",
    ],
  ),
];
