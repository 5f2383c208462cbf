/**
 * What registers of Intel VT-d say of a unit that does not do what one expects. VT-d specification, revision 4.1, §11.4.
 */
import type { RegisterRule } from "../register_advice.ts";
import { ruleFor } from "../register_advice.ts";
import type { Advice, Statement } from "../statement.ts";
import { vtdRegister } from "./structure_kinds.ts";

const s = (text: string, section: string): Statement => ({ text, section: `VT-d §${section}` });

/** An error of the invalidation queue: FSTS.IQE, ITE and ICE. */
export const QUEUE: Readonly<Record<"IQE" | "ITE" | "ICE", Advice>> = {
  IQE: {
    consequence: "The unit stopped at a descriptor of the invalidation queue.",
    cause: [s("The descriptor at IQH has a reserved type or reserved bits, or could not be read.", "6.5.2.11")],
    checks: [
      s("Read the descriptor at IQH: its type, and whether IQA.DW is the width it was written with.", "6.5.2"),
      s("Does ECAP offer what it asks for? PASID descriptors need scalable mode.", "11.4.3"),
    ],
    notThis: [],
  },
  ITE: {
    consequence: "A device did not answer an invalidation of its device TLB in time.",
    cause: [s("Descriptors behind the wait are dropped until ITE is cleared.", "6.5.2.11")],
    checks: [
      s("Is the device still there: powered, not reset, not unplugged?", "6.5.2.11"),
      s("Is ATS on in the device although its driver has gone?", "4.2"),
    ],
    notThis: [s("The descriptor at the head is the wait, not the one that failed.", "6.5.2.8")],
  },
  ICE: {
    consequence: "A device answered an invalidation of its device TLB wrongly.",
    cause: [s("A completion with an unexpected tag or requester arrived.", "6.5.2.11")],
    checks: [s("Look for PCIe errors of the device at the same time.", "6.5.2.11")],
    notThis: [],
  },
};

const LOST: Advice = {
  consequence: "Fault records were lost.",
  cause: [s("PFO: every fault recording register was full.", "7.2")],
  checks: [s("Look at the first faults: later ones are mostly repeats.", "7.2")],
  notThis: [],
};

const bit = (register: string, name: string, advice: Advice, value = 1n): RegisterRule => ({
  register,
  when: (field) => field(name) === value,
  advice,
});

/** Version 15.15 was never assigned: reads that nothing answers give ones. */
const GONE: RegisterRule = {
  register: "VER",
  when: (field) => field("MAX") === 15n && field("MIN") === 15n,
  advice: {
    consequence: "The unit does not answer: its registers read as ones.",
    cause: [s("No unit has this version; a read that nobody answers gives ones.", "11.4.1")],
    checks: [s("Is the unit, or the part of the chip that it stands in, switched off or asleep?", "11.4.1")],
    notThis: [s("The other registers say nothing: they read as ones for the same reason.", "11.4.1")],
  },
};

/** The gravest first. */
const RULES: readonly RegisterRule[] = [
  GONE,
  bit("FSTS", "IQE", QUEUE.IQE),
  bit("FSTS", "ITE", QUEUE.ITE),
  bit("FSTS", "ICE", QUEUE.ICE),
  bit("FSTS", "PFO", LOST),
  bit("FSTS", "PPF", {
    consequence: "A fault record waits to be read.",
    cause: [s("PPF: a fault recording register has its F bit set; FRI is its index.", "11.4.7.1")],
    checks: [
      s("Read the kernel log: its handler prints the record and clears it.", "7.2"),
      s("Is FECTL.IM 1? Then the interrupt that starts the handler is held back.", "11.4.7"),
    ],
    notThis: [],
  }),
  bit("PRS", "PRO", {
    consequence: "Page requests were lost.",
    cause: [s("PRO: a request found the page request queue full.", "7.5")],
    checks: [
      s("Does software move PQH on? Until PRO is cleared every further request is turned away.", "7.5"),
      s("Is the queue as large as all devices' outstanding requests together?", "7.5"),
    ],
    notThis: [],
  }),
  bit(
    "GSTS",
    "TES",
    {
      consequence: "The unit does not translate: requests go where their addresses point.",
      cause: [s("TES is 0: software has not set GCMD.TE, or has cleared it again.", "11.4.4")],
      checks: [
        s("Was the kernel started with intel_iommu=off, or is the IOMMU off in firmware?", "11.4.4"),
        s("Does another unit translate for the device? DMAR tables say which devices each has.", "8.3"),
      ],
      notThis: [s("Interrupts may be remapped all the same: IRES tells.", "11.4.4")],
    },
    0n,
  ),
  bit(
    "RTADDR",
    "TTM",
    {
      consequence: "Every request is refused: the unit is in abort-DMA mode.",
      cause: [s("TTM is 3. No table is read in this mode.", "11.4.5")],
      checks: [s("Did a crash kernel or firmware leave the unit so, until a driver sets new tables?", "11.4.5")],
      notThis: [],
    },
    3n,
  ),
  bit("PMEN", "PRS", {
    consequence: "Requests to the protected memory regions are refused.",
    cause: [s("PRS is 1: the regions of PLMBASE to PLMLIMIT and PHMBASE to PHMLIMIT are in force.", "11.4.8")],
    checks: [
      s("Firmware sets them before the kernel starts. Has the kernel cleared EPM once it translates?", "11.4.8"),
      s("Does the address of the fault lie in one of the regions?", "3.14"),
    ],
    notThis: [],
  }),
  bit("FECTL", "IM", {
    consequence: "Faults are recorded, but nobody is told.",
    cause: [s("IM is 1: the fault event message is held back.", "11.4.7")],
    checks: [s("Read the fault recording registers: the log has nothing of them.", "7.3")],
    notThis: [],
  }),
  bit("CAP", "CM", {
    consequence: "This unit is most likely emulated, or part of a virtual machine.",
    cause: [s("CM is 1: software must invalidate after it makes an entry present, too.", "6.1")],
    checks: [s("Does the driver invalidate after it maps? On hardware without CM it need not.", "6.1")],
    notThis: [],
  }),
];

/** Advice on the registers of a unit, by name; null where nothing is worth a word. */
export const vtdRegisterAdvice = (registers: Readonly<Record<string, string>>): Advice | null =>
  ruleFor(
    RULES,
    (name) => vtdRegister(name)?.layout,
    (name) => (Object.hasOwn(registers, name) ? BigInt(registers[name]!) : null),
  );
