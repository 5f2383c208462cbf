/**
 * What to look at next for each event number. Arm SMMUv3, IHI 0070 issue G.b, §7.3 (events), §5.2 (STE), §5.4 (CD).
 */

/** Something to try; `command` can be pasted into a shell. */
interface NextCheck {
  readonly text: string;
  readonly command?: string;
}

export interface Advice {
  /** What the event proves to be in order: what was checked before it. */
  readonly provenSound: string;
  readonly checks: readonly NextCheck[];
}

const FETCHED_ADDRESS: NextCheck = {
  text: "Is FetchAddr in memory that the SMMU may read? Look it up in the memory map.",
  command: "grep -i ram /proc/iomem",
};
const MEMORY_ERROR: NextCheck = {
  text: "Did the machine report a memory error at the same time?",
  command: "dmesg | grep -i -e edac -e ghes",
};
const TRACE_MAPS: NextCheck = {
  text: "Record what the kernel maps and unmaps, then look for this address.",
  command: "echo 1 > /sys/kernel/tracing/events/iommu/enable",
};
const CONFIGURED = "The STE was read and is valid, and so is the CD where stage 1 is on.";

const ADVICE: Readonly<Record<number, Advice>> = {
  1: {
    provenSound: "Nothing was looked up: the transaction was refused by its type.",
    checks: [
      { text: "Which kind of transaction did the device send? Reason is for the implementation to define." },
      { text: "Does the interconnect turn atomics or stashing into something the SMMU does not take?" },
    ],
  },
  2: {
    provenSound: "Only the number was looked at; no STE was read.",
    checks: [
      { text: "Compare the StreamID with STRTAB_BASE_CFG.LOG2SIZE: it has to be below 2^LOG2SIZE." },
      { text: "With a two-level table, is the L1STD's Span large enough for this StreamID?" },
      { text: "Does firmware map the requester to this StreamID? See iommu-map in the device tree, or IORT." },
    ],
  },
  3: {
    provenSound: "The StreamID lies inside the Stream table.",
    checks: [
      FETCHED_ADDRESS,
      { text: "Does STRTAB_BASE, or the L1STD's L2Ptr, hold a physical address?" },
      MEMORY_ERROR,
    ],
  },
  4: {
    provenSound: "The STE was read.",
    checks: [
      { text: "Is STE.V 1? A stream nobody set up has V = 0." },
      { text: "Paste the STE's eight words here to see which field is ILLEGAL." },
      { text: "Was CMD_CFGI_STE sent after the STE was written? The SMMU may hold the old one." },
    ],
  },
  5: {
    provenSound: "The STE was read and is valid.",
    checks: [
      { text: "Is STE.EATS 0b00, or does the STE bypass both stages? Either refuses Translation Requests." },
      {
        text: "Is ATS on in the device, although the driver did not ask for it?",
        command: "lspci -vvv | grep -A2 ATSCtl",
      },
    ],
  },
  6: {
    provenSound: "The STE was read and is valid.",
    checks: [
      { text: "STE.S1DSS = 0b00 refuses traffic without a PASID. Does the device send any?" },
      { text: "STE.S1DSS = 0b10 keeps SubstreamID 0 for traffic without one. Does the device use PASID 0?" },
    ],
  },
  7: {
    provenSound: "This is not C_BAD_STREAMID (0x02): the Stream table is long enough, and the STE was read.",
    checks: [
      { text: "Is ATS on in the device?", command: "lspci -vvv | grep -A2 ATSCtl" },
      { text: "Does firmware say that this root port does ATS? See the IORT root complex node." },
      { text: "STE word 1, bits 29:28 (EATS): 0b00 explains this event, as does a bypass STE." },
      { text: "Does it stop without ATS? CR0.ATSCHK = 0 would let the request pass unchecked.", command: "pci=noats" },
    ],
  },
  8: {
    provenSound: "The STE was read and is valid.",
    checks: [
      { text: "Is the SubstreamID below 2^STE.S1CDMax, and is S1CDMax above 0?" },
      { text: "With a two-level CD table, is the L1CD of this SubstreamID valid?" },
      { text: "Did the driver bind a PASID that was released while the device still used it?" },
    ],
  },
  9: {
    provenSound: "The STE was read and is valid.",
    checks: [
      FETCHED_ADDRESS,
      { text: "STE.S1ContextPtr is an IPA when stage 2 is on. Does it hold a physical address by mistake?" },
      MEMORY_ERROR,
    ],
  },
  10: {
    provenSound: "The STE is valid and the CD was read.",
    checks: [
      { text: "Is CD.V 1? A PASID that was released leaves V = 0." },
      { text: "Paste the CD's eight words here to see which field is ILLEGAL." },
      { text: "Was CMD_CFGI_CD sent after the CD was written?" },
    ],
  },
  11: {
    provenSound: CONFIGURED,
    checks: [
      { text: "Does a table descriptor hold an address where no memory is? FetchAddr is where the walk read." },
      FETCHED_ADDRESS,
      MEMORY_ERROR,
    ],
  },
  16: {
    provenSound: CONFIGURED,
    checks: [
      { text: "S2 = 1: the host does not map this IPA. S2 = 0: the driver does not map this IOVA." },
      TRACE_MAPS,
      { text: "Was the buffer unmapped while the device still used it? The address was valid a moment before." },
      { text: "Is InputAddr a physical address? Then a driver went around the DMA API." },
    ],
  },
  17: {
    provenSound: CONFIGURED,
    checks: [
      { text: "Stage 1: does a descriptor point beyond CD.IPS? Stage 2: beyond STE.S2PS?" },
      { text: "Does a descriptor hold garbage above the address? Step through the walk to see which one." },
    ],
  },
  18: {
    provenSound: `${CONFIGURED} A leaf descriptor maps the address.`,
    checks: [
      { text: "Does software set AF when it writes the descriptor? Without CD.HA the SMMU does not." },
      { text: "Are the tables shared with the CPU, whose kernel clears AF to learn what is used?" },
    ],
  },
  19: {
    provenSound: `${CONFIGURED} A leaf descriptor maps the address.`,
    checks: [
      { text: "RnW = 0: was the buffer mapped for reading by the device only (DMA_TO_DEVICE)?" },
      { text: "InD = 1 or PnU = 1: do the descriptor's XN and AP bits allow that?" },
      { text: "S2 = 1 with CLASS TTD: stage 2 does not let the SMMU read the stage-1 table." },
      TRACE_MAPS,
    ],
  },
  32: {
    provenSound: CONFIGURED,
    checks: [
      { text: "Was a table replaced by a block, or a contiguous run changed, without unmapping in between?" },
      { text: "Is CMD_TLBI for the old size sent before the new descriptor is written?" },
    ],
  },
  33: {
    provenSound: "The StreamID lies inside the Stream table.",
    checks: [{ text: "Was STE.Cont or a range of CMD_CFGI_STE_RANGE wrong, so that old and new entries overlap?" }],
  },
  36: {
    provenSound: "Nothing failed: the device says what it will need.",
    checks: [{ text: "Nothing has to be done. Software may map the range ahead of the access." }],
  },
  37: {
    provenSound: "The STE was read and is valid.",
    checks: [FETCHED_ADDRESS, { text: "Does STE.VMSPtr hold a physical address?" }, MEMORY_ERROR],
  },
};

/** Advice for an event number; null where the architecture defines none. */
export function adviceFor(event: number): Advice | null {
  return ADVICE[event] ?? null;
}
