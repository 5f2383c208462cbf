/** Which actions change the machine by hand, rather than being what devices and software do on it. */
import type { SessionSummary } from "../protocol/engine.ts";
import type { Action } from "../protocol/machine.ts";

/** Whether an action writes memory or a register. */
export function isEdit(action: Action): boolean {
  return action.do === "write" || action.do === "toggle" || action.do === "register" || action.do === "mmio";
}

/** Whether the state of a session is not as its story alone would have it: an edit is among the applied actions. */
export function isEdited({ actions, step }: Pick<SessionSummary, "actions" | "step">): boolean {
  const first = actions.findIndex(isEdit);
  return first >= 0 && first < step;
}
