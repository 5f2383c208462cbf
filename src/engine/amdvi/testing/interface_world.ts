/**
 * An AMD IOMMU's registers over a few mebibytes of memory, to poke at in tests.
 */
import { registerByName } from "../../../arch/amdvi/registers.ts";
import { PhysicalMemory } from "../../memory/physical_memory.ts";
import { Controls } from "../controls.ts";
import { presetRegisters } from "../presets.ts";
import { type InitialRegisters, ProgrammingInterface, type Surroundings } from "../programming_interface.ts";

/** Where things lie; memory answers below {@link InterfaceWorld.END}. */
export const PLACES = { commands: 0x10000, events: 0x20000, requests: 0x30000, store: 0x40000 } as const;
const END = 0x400000;

/** Everything on: IommuEn, EventLogEn, CmdBufEn. */
export const ON = 0x1005;
/** A base register's ComLen, EventLen or PPRLogLen for 256 entries, as bits [63:32]. */
const ENTRIES_256 = 0x08000000;

/** A command, as four words. */
export type Command = readonly [number, number, number, number];

export class InterfaceWorld {
  readonly memory: PhysicalMemory;
  readonly controls = new Controls();
  readonly io: ProgrammingInterface;

  constructor(
    initial: InitialRegisters = presetRegisters("full"),
    surroundings: Surroundings | ((memory: PhysicalMemory, controls: Controls) => Surroundings) = {},
    outside: "abort" | "unknown" = "abort",
  ) {
    this.memory = new PhysicalMemory({ outside, zero: [[0, END]], segments: [] });
    const around = typeof surroundings === "function" ? surroundings(this.memory, this.controls) : surroundings;
    this.io = new ProgrammingInterface(this.memory, this.controls, initial, around);
    this.write("CMD_BASE", PLACES.commands, ENTRIES_256);
    this.write("EVT_BASE", PLACES.events, ENTRIES_256);
    this.write("PPR_BASE", PLACES.requests, ENTRIES_256);
    this.write("CONTROL", ON);
  }

  write(name: string, lo: number, hi = 0): void {
    const { offset, widthBytes } = registerByName(name)!;
    this.io.write(offset, widthBytes, hi, lo);
  }

  /** Low half of a register. */
  read(name: string): number {
    const { offset, widthBytes } = registerByName(name)!;
    this.io.read(offset, widthBytes);
    return this.io.lo;
  }

  /** Put commands of four words after those before, and move the tail behind them. */
  command(...commands: readonly Command[]): void {
    this.append("CMD_TAIL", PLACES.commands, commands);
  }

  /** Put commands into a buffer of 4 KiB, where a tail register says, and move that tail. */
  append(register: string, base: number, commands: readonly Command[]): void {
    let tail = this.read(register) & 0xff0;
    for (const [a, b, c, d] of commands) {
      this.memory.write64(0, base + tail, b, a);
      this.memory.write64(0, base + tail + 8, d, c);
      tail = (tail + 16) & 0xff0;
    }
    this.write(register, tail);
  }

  /** Records of 16 bytes at an address, as rows of four unsigned words. */
  records(at: number, count: number): number[][] {
    return Array.from({ length: count }, (_, i) => {
      const row: number[] = [];
      for (const half of [0, 8]) {
        this.memory.read64(0, at + 16 * i + half);
        row.push(this.memory.lo >>> 0, this.memory.hi >>> 0);
      }
      return row;
    });
  }

  /** Events logged since the log's base was written. */
  events(): number[][] {
    return this.records(PLACES.events, this.read("EVT_TAIL") / 16);
  }
}
