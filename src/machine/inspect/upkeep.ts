/** How software of an architecture keeps the tables of a stage, whatever the architecture. */
import { high, low } from "../../base/halves.ts";
import type { Layout } from "../../base/layout.ts";
import type { AlignedRange } from "../../kernel/address_range.ts";
import type { Entry, EntryMaker } from "../../pagetable/build.ts";
import type { CommandWords } from "../../protocol/machine.ts";

/** What was in force before a change and may be cached. */
export interface Dropped {
  readonly at: bigint;
  readonly sizeLg2: number;
  /** Entries that lead to tables changed, too. */
  readonly tables: boolean;
}

/** A range, everything of the context, or that and what its address space shares with others. */
export type Forgotten = Dropped | "space" | "all spaces";

/** How the tables of a stage are kept for one of the contexts that use them. */
export interface Upkeep {
  readonly maker: EntryMaker;
  /** Hardware must not see a leaf become a table, or the other way round, in one write. */
  readonly breakFirst: boolean;
  /** Bits of a leaf's halves that hardware must not see another value of in one write. */
  readonly fixed: Entry;
  /** A bit of a leaf's low half that is clear in what all address spaces share; 0 where none is shared. */
  readonly ownSpace: number;
  /** Bits of a leaf's low half that hardware sets by itself: leaves that differ in them are alike. */
  readonly marks: number;
  /** What is not present may be cached. */
  readonly cachesAbsent: boolean;
  /** Commands that make hardware forget. */
  readonly drop: (what: Forgotten) => readonly CommandWords[];
  /** The same for what the context's device keeps by itself; null where it may keep nothing. */
  readonly dropAtDevice: ((what: Forgotten) => readonly CommandWords[]) | null;
  /** The command that waits for those before it. */
  readonly wait: CommandWords;
}

/** A command with its fields as numbers. */
export const commandWords = (name: string, fields: Readonly<Record<string, number | bigint>>): CommandWords => ({
  name,
  fields: Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, BigInt(value)])),
});

/** What is forgotten as a range of pages; null is everything. */
export const rangeOf = (what: Forgotten): AlignedRange | null =>
  typeof what === "string" ? null : { at: Number(what.at), pagesLg2: Math.max(12, what.sizeLg2) - 12 };

/** The bits of some fields of an entry of 8 bytes. */
export function bitsOf({ fields }: Layout, names: readonly string[]): Entry {
  let bits = 0n;
  for (const { name, hi, lo } of fields) {
    if (names.includes(name)) bits |= ((1n << BigInt(hi - lo + 1)) - 1n) << BigInt(lo);
  }
  return [high(bits) | 0, low(bits) | 0];
}

/**
 * Commands that make hardware forget, in their order: first the IOMMUs, then, once they have, the devices, which would
 * ask them again.
 * @param users of the tables
 */
export function invalidations(users: readonly Upkeep[], what: readonly Forgotten[]): readonly CommandWords[] {
  const ofUnit = once(users.flatMap(({ drop }) => what.flatMap((one) => drop(one))));
  const ofDevices = once(users.flatMap(({ dropAtDevice }) => what.flatMap((one) => dropAtDevice?.(one) ?? [])));
  const waits = once(users.map(({ wait }) => wait));
  return [ofUnit, ofDevices].flatMap((commands) => [
    ...commands,
    ...waits.filter(({ queue }) => commands.some((command) => command.queue === queue)),
  ]);
}

/** The same of an IOMMU whose commands go to a queue of that name. */
export function sentTo(queue: string, { drop, dropAtDevice, wait, ...rest }: Upkeep): Upkeep {
  const sent = (commands: readonly CommandWords[]) => commands.map((command) => ({ ...command, queue }));
  return {
    ...rest,
    drop: (what) => sent(drop(what)),
    dropAtDevice: dropAtDevice && ((what) => sent(dropAtDevice(what))),
    wait: { ...wait, queue },
  };
}

/** Each command once: where it came last, for what it makes hardware forget may have been made from what others do. */
function once(commands: readonly CommandWords[]): CommandWords[] {
  const byText = new Map<string, CommandWords>();
  for (const command of commands) {
    const text = `${command.queue} ${command.name} ${Object.entries(command.fields).join(" ")}`;
    byText.delete(text);
    byText.set(text, command);
  }
  return [...byText.values()];
}
