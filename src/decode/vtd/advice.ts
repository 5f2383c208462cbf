/**
 * What faults and queue errors of Intel VT-d mean and what to look at next. VT-d specification, revision 4.1.
 */
import type { DecodedEntry } from "../entry.ts";
import type { Advice, Statement } from "../statement.ts";
import type { VtdFaultEntry } from "./entries.ts";
import { QUEUE, vtdRegisterAdvice } from "./register_advice.ts";

const s = (text: string, section: string): Statement => ({ text, section: `VT-d §${section}` });

const STALE = s("Was the cache invalidated after the entry was changed? The unit may hold the old one.", "6.2");
const WRONG_REQUESTER = s(
  "Is the requester the device itself? Bridges and faulty devices send other numbers.",
  "3.4.1",
);
const UNMAPPED = s("Was the buffer unmapped while the device still used it?", "3.7");
const BYPASS = s(
  "Is the address physical? Then a driver went around the DMA API, or firmware left the device running.",
  "3.16",
);

interface ReasonAdvice {
  readonly consequence: string;
  readonly cause: readonly Statement[];
  readonly checks: readonly Statement[];
  readonly notThis?: readonly Statement[];
}

const CONTEXT_ABSENT: ReasonAdvice = {
  consequence: "{who} has no context entry: every request of it is refused.",
  cause: [s("P is 0 in the context entry that bus, device and function select.", "9.3")],
  checks: [WRONG_REQUESTER, s("Did a driver detach the device while it still sent requests?", "9.3"), STALE],
  notThis: [s("It says nothing about the address: no page table was read.", "7.1.3")],
};
const READ_REFUSED: ReasonAdvice = {
  consequence: "{who} read a page that does not allow reading, or is not mapped.",
  cause: [s("An entry of the second stage has R at 0; one with neither R nor W maps nothing.", "9.8")],
  checks: [UNMAPPED, BYPASS, s("Does firmware list the range as reserved memory (RMRR)?", "8.4")],
};
const WRITE_REFUSED: ReasonAdvice = {
  consequence: "{who} wrote to a page that does not allow writing, or is not mapped.",
  cause: [s("An entry of the second stage has W at 0; one with neither R nor W maps nothing.", "9.8")],
  checks: [UNMAPPED, s("Was the buffer mapped for reading by the device only (DMA_TO_DEVICE)?", "3.7"), BYPASS],
};
const RESERVED_IN_PAGING: ReasonAdvice = {
  consequence: "A paging entry on the way has bits set that this unit reserves.",
  cause: [s("Which bits are reserved depends on the widths and page sizes in CAP and ECAP.", "9.8")],
  checks: [
    s("Does the entry ask for a page size that CAP.SSLPS or FS1GP does not offer?", "11.4.2"),
    s("Is SNP set although ECAP.SC is 0?", "9.8"),
    STALE,
  ],
};

/** By fault reason code; those that share a cause share the advice. */
const REASONS: Readonly<Record<number, ReasonAdvice>> = {
  1: {
    consequence: "No device of this bus has a context table.",
    cause: [s("P is 0 in the root entry of the bus.", "9.1")],
    checks: [WRONG_REQUESTER, s("Was the bus number reassigned, or the bus hot-plugged?", "9.1")],
  },
  2: CONTEXT_ABSENT,
  65: CONTEXT_ABSENT,
  3: {
    consequence: "The context entry of {who} asks for what this unit does not offer.",
    cause: [s("AW is not among CAP.SAGAW, or TT needs ECAP.PT or ECAP.DT.", "9.3")],
    checks: [s("Compare AW with the levels of the page table and with CAP.SAGAW.", "9.3"), STALE],
  },
  4: {
    consequence: "{who} used an address that is wider than its tables or than the unit.",
    cause: [s("Bits above the width of AW, or above CAP.MGAW, are set.", "3.6")],
    checks: [BYPASS, s("Did a guest use addresses that the host's width does not reach?", "3.6")],
  },
  5: WRITE_REFUSED,
  6: READ_REFUSED,
  133: { ...WRITE_REFUSED, cause: [s("A stage that the PASID entry selects does not allow the write.", "3.6")] },
  134: { ...READ_REFUSED, cause: [s("A stage that the PASID entry selects does not allow the read.", "3.6")] },
  10: RESERVED_IN_PAGING,
  11: RESERVED_IN_PAGING,
  12: RESERVED_IN_PAGING,
  114: { ...RESERVED_IN_PAGING, cause: [s("An entry of the first stage has reserved bits set.", "9.7")] },
  122: RESERVED_IN_PAGING,
  32: {
    consequence: "An interrupt message has bits set that its format reserves.",
    cause: [s("The address or the data of the message is not of the remappable format.", "5.1.2.2")],
    checks: [s("Is the device programmed with an address that the driver did not compose?", "5.1.2.2")],
  },
  33: {
    consequence: "An interrupt message selects an entry beyond the interrupt remapping table.",
    cause: [s("The index, with the subhandle, is at or above the size in IRTA.S.", "5.1.3")],
    checks: [s("Compare the index with IRTA.S; was the device programmed before the table was made?", "11.4.10.1")],
  },
  34: {
    consequence: "An interrupt of {who} selects an entry that is not present.",
    cause: [s("P is 0 in the IRTE: the interrupt was freed, or never set up.", "9.10")],
    checks: [s("Did the driver free its interrupts before it stopped the device?", "5.1.3")],
  },
  37: {
    consequence: "An interrupt of {who} came in the old format, which is blocked.",
    cause: [s("Bit 4 of the message's address is 0, and GSTS.CFIS does not let such messages pass.", "5.1.4")],
    checks: [s("Which device still has an MSI address from before remapping was switched on?", "5.1.2.1")],
    notThis: [s("During start-up an IO-APIC may send one such message without harm.", "5.1.4")],
  },
  38: {
    consequence: "An interrupt was sent by another requester than its entry allows.",
    cause: [s("SID, SQ and SVT of the IRTE do not match the requester of the message.", "9.10")],
    checks: [WRONG_REQUESTER, s("Does a bridge send messages in the device's name?", "5.1.2")],
  },
  81: {
    consequence: "The PASID directory has no table for this PASID.",
    cause: [s("P is 0 in the PASID directory entry.", "9.5")],
    checks: [s("Is the PASID bound? Without PASID the request uses RID_PASID.", "9.4"), STALE],
  },
  89: {
    consequence: "The PASID of the request is not bound.",
    cause: [s("P is 0 in the PASID table entry.", "9.6")],
    checks: [s("Was the PASID released while the device still used it?", "9.6"), STALE],
  },
  90: {
    consequence: "The PASID table entry has bits set that this unit reserves.",
    cause: [s("Which bits are reserved depends on ECAP and on PGTT.", "9.6")],
    checks: [s("Paste the entry's words here to see which field is set.", "9.6")],
  },
  91: {
    consequence: "The PASID table entry asks for what this unit does not offer.",
    cause: [s("PGTT, AW or FSPM has a value that is reserved or that ECAP and CAP do not offer.", "9.6")],
    checks: [s("Compare PGTT with ECAP.FSTS, SSTS, NEST and PT; AW with CAP.SAGAW.", "11.4.3")],
  },
  113: {
    consequence: "The first stage does not map the address.",
    cause: [s("P is 0 in an entry of the first-stage tables.", "9.7")],
    checks: [
      UNMAPPED,
      s("With shared tables, was the page touched by the processor or asked for by PRI?", "7.4"),
      BYPASS,
    ],
  },
  120: {
    consequence: "A table of the second stage could not be read.",
    cause: [s("Nothing answers where an entry points.", "3.7")],
    checks: [s("Does the entry hold garbage, or a table that was freed?", "3.7")],
  },
  121: {
    consequence: "The second stage does not map a table or a page that the first stage points to.",
    cause: [s("An entry with neither R nor W was met while a nested request was translated.", "3.8")],
    checks: [s("Is the guest address in memory that the VMM has mapped for the device?", "3.8")],
  },
  128: {
    consequence: "{who} used an address that is not canonical.",
    cause: [s("Bits above the width of the first stage must repeat its highest bit.", "3.6")],
    checks: [BYPASS],
  },
};

function forFault(e: VtdFaultEntry): Advice | null {
  const advice = e.reason === null ? undefined : REASONS[Number(e.reason)];
  if (advice === undefined) return null;
  const who = e.requester === null ? "A device" : `Device ${e.requester}`;
  return {
    consequence: advice.consequence.replace("{who}", who),
    cause: advice.cause,
    checks: advice.checks,
    notThis: advice.notThis ?? [],
  };
}

/** Descriptors wait although no error is told of: nothing takes them. */
const WAITING: Advice = {
  consequence: "Invalidations wait in the queue.",
  cause: [s("IQT is ahead of IQH: the unit has not fetched these descriptors yet.", "6.5.1")],
  checks: [
    s("Read the registers again: a queue that moves is only busy.", "6.5.1"),
    s("Is GSTS.QIES 1? Without it no descriptor is fetched.", "11.4.4"),
    s("Does the descriptor before the head wait for a device TLB that does not answer?", "6.5.2.11"),
  ],
  notThis: [],
};

/** What an entry means; null where there is nothing to add to its summary. */
export function vtdAdvice(e: DecodedEntry): Advice | null {
  switch (e.type) {
    case "vtd-fault":
      return forFault(e);
    case "vtd-qi-error":
      return QUEUE[e.error];
    case "vtd-fsts":
      return vtdRegisterAdvice({ FSTS: e.value });
    case "vtd-register":
      return vtdRegisterAdvice({ [e.name]: e.value });
    case "vtd-registers":
      return vtdRegisterAdvice(e.registers) ?? ((e.descriptors_waiting ?? 0) > 0 ? WAITING : null);
    default:
      return null;
  }
}
