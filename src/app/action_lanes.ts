/**
 * Who acts in each action, as far as the action itself tells.
 *
 * UNMODELLED: which software wrote a register or memory; an action does not say, and the lane's name says so.
 */
import type { Action } from "../protocol/machine.ts";

/** Lanes, in the order in which they stand. */
export const LANES = [
  { id: "guest", text: "Guest", about: "What the guest's kernel is asked to do" },
  { id: "memory", text: "Memory writes", about: "Bytes written or bits flipped, by whichever software" },
  { id: "registers", text: "Register writes", about: "The IOMMU's registers, written by whichever software" },
  { id: "device", text: "Device", about: "Transactions of devices" },
] as const;
type LaneId = (typeof LANES)[number]["id"];

const LANE_OF: Readonly<Record<Action["do"], LaneId>> = {
  write: "memory",
  toggle: "memory",
  register: "registers",
  mmio: "registers",
  dma: "device",
  translated: "device",
  "translation request": "device",
  "page request": "device",
  access: "device",
  "guest map": "guest",
  "guest unmap": "guest",
  "guest flush": "guest",
  "guest detach": "guest",
  "guest faults": "guest",
  "guest switch": "guest",
  "dirty log": "guest",
};

const known = new WeakMap<readonly Action[], Uint8Array>();

/** Index into {@link LANES} for each action; the same array for the same log. */
export function actionLanes(actions: readonly Action[]): Uint8Array {
  const before = known.get(actions);
  if (before !== undefined) return before;
  const index = Object.fromEntries(LANES.map((lane, i) => [lane.id, i]));
  const lanes = Uint8Array.from(actions, (action) => index[LANE_OF[action.do]] ?? 0);
  known.set(actions, lanes);
  return lanes;
}
