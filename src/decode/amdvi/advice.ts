/**
 * What events of AMD-Vi mean and what to look at next. AMD IOMMU specification 48882, revision 3.10.
 */
import type { DecodedEntry } from "../entry.ts";
import type { Advice, Statement } from "../statement.ts";
import type { AmdEventEntry } from "./entries.ts";
import { amdviRegisterAdvice } from "./register_advice.ts";

const s = (text: string, section: string): Statement => ({ text, section: `48882 §${section}` });

const UNMAPPED = s("Was the buffer unmapped while the device still used it?", "2.2.3");
const BYPASS = s("Is the address physical? Then a driver went around the DMA API.", "2.2.3");

const PAGE_FAULTS: Readonly<Record<string, Advice>> = {
  "not present": {
    consequence: "The address is not mapped for this device.",
    cause: [s("PR is 0: a table entry on the way is not present. RW and PE mean nothing then.", "2.5.3")],
    checks: [UNMAPPED, BYPASS, s("Does IVRS list the range as unity-mapped, and is that mapping in place?", "2.2.3")],
    notThis: [s("It does not say whether the device read or wrote.", "2.5.3")],
  },
  permission: {
    consequence: "The address is mapped, but not for this kind of access.",
    cause: [s("IR and IW of every level, and of the device table entry, must allow the access.", "2.2.3")],
    checks: [
      s("Was the buffer mapped for the other direction only (DMA_TO_DEVICE, DMA_FROM_DEVICE)?", "2.2.3"),
      s("Do IR and IW in the device table entry allow the access?", "2.2.2.1"),
    ],
    notThis: [],
  },
  "interrupt not remapped": {
    consequence: "An interrupt of the device was refused.",
    cause: [s("I is 1: the request lay in the interrupt range, and its IRTE does not let it pass.", "2.2.5")],
    checks: [
      s("Is IntTabLen large enough, and RemapEn set in the entry that the message selects?", "2.2.5"),
      s("Does an IO-APIC have the requester that IVRS says?", "2.2.5"),
    ],
    notThis: [s("It is no memory fault: no page table was read.", "2.5.3")],
  },
};

const EVENTS: Readonly<Record<string, Advice>> = {
  ILLEGAL_DEV_TABLE_ENTRY: {
    consequence: "The device table entry has a value that the architecture does not allow.",
    cause: [
      s("RZ says that reserved bits are set, or that a field has a reserved value.", "2.5.2"),
      s("With SNP on, entries with V and TV and Mode 0 are refused, too.", "2.2.2.1"),
    ],
    checks: [
      s("Paste the entry's four words here; Linux prints them behind the event.", "2.2.2.1"),
      s("Was INVALIDATE_DEVTAB_ENTRY sent after the entry was written?", "2.4.2"),
    ],
    notThis: [],
  },
  IOTLB_INV_TIMEOUT: {
    consequence: "A device did not answer an invalidation of its IOTLB in time.",
    cause: [s("The address is that of the command in the command buffer, not one the device used.", "2.5.8")],
    checks: [
      s("Is the device still there: powered, not reset, not unplugged?", "2.5.8"),
      s("Is ATS on in the device although its driver has gone or hangs?", "2.2.2.1"),
    ],
    notThis: [s("It is no DMA fault, although a DMA address seems to stand there.", "2.5.8")],
  },
  ILLEGAL_COMMAND_ERROR: {
    consequence: "The command buffer stopped at a command that is not legal.",
    cause: [s("The opcode is reserved, or reserved bits are set.", "2.5.6")],
    checks: [s("Read the command at the printed address; later ones wait until the buffer is restarted.", "2.5.6")],
    notThis: [],
  },
  INVALID_DEVICE_REQUEST: {
    consequence: "A device made a kind of request that its device table entry does not let pass.",
    cause: [s("Type, bits 11:9 of the flags, says which kind.", "2.5.9")],
    checks: [s("Compare IntCtl, SysMgt, IoCtl and I of the device table entry with the kind.", "2.2.2.1")],
    notThis: [s("The flags are no single bits here: 0xa00 is type 5.", "2.5.9")],
  },
  PAGE_TAB_HARDWARE_ERROR: {
    consequence: "A page table could not be read.",
    cause: [s("Nothing answered where an entry points.", "2.5.5")],
    checks: [s("Does the entry hold garbage, or a table that was freed?", "2.5.5")],
    notThis: [],
  },
};

const TIMEOUT: Advice = {
  consequence: "Software gave up waiting for a COMPLETION_WAIT.",
  cause: [s("It completes only when the commands before it have.", "2.4.1")],
  checks: [
    s("Is there an IOTLB_INV_TIMEOUT next to it? Then that device blocks the buffer.", "2.5.8"),
    s("Has the buffer stopped: STATUS.CmdBufRun 0, or an illegal command logged?", "2.4"),
  ],
  notThis: [],
};

function forEvent(e: AmdEventEntry): Advice | null {
  return e.event === "IO_PAGE_FAULT" ? (PAGE_FAULTS[e.cause ?? ""] ?? null) : (EVENTS[e.event] ?? null);
}

const WAITING: Advice = {
  consequence: "Commands wait in the buffer.",
  cause: [s("The tail is ahead of the head: these commands are not carried out yet.", "2.4")],
  checks: [
    s("Read the buffer again: one that moves is only busy.", "2.4"),
    s("Is STATUS.CmdBufRun 1? A buffer that has stopped stands at the command that stopped it.", "2.4"),
    s("Does an IOTLB invalidation wait for a device that does not answer?", "2.5.8"),
  ],
  notThis: [s("What lies behind the head is carried out: it is there for the reader only.", "2.4")],
};

const ABORTED: Advice = {
  consequence: "The entry lets no interrupt pass.",
  cause: [s("RemapEn is 0: a message that selects this entry ends in a target abort.", "2.2.5")],
  checks: [s("Did the driver free its interrupts before it stopped the device?", "2.2.5")],
  notThis: [],
};

/** What an entry means; null where there is nothing to add to its summary. */
export function amdviAdvice(e: DecodedEntry): Advice | null {
  switch (e.type) {
    case "amd-event":
      return forEvent(e);
    case "amd-completion-wait-timeout":
      return TIMEOUT;
    case "amd-cmdbuf":
      return e.head === e.tail ? null : WAITING;
    case "amd-command":
      return e.command === null || e.reserved_set ? EVENTS.ILLEGAL_COMMAND_ERROR! : null;
    case "amd-register":
      return e.name === null ? null : amdviRegisterAdvice(e.name, e.value);
    case "amd-irte":
      return e.remapped ? null : ABORTED;
    default:
      return null;
  }
}
