/**
 * The composition root: memory and the IOMMU in front of it, changed only by `apply`.
 *
 * 64-bit values are bigint on this side and halves on the engine's.
 */
import { Digest } from "../base/digest.ts";
import { type MemoryImage, MemoryStatus, PhysicalMemory } from "../engine/memory/physical_memory.ts";
import type { Action, MachineDescription } from "../protocol/machine.ts";
import { high, low } from "./halves.ts";
import type { MakeUnit, TransferResult, Unit, UnitImage } from "./unit.ts";

/** A saved state of a machine; only meaningful to the machine that made it. */
export interface MachineImage {
  readonly memory: MemoryImage;
  readonly unit: UnitImage;
}

export class Machine<U extends Unit = Unit> {
  readonly memory: PhysicalMemory;
  readonly unit: U;

  /** @param make of the description's architecture */
  constructor(description: MachineDescription, make: MakeUnit<U>) {
    const { memory } = description;
    this.memory = new PhysicalMemory({
      outside: memory.outside,
      zero: memory.zero.map(([at, bytes]) => [Number(at), Number(bytes)]),
      segments: memory.segments.map(({ at, bytes }) => ({ at: Number(at), bytes })),
    });
    this.unit = make(description, this.memory);
  }

  /** Do one action. @returns the outcome of a transaction, null for anything else */
  apply(action: Action): TransferResult | null {
    switch (action.do) {
      case "dma":
        return this.unit.transfer(action);
      case "write":
        this.writeMemory(action.at, action.bytes);
        return null;
      case "toggle":
        this.#toggle(action.at, action.bit);
        return null;
      case "register":
        this.#writeRegister(action.name, action.value);
        return null;
    }
  }

  /** @returns false where nothing answers, or the session may hold no more memory */
  writeMemory(at: bigint, bytes: Uint8Array): boolean {
    return this.memory.writeBytes(Number(at), bytes) === MemoryStatus.Ok;
  }

  /** @returns null where some of the bytes do not answer or are not known */
  readMemory(at: bigint, length: number): Uint8Array | null {
    const bytes = new Uint8Array(length);
    return this.memory.readBytes(Number(at), bytes) === MemoryStatus.Ok ? bytes : null;
  }

  /** The value of a register by name; 0 for a name that the unit does not have. */
  registerValue(name: string): bigint {
    const place = this.unit.register(name);
    return place === null ? 0n : this.unit.read(place.offset, place.width);
  }

  snapshot(): MachineImage {
    return { memory: this.memory.snapshot(), unit: this.unit.snapshot() };
  }

  restore(image: MachineImage): void {
    this.memory.restore(image.memory);
    this.unit.restore(image.unit);
  }

  /** Sixteen hexadecimal digits over memory and the unit's state. */
  digest(): string {
    const digest = new Digest();
    this.memory.digest(digest);
    this.unit.digest(digest);
    return digest.hex();
  }

  #toggle(at: bigint, bit: number): void {
    const [hi, lo] = [high(at), low(at)];
    if (this.memory.read64(hi, lo) !== MemoryStatus.Ok) return;
    const mask = (n: number): number => (n >= 0 && n < 32 ? 1 << n : 0);
    this.memory.write64(hi, lo, this.memory.hi ^ mask(bit - 32), this.memory.lo ^ mask(bit));
  }

  #writeRegister(name: string, value: bigint): void {
    const place = this.unit.register(name);
    if (place !== null) this.unit.write(place.offset, value, place.width);
  }
}
