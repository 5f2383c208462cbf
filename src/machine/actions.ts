/** Does actions to a machine, says what became of them, and what is wrong with those that cannot be done. */

import { high, low } from "../base/halves.ts";
import type { ActionResult, Problem } from "../protocol/engine.ts";
import { SESSION_LIMITS } from "../protocol/limits.ts";
import type { Action, HardwareAction, MachineDescription } from "../protocol/machine.ts";
import type { GuestAction } from "../protocol/software.ts";
import { commandFault, enqueue } from "./commands.ts";
import { guestActionFault, isVmmAction } from "./guest_actions.ts";
import type { Machine } from "./machine.ts";
import type { AtsCompletion, DeviceResult, PageAnswer } from "./pcie.ts";
import { type ConsumerAction, isRead, readerFault } from "./queue_readers.ts";
import type { RegisterBlock, TransferResult, Unit } from "./unit.ts";

/** Most bytes of a read that a result keeps. */
const KEPT_BYTES = 64;
const MEMORY_END = 1n << 52n;

/** Do one action. An action that {@link actionProblem} has something against does nothing. */
export function apply(machine: Machine, action: HardwareAction): ActionResult {
  const { unit } = machine;
  switch (action.do) {
    case "dma":
      return transferResult(unit.transfer(action));
    case "write":
      return written(machine.writeMemory(action.at, action.bytes));
    case "toggle":
      return written(toggle(machine, action.at, action.bit));
    case "command":
      return written(enqueue(machine, action));
    case "consumer":
      return written(stepConsumer(machine, action));
    case "register": {
      const block = blockOf(unit, action.block);
      const place = block?.register(action.name) ?? null;
      return place === null ? written(false) : mmio(block, place.offset, action.value, place.width);
    }
    case "mmio":
      return mmio(blockOf(unit, action.block), action.offset, action.value, action.width);
    default:
      return message(unit, action);
  }
}

/** Of a queue that software reads, it is software's to take note. */
function stepConsumer(machine: Machine, { queue, what }: ConsumerAction): boolean {
  const consumer = machine.consumer(queue);
  if (consumer === null) return isRead(machine.unit.inspect.queues(), queue);
  if (what === "step") consumer.step();
  else {
    machine.hold(consumer, what === "hold");
    consumer.run();
  }
  return true;
}

/** Whether an action is for the guest, not for the hardware. */
export const isGuestAction = (action: Action): action is GuestAction =>
  action.do.startsWith("guest ") || isVmmAction(action);

/** What is wrong with an action, or null. */
export function actionProblem(
  action: Action,
  unit: Unit,
  description: MachineDescription,
  place = "action",
): Problem | null {
  const detail = isGuestAction(action)
    ? guestActionFault(action, description)
    : action.do === "consumer"
      ? readerFault(unit, unit.inspect.queues(), description, action.queue)
      : faultOf(action, unit);
  return detail === null ? null : { title: "This action cannot be done.", place, detail };
}

/** Actions that are messages of PCIe devices. */
type Message = Extract<
  HardwareAction,
  { readonly do: "translated" | "translation request" | "page request" | "access" }
>;

function message({ pcie }: Unit, action: Message): ActionResult {
  if (pcie === undefined) return written(false);
  switch (action.do) {
    case "translated":
      return transferResult(pcie.translated(action));
    case "translation request":
      return completionResult(pcie.request(action));
    case "page request":
      return pageResult(pcie.pageRequest(action));
    case "access": {
      const result = pcie.access(action);
      return result === null ? written(false) : deviceResult(result);
    }
  }
}

/** The block of that name; the unit itself for none. */
function blockOf(unit: Unit, name: string | undefined): RegisterBlock | undefined {
  return name === undefined ? unit : unit.blocks?.[name];
}

function mmio(block: RegisterBlock | undefined, offset: number, value: bigint, width: 4 | 8): ActionResult {
  block?.write(offset, value, width);
  return written(block !== undefined);
}

const written = (taken: boolean): ActionResult => ({ type: "written", taken });

function toggle({ memory }: Machine, at: bigint, bit: number): boolean {
  const [hi, lo] = [high(at), low(at)];
  if (memory.read64(hi, lo) !== 0) return false;
  const mask = (n: number): number => (n >= 0 && n < 32 ? 1 << n : 0);
  return memory.write64(hi, lo, memory.hi ^ mask(bit - 32), memory.lo ^ mask(bit)) === 0;
}

const kept = (data: Uint8Array | undefined): Uint8Array | null =>
  data === undefined ? null : data.slice(0, KEPT_BYTES);

function transferResult(result: TransferResult): ActionResult {
  if (result.ok) return { type: "went", pa: result.pa, data: kept(result.data) };
  if (result.stalled !== undefined) return { type: "stalled", stall: result.stalled };
  return { type: "refused", razwi: result.razwi, unknown: result.unknown ?? null };
}

function completionResult(c: AtsCompletion): ActionResult {
  if (c.status !== "success") {
    return { type: "no translation", status: c.status, unknown: c.status === "unknown" ? c.at : null };
  }
  return {
    type: "translation",
    permissions: Number(c.read) | (Number(c.write) << 1) | (Number(c.execute) << 2),
    privileged: c.privileged,
    noSnoop: c.noSnoop,
    untranslatedOnly: c.untranslatedOnly,
    pa: c.pa,
    sizeLg2: c.sizeLg2,
  };
}

const pageResult = (answer: PageAnswer): ActionResult => ({
  type: "page",
  queued: answer.queued,
  response: answer.queued ? null : answer.response,
});

function deviceResult(result: DeviceResult): ActionResult {
  const { turn } = result;
  const why = turn.kind === "denied" ? turn.why : turn.kind === "waiting" ? `group ${turn.prgIndex}` : "";
  return {
    type: "device",
    turn: turn.kind,
    hit: turn.kind === "translated" && turn.hit,
    why,
    pa: result.ok ? result.pa : null,
    data: result.ok ? kept(result.data) : null,
  };
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** A sentence about what is wrong with an action, or null. */
function faultOf(action: Exclude<HardwareAction, ConsumerAction>, unit: Unit): string | null {
  switch (action.do) {
    case "toggle":
      if (action.at % 8n !== 0n || action.at < 0n || action.at >= MEMORY_END) {
        return `Address ${hex(action.at)} is not a multiple of 8 below 2^52.`;
      }
      return action.bit >= 0 && action.bit < 64 ? null : `Bit ${action.bit} is not one of 0 to 63.`;
    case "write": {
      const { length } = action.bytes;
      if (length < 1 || length > SESSION_LIMITS.actionBytes) {
        return `A write has 1 to ${SESSION_LIMITS.actionBytes} bytes, not ${length}.`;
      }
      const inside = action.at >= 0n && action.at + BigInt(length) <= MEMORY_END;
      return inside ? null : `Address ${hex(action.at)} is not below 2^52.`;
    }
    case "command":
      return commandFault(unit, action);
    case "register":
      return blockFault(unit, action.block) ?? registerFault(blockOf(unit, action.block)!, action.name);
    case "mmio":
      return blockFault(unit, action.block) ?? mmioFault(action.offset, action.width);
    case "dma":
      return transferFault(action) ?? meetsFault(unit, action.meets);
    case "translated":
      return messageFault(unit) ?? transferFault(action);
    case "translation request":
    case "page request":
      return messageFault(unit);
    case "access": {
      const known = unit.pcie?.device(action.sid) !== undefined;
      return messageFault(unit) ?? transferFault(action) ?? (known ? null : `Stream ${action.sid} has no ATS device.`);
    }
  }
}

const registerFault = (block: RegisterBlock, name: string): string | null =>
  block.register(name) === null ? `There is no register ${name}.` : null;

function blockFault(unit: Unit, name: string | undefined): string | null {
  return blockOf(unit, name) === undefined ? `This machine has no registers ${name}.` : null;
}

function mmioFault(offset: number, width: number): string | null {
  const aligned = Number.isInteger(offset) && offset >= 0 && offset % width === 0;
  return aligned ? null : `Offset ${offset} is not a multiple of ${width}.`;
}

function transferFault({ length, data }: { readonly length: number; readonly data?: Uint8Array }): string | null {
  if (!(length >= 1 && length <= SESSION_LIMITS.actionBytes)) return "A transaction has 1 byte to 1 MiB.";
  return data !== undefined && data.length !== length ? `It has ${length} bytes, its data ${data.length}.` : null;
}

function meetsFault({ onRequest = [] }: Unit, meets: string | undefined): string | null {
  if (meets === undefined || onRequest.includes(meets)) return null;
  return `This machine meets no ${meets} on request; it knows ${onRequest.length === 0 ? "none" : onRequest.join(", ")}.`;
}

const messageFault = ({ pcie }: Unit): string | null =>
  pcie === undefined ? "The ATS of this architecture is not modelled." : null;
