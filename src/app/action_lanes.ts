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
  command: "registers",
  consumer: "registers",
  register: "registers",
  mmio: "registers",
  dma: "device",
  translated: "device",
  "translation request": "device",
  "page request": "device",
  access: "device",
  "guest map": "guest",
  "guest map at": "guest",
  "guest bind": "guest",
  "guest unmap": "guest",
  "guest flush": "guest",
  "guest detach": "guest",
  "guest faults": "guest",
  "guest switch": "guest",
  "guest partition": "guest",
  "dirty log": "guest",
  vmm: "guest",
  "vmm call": "guest",
  "vmm msi": "guest",
  "vmids begin anew": "guest",
};

const INDEX_OF = Object.fromEntries(LANES.map((lane, i) => [lane.id, i])) as Readonly<Record<LaneId, number>>;

/** The log asked for last and its lanes: the next one mostly begins with the same actions. */
let newest: { readonly actions: readonly Action[]; readonly lanes: Uint8Array } = {
  actions: [],
  lanes: new Uint8Array(),
};

/** Index into {@link LANES} for each action; the same array for the same log. */
export function actionLanes(actions: readonly Action[]): Uint8Array {
  const before = newest;
  if (before.actions === actions) return before.lanes;
  // A log changes by actions that go from its end and others that come.
  let kept = Math.min(actions.length, before.actions.length);
  while (kept > 0 && actions[kept - 1] !== before.actions[kept - 1]) kept--;
  const lanes = new Uint8Array(actions.length);
  lanes.set(before.lanes.subarray(0, kept));
  for (let i = kept; i < actions.length; i++) lanes[i] = INDEX_OF[LANE_OF[actions[i]!.do]];
  newest = { actions, lanes };
  return lanes;
}
