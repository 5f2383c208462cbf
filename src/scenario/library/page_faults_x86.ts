/** A lesson on page requests that find no room, behind VT-d. */
import type { Action } from "../../protocol/machine.ts";
import { type Lesson, lesson } from "./lesson.ts";
import { kernelOn, NIC } from "./machines.ts";
import { PAGE_FAULTS_GROUP } from "./page_faults.ts";
import { bind, KERNEL, readFaults } from "./verbs.ts";

const IOVA = 0x10_0000;
const PROCESS = { ...KERNEL, pasid: 5 };
const PAGES = 4;
/** Requests that a queue of one page has room for: one of its 128 entries stays free. */
const ROOM = 127;

const request = (group: number): Action => ({
  do: "page request",
  sid: NIC.sid,
  ssid: PROCESS.pasid,
  address: BigInt(IOVA + 0x1000 * (group % PAGES)),
  prgIndex: group,
  read: true,
  write: true,
  execute: false,
  privileged: false,
  last: true,
});

export const PAGE_FAULTS_X86: readonly Lesson[] = [
  lesson(
    {
      id: "pri-overflow-vtd",
      group: PAGE_FAULTS_GROUP,
      title: "Page requests that find no room: VT-d",
      about: "A card asks for more pages than the queue holds before the kernel looks, and some requests are lost.",
    },
    kernelOn("vtd", "sapphire-rapids", { ats: true }),
    [
      bind(PROCESS, IOVA, PAGES),
      `A process with ${PAGES} pages of addresses, bound to PASID ${PROCESS.pasid} of the card. The card now asks ${ROOM + 2} times, each a group of its own, while the kernel is busy.`,
      ...Array.from({ length: ROOM + 2 }, (_, group) => request(group)),
      `The page request queue had room for ${ROOM}; the next request set PRS.PRO and was lost, and so is every other until PRO is cleared. The unit answered the lost ones with Success by itself, so that the card asks again (VT-d §7.4).`,
      readFaults,
      "The kernel answered what was in the queue, then found PRO set, dropped groups whose last request may be lost, and cleared PRO.",
      request(0),
      "The next request is in the queue again.",
      readFaults,
    ],
  ),
];
