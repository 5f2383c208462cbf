/** What is wrong with the parts of a machine description that every architecture has, in the terms of one. */
import type { CacheSize, MachineDescription } from "../protocol/machine.ts";

/** A key below `machine`, and a sentence. */
export interface DescriptionFault {
  readonly place: string;
  readonly detail: string;
}

/** What an architecture knows by name. */
export interface KnownNames {
  readonly presets: readonly string[];
  readonly caches: readonly string[];
  readonly options: readonly string[];
}

/** Most entries of one cache. */
const MAX_ENTRIES = 1 << 16;

/** The first fault among preset, caches and options; null for none. */
export function namesFault(description: MachineDescription, known: KnownNames): DescriptionFault | null {
  const { preset, caches = {}, options = {} } = description;
  if (preset !== undefined && !known.presets.includes(preset)) return unknown("preset", preset, known.presets);
  for (const [name, size] of Object.entries(caches)) {
    if (!known.caches.includes(name)) return unknown(`caches.${name}`, name, known.caches);
    if (!isSize(size)) {
      const detail = `A cache has 1 to ${MAX_ENTRIES} entries in 1 to as many ways, both powers of two.`;
      return { place: `caches.${name}`, detail };
    }
  }
  const option = Object.keys(options).find((name) => !known.options.includes(name));
  return option === undefined ? null : unknown(`options.${option}`, option, known.options);
}

function unknown(place: string, name: string, known: readonly string[]): DescriptionFault {
  const there = known.length === 0 ? "there are none" : `there are ${known.join(", ")}`;
  return { place, detail: `This architecture knows no ${name} here; ${there}.` };
}

const isPowerOfTwo = (n: number): boolean => Number.isInteger(n) && n >= 1 && Number.isInteger(Math.log2(n));

const isSize = ({ entries, ways }: CacheSize): boolean =>
  isPowerOfTwo(entries) && isPowerOfTwo(ways) && ways <= entries && entries <= MAX_ENTRIES;
