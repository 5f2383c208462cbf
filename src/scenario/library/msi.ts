/** Lessons on how an interrupt of a card, which is a write, gets through two stages of translation. */
import type { Action, MachineDescription } from "../../protocol/machine.ts";
import { type Lesson, lesson } from "./lesson.ts";
import { NIC, virtualMachine, virtualMachineOn } from "./machines.ts";
import { dma, GUEST, map, mapAt, message, remappable, routeInterrupt } from "./verbs.ts";

const GROUP = "Interrupts through nesting";
const IOVA = 0x10_0000;
/** Where the host maps doorbells for devices (IOMMU_RESV_SW_MSI), and GITS_TRANSLATER within the page here. */
const WINDOW = 0x800_0000;
const DOORBELL = 0x40;
/** Data of the card's message: the event that its interrupt is, by its number on the bus. */
const EVENT = NIC.sid;

const SOFTWARE_WINDOW: Lesson = lesson(
  {
    id: "msi-software-window",
    group: GROUP,
    title: "The host's window for doorbells",
    about: "On Arm an interrupt message is a write like any other: without a mapping of the doorbell it faults.",
  },
  virtualMachine({ mode: "emulated" }),
  [
    map(GUEST, IOVA, 1),
    "The card is attached to an IOAS of what the guest maps. Its interrupts would be writes to GITS_TRANSLATER of the physical ITS, at 0x8090040.",
    message(WINDOW + DOORBELL, EVENT),
    "Nobody has mapped a doorbell yet: the write is refused, as any stray one.",
    routeInterrupt,
    "The guest enabled the interrupt. The VMM handed the kernel an eventfd (VFIO_DEVICE_SET_IRQS), and the kernel mapped the page of the ITS into the card's tables, at the start of a window that iommufd keeps free for it (0x8000000 to 0x80fffff, IOMMU_RESV_SW_MSI). It told the card that address.",
    message(WINDOW + DOORBELL, EVENT),
    "The message reached the ITS. The host's handler signalled the eventfd, and the VMM interrupted the guest: look at the deeds.",
  ],
);

const FLAT: Lesson = lesson(
  {
    id: "msi-flat-mapping",
    group: GROUP,
    title: "A doorbell mapped flat by the guest",
    about:
      "With nesting stage 1 is the guest's, so the guest has to let the host's window through: as firmware asks it to.",
  },
  virtualMachine(),
  [
    map(GUEST, IOVA, 1),
    routeInterrupt,
    "The host mapped the doorbell in stage 2, the only one it has: at IPA 0x8000000. The card writes to that address, as an IOVA.",
    message(WINDOW + DOORBELL, EVENT),
    "Stage 1 comes first, and it has nothing at 0x8000000: refused.",
    mapAt(GUEST, WINDOW, WINDOW),
    "The VMM's firmware tables name the window as a reserved memory range (RMR) of the card. A guest maps such a range flat, each address to itself, as long as the card has it.",
    message(WINDOW + DOORBELL, EVENT),
    "IOVA 0x8000040 to IPA 0x8000040 by stage 1, and to the physical doorbell by stage 2.",
    dma(IOVA),
    "Everything else is as before.",
  ],
);

const GUEST_WINDOW = 0xfff0_0000;

const NESTED_DOORBELL: Lesson = lesson(
  {
    id: "msi-nested-doorbell",
    group: GROUP,
    title: "A doorbell behind both stages",
    about: "The guest chooses the address of the doorbell by itself, as on hardware, and both stages translate it.",
  },
  virtualMachine(),
  [
    map(GUEST, IOVA, 1),
    routeInterrupt,
    "The VMM has laid out the guest's memory so that the page of the guest's ITS lies at IPA 0x8000000, where the host maps the page of the physical one.",
    mapAt(GUEST, GUEST_WINDOW, WINDOW),
    "The guest did what it does without a VMM: it mapped the doorbell of its ITS at an IOVA of its own choice, 0xfff00000. Nothing in its firmware tables says that this card is special.",
    message(GUEST_WINDOW + DOORBELL, EVENT),
    "Two stages, and the physical doorbell at the end. The card has to be told the guest's address, and the guest's message with it. How a VMM tells the host's kernel of it is a matter of patches that are posted; here it simply holds.",
    message(WINDOW + DOORBELL, EVENT),
    "The host's own address is nothing to stage 1: refused.",
  ],
);

/** How an IOMMU looks up what a device may send, in its own words. */
interface Remapping {
  readonly id: string;
  readonly on: string;
  readonly machine: MachineDescription;
  readonly about: string;
  readonly made: string;
  readonly sent: Action;
  readonly found: string;
  readonly strange: Action;
  readonly blocked: string;
}

const MESSAGES = 0xfee0_0000;

const REMAPPING: readonly Remapping[] = [
  {
    id: "msi-remapped",
    on: "VT-d",
    machine: virtualMachineOn("vtd", "sapphire-rapids"),
    about: "On x86 writes to 0xFEExxxxx are no memory: VT-d takes them as interrupts, and looks up who may send which.",
    made: "The host made an interrupt remapping table entry (IRTE) that only this card may use (SVT, SID), and told the card its handle, in the address of the message. Tables of either stage have no part in it.",
    sent: remappable(0),
    found:
      "The unit took the write as an interrupt (VT-d §5.1), found entry 0 and the card's requester id in it, and the message went to the processor. The eventfd was signalled, and the VMM interrupted the guest.",
    strange: remappable(1),
    blocked: "Handle 1 is nobody's: the message is blocked, with a fault.",
  },
  {
    id: "msi-remapped-amd",
    on: "AMD-Vi",
    machine: virtualMachineOn("amdvi", "full", { amdNesting: "as intended" }),
    about: "AMD's IOMMU has an interrupt table for each device, and the data of a message is an index of it.",
    made: "The host's device table entry of the card has IV, and leads to a table that is the card's alone (IntCtl, IntTabLen, 48882 §2.2.5). The host wrote entry 0 of it, and told the card to send 0 to 0xfee00000. The guest's own device table entry says nothing of interrupts that counts: the host takes over only what is of translation.",
    sent: message(MESSAGES, 0),
    found:
      "The IOMMU took the write as an interrupt, found RemapEn and a vector in entry 0, and the message went to the processor. The eventfd was signalled, and the VMM interrupted the guest.",
    strange: message(MESSAGES, 1),
    blocked: "Entry 1 has RemapEn = 0: the message is refused, and an IO_PAGE_FAULT with I = 1 is logged.",
  },
];

const remapped = ({ id, on, machine, about, made, sent, found, strange, blocked }: Remapping): Lesson =>
  lesson({ id, group: GROUP, title: `Interrupt remapping: ${on}`, about }, machine, [
    map(GUEST, IOVA, 1),
    routeInterrupt,
    made,
    sent,
    found,
    strange,
    `${blocked} A guest that has its card write whatever it likes cannot make up interrupts.`,
  ]);

export const MSI: readonly Lesson[] = [SOFTWARE_WINDOW, FLAT, NESTED_DOORBELL, ...REMAPPING.map(remapped)];
