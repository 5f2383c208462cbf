/** What is wrong with the parts of a machine description that every architecture has, in the terms of one. */
import type { Choices } from "../protocol/inspection.ts";
import type { CacheSize, MachineDescription } from "../protocol/machine.ts";

/** A key below `machine`, and a sentence. */
export interface DescriptionFault {
  readonly place: string;
  readonly detail: string;
}

/**
 * What an architecture lets a description choose.
 * @param sizes of caches by name, beside other keys; `titles` say what each keeps
 * @param options what each is for, by name
 */
export function choicesOf<Name extends string>(
  presets: Choices["presets"],
  names: readonly Name[],
  titles: Readonly<Record<Name, string>>,
  sizes: Readonly<Record<Name, CacheSize | null>>,
  options: Readonly<Record<string, string>>,
): Choices {
  return {
    presets: presets.map(({ id, title, about }) => ({ id, title, about })),
    caches: names.map((name) => {
      const { entries, ways } = sizes[name] ?? { entries: 1, ways: 1 };
      return { name, title: titles[name], size: { entries, ways } };
    }),
    options: Object.entries(options).map(([name, about]) => ({ name, about })),
  };
}

/** Most entries of one cache. */
const MAX_ENTRIES = 1 << 16;

/** The first fault among preset, caches and options; null for none. */
export function namesFault(description: MachineDescription, choices: Choices): DescriptionFault | null {
  const { preset, caches = {}, options = {} } = description;
  const presets = choices.presets.map(({ id }) => id);
  if (preset !== undefined && !presets.includes(preset)) return unknown("preset", preset, presets);
  const names = choices.caches.map(({ name }) => name);
  for (const [name, size] of Object.entries(caches)) {
    if (!names.includes(name)) return unknown(`caches.${name}`, name, names);
    if (!isSize(size)) {
      const detail = `A cache has 1 to ${MAX_ENTRIES} entries in 1 to as many ways, both powers of two.`;
      return { place: `caches.${name}`, detail };
    }
  }
  const known = choices.options.map(({ name }) => name);
  const option = Object.keys(options).find((name) => !known.includes(name));
  return option === undefined ? null : unknown(`options.${option}`, option, known);
}

function unknown(place: string, name: string, known: readonly string[]): DescriptionFault {
  const there = known.length === 0 ? "there are none" : `there are ${known.join(", ")}`;
  return { place, detail: `This architecture knows no ${name} here; ${there}.` };
}

const isPowerOfTwo = (n: number): boolean => Number.isInteger(n) && n >= 1 && Number.isInteger(Math.log2(n));

const isSize = ({ entries, ways }: CacheSize): boolean =>
  isPowerOfTwo(entries) && isPowerOfTwo(ways) && ways <= entries && entries <= MAX_ENTRIES;
