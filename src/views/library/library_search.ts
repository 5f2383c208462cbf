/** Finding entries of the library, and putting them in groups. */
import type { LibraryEntry } from "../../app/library.ts";

/** Whether each word of what was typed begins or lies in some of `words`; case does not count. */
export function matches(text: string, words: readonly string[]): boolean {
  const all = words.join("\n").toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

interface EntryGroup {
  readonly group: string;
  readonly entries: readonly LibraryEntry[];
}

/** Entries under their groups, both in the order in which they come. */
export function groupsOf(entries: readonly LibraryEntry[]): readonly EntryGroup[] {
  const groups = new Map<string, LibraryEntry[]>();
  for (const entry of entries) {
    const own = groups.get(entry.group);
    if (own === undefined) groups.set(entry.group, [entry]);
    else own.push(entry);
  }
  return [...groups].map(([group, own]) => ({ group, entries: own }));
}
