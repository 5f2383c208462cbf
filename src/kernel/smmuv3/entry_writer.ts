/**
 * The order in which a kernel changes an entry that an SMMU may be reading. IHI 0070 §3.21.3; the order is that of
 * Linux 7.2, drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c (arm_smmu_write_entry).
 *
 * An entry is changed without a gap where one 64-bit word holds every bit that differs and that cannot be written before
 * because the old entry uses it; otherwise through an invalid entry.
 */
import { encodeFields } from "../../base/encode.ts";
import type { Layout } from "../../base/layout.ts";
import type { OwnMemory } from "../own_memory.ts";

/** A kind of entries: its first 64-bit word says whether it is valid. */
export interface EntryKind {
  readonly layout: Layout;
  /** Bits of an entry that the SMMU looks at. */
  usedBits(words: Uint32Array): Uint32Array;
}

/** Words in which every bit of these fields is set. */
export function fieldsMask(layout: Layout, names: readonly string[]): Uint32Array {
  const whole = layout.fields.filter(({ name }) => names.includes(name));
  const ones = whole.map(({ name, hi, lo, form }): [string, number] => {
    const all = 2 ** (hi - lo + 1) - 1;
    return [name, form === "address" ? all * 2 ** (lo & 63) : all];
  });
  return encodeFields(layout, Object.fromEntries(ones));
}

/**
 * Put an entry in the place of what is there.
 * @param sync makes the SMMU see the entry as it is now, before the next step
 */
export function replaceEntry(
  memory: OwnMemory,
  at: number,
  kind: EntryKind,
  target: Uint32Array,
  sync: () => void,
): void {
  const now = memory.readWords(at, kind.layout);
  const [usedNow, usedThen] = [kind.usedBits(now), kind.usedBits(target)];
  const steps = (...states: readonly Uint32Array[]): void => {
    let seen = now;
    for (const next of states) {
      if (writeChanges(memory, at, kind.layout.name, seen, next)) sync();
      seen = next;
    }
  };
  // Bits nobody looks at yet come first, then the one word that matters, then what is no longer looked at goes.
  const ready = target.map((word, i) => (word & ~usedNow[i]!) | (now[i]! & usedNow[i]!));
  const critical = differingWords(ready, target, usedThen);
  const invalid = (words: Uint32Array): Uint32Array => words.map((word, i) => (i < 2 ? 0 : word));
  if (critical.length > 1) steps(invalid(now), invalid(target), target);
  else
    steps(
      ready,
      ready.map((word, i) => (critical.includes(i >>> 1) ? target[i]! : word)),
      target,
    );
}

/** @returns whether anything changed */
function writeChanges(memory: OwnMemory, at: number, about: string, from: Uint32Array, to: Uint32Array): boolean {
  let changed = false;
  for (let i = to.length - 2; i >= 0; i -= 2) {
    if (from[i] === to[i] && from[i + 1] === to[i + 1]) continue;
    memory.write(at + 4 * i, to[i + 1]!, to[i]!, about);
    changed = true;
  }
  return changed;
}

/** 64-bit words in which a bit that the target uses is not yet as it will be. */
function differingWords(ready: Uint32Array, target: Uint32Array, used: Uint32Array): number[] {
  const words: number[] = [];
  for (let i = 0; i < target.length; i += 2) {
    const differs = ((ready[i]! ^ target[i]!) & used[i]!) | ((ready[i + 1]! ^ target[i + 1]!) & used[i + 1]!);
    if (differs !== 0) words.push(i >>> 1);
  }
  return words;
}
