/**
 * A command buffer: commands in memory between a head and a tail, carried out in order. 48882 revision 3.10, §2.4.
 *
 * A command that is illegal or cannot be read stops the buffer, with the head left at it; it starts again where its
 * enable is written 0 and then 1.
 */
import { COMMAND_WORDS } from "../../arch/amdvi/commands.ts";
import {
  COMMAND_HARDWARE_ERROR,
  EVENT_WORDS,
  EventCode,
  HardwareErrorType,
  ILLEGAL_COMMAND_ERROR,
  IOTLB_INV_TIMEOUT,
} from "../../arch/amdvi/events.ts";
import { OffsetRing, type RingMemory } from "../common/offset_ring.ts";
import { MemoryStatus } from "../memory/physical_memory.ts";
import { type CommandExecutor, CommandStatus } from "./commands/executor.ts";
import type { CommandOrigin } from "./commands/origin.ts";

/** The registers of a buffer: its indexes, and whether it runs. */
export interface BufferState {
  running: boolean;
  /** Values of the head and tail pointers. */
  head: number;
  readonly tail: number;
  readonly baseHi: number;
  readonly baseLo: number;
  /** log2 of the entries. */
  readonly entriesLg2: number;
}

/** Where the events of a buffer go: a record of {@link EVENT_WORDS} words. */
export type EventSink = (record: Uint32Array) => void;

/** log2 of the bytes of a command. */
const BYTES_LG2 = 4;
/** log2 of the entries of the smallest buffer. CHOICE(reserved-length): reserved lengths mean this one. */
const SMALLEST = 8;

export class CommandBuffer {
  /** Most commands that one {@link run} carries out; 0 holds the buffer. */
  limit = Infinity;
  readonly #executor: CommandExecutor;
  readonly #ring: OffsetRing;
  readonly #command = new Int32Array(COMMAND_WORDS);
  readonly #event = new Uint32Array(EVENT_WORDS);

  constructor(memory: RingMemory, executor: CommandExecutor) {
    this.#executor = executor;
    this.#ring = new OffsetRing(memory, COMMAND_WORDS);
  }

  /** Carry out what is between head and tail, as far as the buffer runs and nothing has to be waited for. */
  run(state: BufferState, origin: CommandOrigin, events: EventSink): void {
    if (!state.running) return;
    const ring = this.#ring;
    ring.place(state.baseHi, state.baseLo, 1 << (Math.max(SMALLEST, state.entriesLg2) + BYTES_LG2));
    const tail = ring.offsetOf(state.tail);
    let head = ring.offsetOf(state.head);
    for (let left = this.limit; left > 0 && head !== tail; left--) {
      const read = ring.read(head, this.#command);
      if (read === MemoryStatus.Unknown) return;
      if (read !== MemoryStatus.Ok) {
        state.running = false;
        events(this.#about(EventCode.COMMAND_HARDWARE_ERROR));
        return;
      }
      const status = this.#executor.execute(this.#command, origin);
      if (status === CommandStatus.Waiting) return;
      if (status === CommandStatus.Illegal) {
        state.running = false;
        events(this.#about(EventCode.ILLEGAL_COMMAND_ERROR));
        return;
      }
      if (status === CommandStatus.TimedOut) events(this.#about(EventCode.IOTLB_INV_TIMEOUT));
      head = ring.next(head);
      state.head = head;
    }
  }

  /** The record of an event about the command that the ring stands at. */
  #about(code: EventCode): Uint32Array {
    const event = this.#event.fill(0);
    const { atHi, atLo } = this.#ring;
    event[2] = atLo;
    event[3] = atHi;
    if (code === EventCode.COMMAND_HARDWARE_ERROR) {
      COMMAND_HARDWARE_ERROR.layout.f.Type.set(event, 0, HardwareErrorType.MasterAbort);
    }
    if (code === EventCode.IOTLB_INV_TIMEOUT) {
      IOTLB_INV_TIMEOUT.layout.f.DeviceID.set(event, 0, this.#command[0]! & 0xffff);
    }
    ILLEGAL_COMMAND_ERROR.layout.f.EventCode.set(event, 0, code);
    return event;
  }
}
