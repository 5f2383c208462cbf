/**
 * What software wrote to memory and registers during an action, in order: enough to do the action again without the
 * software. Hardware's own writes are left out, as they follow from the others.
 */
import { highHalf, lowHalf } from "../../base/address.ts";
import type { MemoryTap } from "../../engine/memory/physical_memory.ts";
import type { Machine } from "../machine.ts";
import type { RegisterBlock } from "../unit.ts";

type Effect =
  | { readonly what: "word"; readonly at: number; readonly hi: number; readonly lo: number }
  | { readonly what: "run"; readonly at: number; readonly bytes: Uint8Array }
  | {
      readonly what: "register";
      readonly block: string | null;
      readonly at: number;
      readonly value: bigint;
      readonly width: 4 | 8;
    };

export type Effects = readonly Effect[];

export class EffectRecorder implements MemoryTap {
  readonly #machine: Machine;
  #effects: Effect[] = [];

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Let software act, and note what it writes. */
  record(act: () => void): Effects {
    this.#effects = [];
    const { memory } = this.#machine;
    memory.tap = this;
    try {
      act();
    } finally {
      memory.tap = null;
    }
    return this.#effects;
  }

  /**
   * Write a register for software: what the hardware does about it is the hardware's.
   * @param block of registers besides the unit's own; null for those
   */
  writeRegister(offset: number, value: bigint, width: 4 | 8, block: string | null = null): void {
    const { memory } = this.#machine;
    const noting = memory.tap;
    if (noting !== null) this.#effects.push({ what: "register", block, at: offset, value, width });
    memory.tap = null;
    try {
      blockOf(this.#machine, block)?.write(offset, value, width);
    } finally {
      memory.tap = noting;
    }
  }

  word(at: number, hi: number, lo: number): void {
    this.#effects.push({ what: "word", at, hi, lo });
  }

  run(at: number, bytes: Uint8Array): void {
    this.#effects.push({ what: "run", at, bytes });
  }
}

const blockOf = ({ unit }: Machine, block: string | null): RegisterBlock | undefined =>
  block === null ? unit : unit.blocks?.[block];

/** Do again what software did. */
export function replay(machine: Machine, effects: Effects): void {
  const { memory } = machine;
  for (const effect of effects) {
    if (effect.what === "word") memory.write64(highHalf(effect.at), lowHalf(effect.at), effect.hi, effect.lo);
    else if (effect.what === "run") memory.writeBytes(effect.at, effect.bytes);
    else blockOf(machine, effect.block)?.write(effect.at, effect.value, effect.width);
  }
}
