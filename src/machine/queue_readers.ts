/** Who takes entries out of each queue, and whether somebody who debugs the machine may hold them, or holds them. */
import type { QueueReader, QueueRow } from "../protocol/inspection.ts";
import type { Action, HardwareAction, MachineDescription } from "../protocol/machine.ts";
import type { Unit } from "./unit.ts";

export type ConsumerAction = Extract<HardwareAction, { readonly do: "consumer" }>;

/** Whether the host's driver reads a queue: hardware writes it, for the host. */
export const isRead = (queues: readonly QueueRow[], queue: string | undefined): boolean =>
  queues.some(({ id, writer, of }) => id === queue && writer === "hardware" && of === undefined);

/**
 * Why nobody can be held who reads a queue, as a sentence; null where somebody can.
 * @param queues of the unit
 * @param queue its id; absent: that of the unit's own commands
 */
export function readerFault(
  unit: Unit,
  queues: readonly QueueRow[],
  { software }: MachineDescription,
  queue: string | undefined,
): string | null {
  if (queue === undefined) return unit.consumer === null ? "This unit has no queue of commands." : null;
  if (queue === unit.consumer?.queue || unit.consumerOf?.(queue) != null) return null;
  const row = queues.find(({ id }) => id === queue);
  if (row === undefined) return `This machine has no queue ${queue}.`;
  if (row.writer === "software") return "Its commands are carried out as they come.";
  if (row.of === "guest") return "The guest reads it when it is asked to.";
  if (software === undefined) return "Nobody reads it: there is hardware alone.";
  return software.kind === "kernel" ? "The kernel reads it when it is asked to." : null;
}

/**
 * The readers of queues, by the ids of these.
 * @param queues of the unit
 * @param done actions that were applied
 */
export function queueReaders(
  unit: Unit,
  queues: readonly QueueRow[],
  description: MachineDescription,
  done: readonly Action[],
): Record<string, QueueReader> {
  // The host's driver reads all the queues that hardware writes, at once.
  const readerOf = (queue: string): string => (isRead(queues, queue) ? "host" : queue);
  const held = new Map<string, boolean>();
  for (const action of done) {
    if (action.do !== "consumer" || action.what === "step") continue;
    held.set(readerOf(action.queue ?? unit.consumer?.queue ?? ""), action.what === "hold");
  }
  return Object.fromEntries(
    queues.map(({ id }): [string, QueueReader] => {
      const why = readerFault(unit, queues, description, id);
      const reader = readerOf(id);
      if (why !== null) return [id, { why }];
      return [id, { by: reader === "host" ? "host" : "IOMMU", held: held.get(reader) === true }];
    }),
  );
}
