/**
 * The composition root: memory and the IOMMU in front of it, changed only by `apply`.
 *
 * 64-bit values are bigint on this side and halves on the engine's.
 */
import { Digest } from "../base/digest.ts";
import { type MemoryImage, MemoryStatus, PhysicalMemory } from "../engine/memory/physical_memory.ts";
import type { ActionResult } from "../protocol/engine.ts";
import type { HardwareAction, MachineDescription } from "../protocol/machine.ts";
import { apply } from "./actions.ts";
import { type CacheCounts, putCounts, takeCounts } from "./cache_counts.ts";
import type { Consumer } from "./consumer.ts";
import type { MakeUnit, RegisterBlock, Unit, UnitImage } from "./unit.ts";

/** A saved state of a machine; only meaningful to the machine that made it. */
export interface MachineImage {
  readonly memory: MemoryImage;
  readonly unit: UnitImage;
  readonly counts: CacheCounts;
  /** Queues of commands whose consumers somebody holds. */
  readonly held: readonly string[];
}

/** The value of a register by name; 0 for a name that there is not. */
export function registerValue(block: RegisterBlock, name: string): bigint {
  const place = block.register(name);
  return place === null ? 0n : block.read(place.offset, place.width);
}

export class Machine<U extends Unit = Unit> {
  readonly memory: PhysicalMemory;
  readonly unit: U;
  readonly #held = new Set<string>();

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

  /** Do one action. @returns what became of it */
  apply(action: HardwareAction): ActionResult {
    return apply(this, action);
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

  /** The value of a register of the unit's by name. */
  registerValue(name: string): bigint {
    return registerValue(this.unit, name);
  }

  /** What carries out the commands of a queue; null where there is none. @param queue its id; absent: the unit's own */
  consumer(queue?: string): Consumer | null {
    const { consumer } = this.unit;
    return queue === undefined || queue === consumer?.queue ? consumer : (this.unit.consumerOf?.(queue) ?? null);
  }

  /** Hold a consumer, or let it go. */
  hold(consumer: Consumer, held: boolean): void {
    consumer.held = held;
    if (held) this.#held.add(consumer.queue);
    else this.#held.delete(consumer.queue);
  }

  snapshot(): MachineImage {
    const counts = takeCounts(this.unit);
    return { memory: this.memory.snapshot(), unit: this.unit.snapshot(), counts, held: [...this.#held] };
  }

  restore(image: MachineImage): void {
    this.memory.restore(image.memory);
    this.unit.restore(image.unit);
    putCounts(this.unit, image.counts);
    for (const queue of [...this.#held, ...image.held]) {
      const consumer = this.consumer(queue);
      if (consumer !== null) this.hold(consumer, image.held.includes(queue));
    }
  }

  /** Sixteen hexadecimal digits over memory and the unit's state. */
  digest(): string {
    const digest = new Digest();
    this.memory.digest(digest);
    this.unit.digest(digest);
    for (const queue of [...this.#held].sort()) digest.text(`held ${queue}`);
    return digest.hex();
  }
}
