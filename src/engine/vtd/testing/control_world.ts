/**
 * A VT-d unit behind its registers, with memory and a few devices, for tests of the programming interface.
 */
import { AtsDevice } from "../../device/ats_device.ts";
import { DeviceSet } from "../../device/device_set.ts";
import { PhysicalMemory } from "../../memory/physical_memory.ts";
import { linkTo } from "../device_link.ts";
import type { CacheMaintenance } from "../maintenance.ts";
import { presetById, presetIdentity } from "../presets.ts";
import { ProgrammingInterface } from "../programming_interface.ts";
import type { Identity } from "../registers.ts";
import { RemappingState } from "../remapping_state.ts";

/** Where the world keeps its queues, and where memory ends. */
export const QUEUE = 0x10000;
export const PAGES = 0x20000;
export const STATUS = 0x30000;
export const MESSAGES = 0x31000;
export const TABLE = 0x40000;
export const RAM = 0x100000;

/** Calls of cache maintenance, as text. */
function listen(heard: string[]): CacheMaintenance {
  const say =
    (name: string) =>
    (...args: unknown[]): void => {
      heard.push([name, ...args.map((arg) => JSON.stringify(arg))].join(" "));
    };
  return {
    contextAll: say("contextAll"),
    contextDomain: say("contextDomain"),
    contextDevice: say("contextDevice"),
    pasidAll: say("pasidAll"),
    pasidDomain: say("pasidDomain"),
    pasid: say("pasid"),
    iotlbAll: say("iotlbAll"),
    iotlbDomain: say("iotlbDomain"),
    iotlbPages: say("iotlbPages"),
    iotlbPasid: say("iotlbPasid"),
    iotlbPasidPages: say("iotlbPasidPages"),
    interruptsAll: say("interruptsAll"),
    interrupts: say("interrupts"),
  };
}

export class ControlWorld {
  readonly memory = new PhysicalMemory({ outside: "abort", zero: [[0, RAM]], segments: [] });
  readonly state = new RemappingState();
  readonly devices = new DeviceSet();
  /** What the caches were told to drop. */
  readonly dropped: string[] = [];
  readonly unit: ProgrammingInterface;
  #tail = 0;

  /** @param identity a preset's name, or an identity */
  constructor(identity: string | Identity = "sapphire-rapids") {
    const chosen = typeof identity === "string" ? presetIdentity(presetById(identity)!) : identity;
    const around = { caches: listen(this.dropped), devices: linkTo(this.devices) };
    this.unit = new ProgrammingInterface(chosen, this.memory, this.state, around);
  }

  /** Put a device with an address translation cache behind the unit. */
  addDevice(sid: number, answersInvalidations = true): AtsDevice {
    const device = new AtsDevice({
      sid,
      capacity: 8,
      pageRequests: 4,
      responsePasidRequired: false,
      answersInvalidations,
    });
    this.devices.add(device);
    return device;
  }

  read(name: string): number {
    const { registers } = this.unit;
    return registers.words[registers.at(name)]!;
  }

  /** Write a register as software does: 32 bits, or 64 where it has as many. */
  write(name: string, lo: number, hi = 0): void {
    const entry = this.unit.registers.entries.find((e) => e.name === name)!;
    this.unit.write(entry.offset, entry.layout.bits === 32 ? 4 : 8, hi, lo);
  }

  /** Write the upper half of a register. */
  writeUpper(name: string, value: number): void {
    const entry = this.unit.registers.entries.find((e) => e.name === name)!;
    this.unit.write(entry.offset + 4, 4, 0, value);
  }

  word(at: number): number {
    const bytes = new Uint8Array(4);
    this.memory.readBytes(at, bytes);
    return new DataView(bytes.buffer).getUint32(0, true);
  }

  put(at: number, ...words: number[]): void {
    const bytes = new Uint8Array(4 * words.length);
    const view = new DataView(bytes.buffer);
    for (const [i, word] of words.entries()) view.setUint32(4 * i, word, true);
    this.memory.writeBytes(at, bytes);
  }

  /** Switch on a queue of 256-bit descriptors at {@link QUEUE}. */
  startQueue(): void {
    this.write("IQA", QUEUE | 0x800);
    this.write("GCMD", 1 << 26);
  }

  /** Write descriptors of eight words (missing ones zero) behind the last, and ring. */
  submit(...descriptors: readonly (readonly number[])[]): void {
    for (const words of descriptors) {
      this.put(QUEUE + this.#tail, ...Array.from({ length: 8 }, (_, i) => words[i] ?? 0));
      this.#tail = (this.#tail + 32) % 4096;
    }
    this.write("IQT", this.#tail);
  }
}
