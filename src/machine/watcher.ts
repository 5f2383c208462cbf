/** Watches a machine while actions are applied to it. */
import type { MemoryAnswer } from "../protocol/inspection.ts";
import type { Halt, Watch } from "../protocol/watch.ts";
import { viewMemory } from "./inspect/memory_view.ts";
import type { Machine } from "./machine.ts";

export class Watcher {
  readonly #machine: Machine;
  readonly #watches: readonly Watch[];
  /** What each watched range of memory held at the last look. */
  readonly #held = new Map<Watch, MemoryAnswer>();
  #records: number;

  constructor(machine: Machine, watches: readonly Watch[]) {
    this.#machine = machine;
    this.#watches = watches;
    this.#records = machine.unit.recordCount;
    for (const watch of watches) if (watch.on === "memory") this.#held.set(watch, this.#look(watch));
  }

  /** What happened since the last call, or since the watch began; null for nothing that is watched. */
  met(): Halt | null {
    const { unit } = this.#machine;
    const names = unit
      .records(Math.min(this.#records, unit.recordCount))
      .map((words) => unit.inspect.record(words).name);
    this.#records = unit.recordCount;
    let halt: Halt | null = null;
    for (const watch of this.#watches) {
      const why = watch.on === "event" ? recorded(names, watch.name) : this.#changed(watch);
      if (why !== null) halt ??= { watch, why };
    }
    return halt;
  }

  #look({ from, to }: Watch & { readonly on: "memory" }): MemoryAnswer {
    const first = from - (from % 8n);
    return viewMemory(this.#machine.memory, first, Number(to - first), 0);
  }

  #changed(watch: Watch & { readonly on: "memory" }): string | null {
    const before = this.#held.get(watch)!;
    const after = this.#look(watch);
    this.#held.set(watch, after);
    const at = after.bytes.findIndex(
      (byte, i) => byte !== before.bytes[i] || after.state[i >> 3] !== before.state[i >> 3],
    );
    if (at < 0) return null;
    const word = at - (at % 8);
    const [was, is] = [before, after].map(({ bytes }) => new DataView(bytes.buffer).getBigUint64(word, true));
    return `0x${was!.toString(16)} became 0x${is!.toString(16)} at PA 0x${(after.at + BigInt(word)).toString(16)}.`;
  }
}

/** About the first of the records that is of that name. */
function recorded(names: readonly string[], wanted: string): string | null {
  const name = names.find((one) => wanted === "" || one === wanted);
  return name === undefined ? null : `${name} was recorded.`;
}
