/** What is wrong with what a guest is asked to do. */
import type { Action, MachineDescription } from "../protocol/machine.ts";
import type { GuestAction, VmmAction } from "../protocol/software.ts";

const PAGE = 4096;
const VMM_ACTIONS: ReadonlySet<string> = new Set<VmmAction["do"]>([
  "dirty log",
  "vmm",
  "vmm call",
  "vmm msi",
  "vmids begin anew",
]);

/** Whether an action is for the VMM, not for the guest's kernel. */
export const isVmmAction = (action: Action): action is VmmAction => VMM_ACTIONS.has(action.do);

/** A sentence about what is wrong with an action, or null. */
export function guestActionFault(action: GuestAction, { software, devices }: MachineDescription): string | null {
  if (software === undefined) return "This machine has no software: only hardware is shown.";
  if (isVmmAction(action) && software.kind === "kernel") return "A kernel on hardware has no VMM.";
  if (isVmmAction(action) && action.do !== "vmm msi") return null;
  if (action.do === "guest faults" || action.do === "guest switch") return null;
  const ids = software.kind === "kernel" ? devices.map((d) => d.sid) : software.assigned.map((d) => d.virtualId);
  if (!ids.includes(action.device)) return `The kernel has no device 0x${action.device.toString(16)}.`;
  if (!("iova" in action)) return null;
  if (action.iova % BigInt(PAGE) !== 0n || action.iova < 0n || action.iova >= 1n << 48n) {
    return `IOVA 0x${action.iova.toString(16)} is not a multiple of 4096 below 2^48.`;
  }
  if (action.do === "guest map at" && (action.to % BigInt(PAGE) !== 0n || action.to >= 1n << 48n)) {
    return `Address 0x${action.to.toString(16)} is not a multiple of 4096 below 2^48.`;
  }
  const whole = Number.isInteger(action.bytes) && action.bytes > 0 && action.bytes % PAGE === 0;
  return whole ? null : `A range has a multiple of 4096 bytes, not ${action.bytes}.`;
}
