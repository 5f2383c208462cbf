/** Entries of all caches as rows of one list, and what of them a filter can name. */
import type { FilterField } from "../../app/filter/filter.ts";
import type { CacheEntry, CacheView } from "../../protocol/inspection.ts";

export interface ListedEntry {
  /** Tells entries of the list apart; an entry keeps it as long as it is in its cache. */
  readonly id: string;
  /** The cache, as one of several. */
  readonly key: string;
  readonly cache: CacheView;
  readonly entry: CacheEntry;
}

/** Stale entries first, then by cache and place in it. */
export function listEntries(caches: readonly CacheView[]): ListedEntry[] {
  const rows = caches.flatMap((cache) => {
    const key = `${cache.name} ${cache.sid ?? ""}`;
    return cache.entries.map((entry): ListedEntry => ({ id: `${key} ${entry.entry}`, key, cache, entry }));
  });
  return [...rows.filter((r) => r.entry.stale !== null), ...rows.filter((r) => r.entry.stale === null)];
}

export function cacheFields(rows: readonly ListedEntry[]): readonly FilterField<ListedEntry>[] {
  const tags = [...new Set(rows.flatMap((r) => r.entry.tags.map((t) => t.name)))];
  return [
    {
      name: "cache",
      about: "which cache",
      read: (r) => r.cache.name,
      values: [...new Set(rows.map((r) => r.cache.name))],
    },
    {
      name: "stale",
      about: "memory says otherwise",
      read: (r) => (r.entry.stale === null ? "no" : "yes"),
      values: ["yes", "no"],
    },
    { name: "input", about: "first address", read: (r) => r.entry.input },
    { name: "output", about: "where it leads", read: (r) => r.entry.output },
    { name: "age", about: "fills ago", read: (r) => BigInt(r.entry.age) },
    ...tags.map(
      (tag): FilterField<ListedEntry> => ({
        name: tag.toLowerCase(),
        about: "a tag",
        read: (r) => {
          const found = r.entry.tags.find((t) => t.name === tag);
          return found === undefined ? null : BigInt(found.value);
        },
      }),
    ),
  ];
}
