/** Commands by name and fields, put into the unit's command queue as software does: memory first, then the register. */
import { COMMAND_TABLES, type CommandFacts } from "../arch/command_tables.ts";
import { high, low } from "../base/halves.ts";
import type { FieldAccess } from "../base/layout.ts";
import type { QueueRow } from "../protocol/inspection.ts";
import type { Arch, CommandWords } from "../protocol/machine.ts";
import type { Machine } from "./machine.ts";
import type { Unit } from "./unit.ts";

/** The command of that name. */
export function commandFacts(arch: Arch, name: string): CommandFacts | undefined {
  return COMMAND_TABLES[arch].find((command) => command.name === name);
}

/** The IOMMU that carries out the commands of a queue; null where none does. @param queue absent: the unit's own */
export function commanded(unit: Unit, queue?: string): Unit | null {
  if (queue === undefined || queue === unit.consumer?.queue) return unit.consumer === null ? null : unit;
  return unit.commandedBy?.(queue) ?? null;
}

/** What is wrong with a command, as a sentence, or null. */
export function commandFault(unit: Unit, { name, fields, queue }: CommandWords): string | null {
  if (commanded(unit, queue) === null)
    return queue === undefined ? "This unit has no queue of commands." : `This machine has no command queue ${queue}.`;
  const facts = commandFacts(unit.arch, name);
  if (facts === undefined) return `There is no command ${name}.`;
  for (const [field, value] of Object.entries(fields)) {
    const declared = facts.layout.fields.find((d) => d.name === field && d.form !== "reserved");
    if (declared === undefined || Object.hasOwn(facts.fixed, field)) return `${name} has no field ${field} to set.`;
    const bits = declared.form === "address" ? (declared.hi & 63) + 1 : declared.hi - declared.lo + 1;
    if (value < 0n || value >> BigInt(bits) !== 0n)
      return `${field} has ${bits} bits; 0x${value.toString(16)} is more.`;
  }
  return null;
}

/** The words of a command, for an entry of `bytes`; bits of an address that its field does not hold are left out. */
function encode({ layout, fixed }: CommandFacts, fields: CommandWords["fields"], bytes: number): Uint32Array {
  const words = new Uint32Array(layout.bits / 32);
  const access = layout.f as Readonly<Record<string, FieldAccess>>;
  for (const [name, value] of [...Object.entries(fixed), ...Object.entries(fields)]) {
    const field = access[name]!;
    const plain = BigInt(value) / BigInt(field.unit);
    field.set(words, 0, low(plain), high(plain));
  }
  return words.slice(0, bytes / 4);
}

/** The queue that the unit's software sends commands by; null where there is none. */
const commandQueue = ({ consumer, inspect }: Unit): QueueRow | null =>
  inspect.queues().find(({ id }) => id === consumer?.queue) ?? null;

/** Whether commands of a queue are carried out now. @param queue absent: that of the unit's own commands */
export function takesCommands(unit: Unit, queue?: string): boolean {
  const taker = commanded(unit, queue);
  return taker !== null && commandQueue(taker)?.enabled === true;
}

/** The value of the producer's register after one more entry: an index with its wrap bit, or an offset in bytes. */
function afterOneMore({ producer: { index, wrap }, entries, entryBytes }: QueueRow): bigint {
  if (wrap === null) return BigInt(((index + 1) % entries) * entryBytes);
  return BigInt((wrap * entries + index + 1) % (2 * entries));
}

/** Whether no further entry fits: without a wrap bit a full queue would look empty. */
const isFull = ({ producer, entries, waiting }: QueueRow): boolean =>
  waiting >= (producer.wrap === null ? entries - 1 : entries);

/** Enqueue a command that {@link commandFault} has nothing against. @returns whether there was room for it */
export function enqueue(machine: Machine, { name, fields, queue: id }: CommandWords): boolean {
  const unit = commanded(machine.unit, id);
  const queue = unit && commandQueue(unit);
  const facts = commandFacts(machine.unit.arch, name);
  if (unit === null || queue === null || facts === undefined || isFull(queue)) return false;
  const words = encode(facts, fields, queue.entryBytes);
  const at = queue.base + BigInt(queue.producer.index * queue.entryBytes);
  const place = unit.register(queue.producer.register);
  if (place === null || !machine.writeMemory(at, new Uint8Array(words.buffer))) return false;
  unit.write(place.offset, afterOneMore(queue), place.width);
  return true;
}
