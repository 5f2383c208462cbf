/**
 * What a command would take out of the caches, found out by carrying it out on a machine whose state is put back
 * afterwards: there is no second reading of what commands mean.
 */
import type { CacheEntry, CachePlace, CacheView } from "../../protocol/inspection.ts";
import type { CommandWords } from "../../protocol/machine.ts";
import { commanded, commandFacts, enqueue } from "../commands.ts";
import type { Machine } from "../machine.ts";

interface Drops {
  readonly drops: readonly CachePlace[];
  readonly mayDrop: readonly CachePlace[];
}

/** What an entry is, wherever in its cache it lies. */
function nameOf({ name, sid }: CacheView, { tags, input, sizeLg2, output }: CacheEntry): string {
  return [name, sid, ...tags.map((tag) => `${tag.name} ${tag.value}`), input, sizeLg2, output].join();
}

const namesIn = (machine: Machine): ReadonlySet<string> =>
  new Set(machine.unit.inspect.caches().flatMap((cache) => cache.entries.map((entry) => nameOf(cache, entry))));

/** Entries that a command takes away, when those before it in its queue are done. The machine is changed by it. */
function droppedBy(machine: Machine, command: CommandWords): ReadonlySet<string> {
  const consumer = commanded(machine.unit, command.queue)?.consumer ?? null;
  if (consumer !== null) consumer.held = false;
  consumer?.run();
  const before = namesIn(machine);
  enqueue(machine, command);
  const after = namesIn(machine);
  return new Set([...before].filter((name) => !after.has(name)));
}

/**
 * Entries that a command drops; and those that it would drop besides if it did not say that leaf entries alone need go:
 * an IOMMU may drop them all the same.
 * @param aside does something and puts the machine back as it was
 */
export function invalidationOf(machine: Machine, command: CommandWords, aside: <T>(look: () => T) => T): Drops {
  const caches = machine.unit.inspect.caches();
  const placesOf = (names: ReadonlySet<string>): CachePlace[] =>
    caches.flatMap((cache) =>
      cache.entries
        .filter((entry) => names.has(nameOf(cache, entry)))
        .map(({ entry }) => ({ cache: cache.name, sid: cache.sid, entry })),
    );
  const dropped = aside(() => droppedBy(machine, command));
  const hint = commandFacts(machine.unit.arch, command.name)?.leafOnly ?? null;
  const whole =
    hint === null
      ? dropped
      : aside(() => droppedBy(machine, { ...command, fields: { ...command.fields, [hint.field]: BigInt(hint.all) } }));
  return {
    drops: placesOf(dropped),
    mayDrop: placesOf(new Set([...whole].filter((name) => !dropped.has(name)))),
  };
}
