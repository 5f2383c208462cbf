/**
 * What registers of AMD-Vi say of an IOMMU that does not do what one expects. AMD IOMMU specification 48882, revision
 * 3.10, chapter 3.
 */
import { type RegisterRule, ruleFor } from "../register_advice.ts";
import type { Advice, Statement } from "../statement.ts";
import { amdviRegisterLayout } from "./structure_kinds.ts";

const STATUS = "48882, MMIO offset 2020h";
const CONTROL = "48882, MMIO offset 0018h";

const s = (text: string, section: string): Statement => ({ text, section });

const rule = (register: string, name: string, value: bigint, advice: Omit<Advice, "notThis">): RegisterRule => ({
  register,
  when: (field) => field(name) === value,
  advice: { ...advice, notThis: [] },
});

/** The gravest first. */
const RULES: readonly RegisterRule[] = [
  rule("STATUS", "CmdBufRun", 0n, {
    consequence: "No commands are processed.",
    cause: [s("CmdBufRun is 0: the buffer was never started, or an error has stopped it.", STATUS)],
    checks: [
      s("Is CONTROL.CmdBufEn 1? Then look for ILLEGAL_COMMAND_ERROR or COMMAND_HARDWARE_ERROR.", "48882 §2.5.6"),
      s("Read the command at CMD_HEAD: the buffer stops there.", "48882 §2.4"),
    ],
  }),
  rule("STATUS", "EventOverflow", 1n, {
    consequence: "Events were lost.",
    cause: [s("EventOverflow: an event found no room, and nothing is logged until the bit is cleared.", STATUS)],
    checks: [
      s("Look at the first events: later ones are mostly repeats.", "48882 §2.5"),
      s("Does software move EVT_HEAD on? The log is empty where head and tail are equal.", "48882 §2.5"),
    ],
  }),
  rule("STATUS", "PprOverflow", 1n, {
    consequence: "Page requests were lost.",
    cause: [s("PprOverflow: a page request found no room in the log.", STATUS)],
    checks: [s("Does software answer the requests and move PPR_HEAD on?", "48882 §2.6")],
  }),
  rule("STATUS", "EventLogRun", 0n, {
    consequence: "No events are logged.",
    cause: [s("EventLogRun is 0: CONTROL.EventLogEn is 0, or the log has overflowed or failed.", STATUS)],
    checks: [s("Set EventLogEn anew after an overflow: software restarts the log.", CONTROL)],
  }),
  rule("HW_EVT_STATUS", "HEV", 1n, {
    consequence: "The IOMMU itself has failed at something.",
    cause: [s("HEV: the hardware event registers hold what happened.", "48882, MMIO offset 0050h")],
    checks: [s("Read HW_EVT_UPPER and HW_EVT_LOWER: an event record's words.", "48882, MMIO offset 0040h")],
  }),
  rule("CONTROL", "IommuEn", 0n, {
    consequence: "The IOMMU does not translate: requests go where their addresses point.",
    cause: [s("IommuEn is 0: software has not turned it on, or off again.", CONTROL)],
    checks: [s("Was the kernel started with amd_iommu=off, or is the IOMMU off in firmware?", CONTROL)],
  }),
  rule("CONTROL", "CmdBufEn", 0n, {
    consequence: "No commands are processed.",
    cause: [s("CmdBufEn is 0.", CONTROL)],
    checks: [s("Has the driver restarted the buffer after an error?", "48882 §2.4")],
  }),
  rule("CONTROL", "EventLogEn", 0n, {
    consequence: "Faults leave no record.",
    cause: [s("EventLogEn is 0.", CONTROL)],
    checks: [s("Has the driver restarted the log after an overflow?", "48882 §2.5")],
  }),
  rule("PCICAP_BASE_LOW", "Enable", 0n, {
    consequence: "The registers cannot be reached.",
    cause: [s("Enable is 0: no addresses lead to the MMIO registers.", "48882, capability offset 04h")],
    checks: [s("Did firmware leave the IOMMU off?", "48882, capability offset 04h")],
  }),
  rule("PCICAP_HEADER", "NpCache", 1n, {
    consequence: "This IOMMU is most likely emulated, or part of a virtual machine.",
    cause: [
      s("NpCache: software must invalidate after it makes an entry present, too.", "48882, capability offset 00h"),
    ],
    checks: [s("Does the driver invalidate after it maps?", "48882 §2.4.3")],
  }),
];

/** Advice on one register; null where nothing is worth a word. */
export const amdviRegisterAdvice = (name: string, value: string): Advice | null =>
  ruleFor(RULES, amdviRegisterLayout, (register) => (register === name ? BigInt(value) : null));
