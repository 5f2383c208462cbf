/**
 * Meaning of Command queue errors, timeouts, global errors and overflows. Arm SMMUv3, IHI 0070 issue G.b, §7.
 */
import type { Advice, Statement } from "../statement.ts";

const s = (text: string, section: string): Statement => ({ text, section: `IHI 0070 §${section}` });

const STOPPED = s("The queue stands still until GERROR.CMDQ_ERR is acknowledged through GERRORN.", "7.1");

/** By the code in SMMU_CMDQ_CONS.ERR. */
export const CERROR_ADVICE: Readonly<Record<number, Advice>> = {
  1: {
    consequence: "The SMMU met a command that it cannot carry out.",
    cause: [s("The opcode is unknown here, or a reserved field or value is used.", "7.1"), STOPPED],
    checks: [
      s("Read the command at CMDQ_CONS.RD: older commands are done, it is not.", "7.1"),
      s("Is the feature there: ATS, PRI, stage 2, Hyp, range invalidation?", "4.1.3"),
      s("At the very first command, check alignment and size in CMDQ_BASE.", "6.3.26"),
    ],
    notThis: [s("It says nothing about the device that was using the SMMU.", "7.1")],
  },
  2: {
    consequence: "The SMMU could not read its Command queue.",
    cause: [s("The memory system answered the fetch with an abort.", "7.1"), STOPPED],
    checks: [
      s("Check CMDQ_BASE.ADDR: RAM, aligned to the queue's size, within OAS.", "6.3.26"),
      s("Check that CR1 gives queue accesses attributes that the bus accepts.", "6.3.11"),
    ],
    notThis: [s("No command is at fault: it never arrived.", "7.1")],
  },
  3: {
    consequence: "A device did not answer an ATS invalidation in time.",
    cause: [
      s("A CMD_SYNC could not complete an earlier CMD_ATC_INV.", "7.1"),
      s("The command at RD is the CMD_SYNC, not the invalidation.", "3.9.1.4"),
      STOPPED,
    ],
    checks: [
      s("Is the device still there: powered, in D0, not reset, not unplugged?", "3.9.1.4"),
      s("Look for PCIe errors of the device at the same time.", "3.9.1.4"),
      s("Is ATS on in the device while its STE or driver is being torn down?", "3.9.2"),
    ],
    notThis: [s("It is no illegal command: that would be code 1.", "7.1")],
  },
};

/** By entry type. */
export const OTHER_ADVICE: Readonly<Record<string, Advice>> = {
  "smmuv3-cmdq-timeout": {
    consequence: "Software gave up waiting for the Command queue.",
    cause: [s("A CMD_SYNC completes only when all commands before it have.", "4.7.3")],
    checks: [
      s("Is CMDQ_CONS moving at all; is an error code set in it?", "6.3.28"),
      s("A read index of 0 may mean that the SMMU was reset or switched off.", "6.3.9.3"),
      s("An ATS invalidation to a dead device blocks the CMD_SYNC behind it.", "3.9.1.4"),
    ],
    notThis: [],
  },
  "smmuv3-gerror": {
    consequence: "The SMMU reports an error that no record can tell.",
    cause: [s("A bit is active while it differs between GERROR and GERRORN.", "7.5")],
    checks: [
      s("With CMDQ_ERR, read the code in SMMU_CMDQ_CONS.ERR.", "7.1"),
      s("With an ABT bit, check the address of that queue or MSI.", "7.5"),
      s("SFM_ERR means that all traffic has stopped.", "12.3"),
    ],
    notThis: [],
  },
  "smmuv3-evtq-overflow": {
    consequence: "Event records were lost.",
    cause: [s("The Event queue was full and a record of a terminated transaction came.", "7.4")],
    checks: [
      s("Look at the first events: later ones are mostly repeats.", "7.4"),
      s("Stop the device that floods the queue.", "7.4"),
    ],
    notThis: [s("Records of stalled transactions are never dropped.", "7.4")],
  },
  "smmuv3-priq-overflow": {
    consequence: "Page requests were lost.",
    cause: [s("The PRI queue was full; the SMMU answers lost groups with Success.", "8.1")],
    checks: [s("The device asks again, so this need not be fatal.", "8.1")],
    notThis: [],
  },
};
