/** The caches of a unit as one: images and digests of those that are there, and what looks at their entries needs. */
import type { Digest } from "../../base/digest.ts";
import type { PageTableCache } from "./page_table_cache.ts";
import type { CacheImage, TaggedCache } from "./tagged_cache.ts";

/** A saved state of a {@link CacheSet}. */
export type CacheSetImage<Name extends string> = Readonly<Partial<Record<Name, CacheImage>>>;

/** A cache, or who has one that is found by address; null where it is off. */
type Member = TaggedCache | { readonly pages: PageTableCache } | null;

export class CacheSet<Name extends string> {
  readonly #tables: ReadonlyMap<string, TaggedCache>;
  /** Those that are found by address. */
  readonly byPage: readonly PageTableCache[];

  /** @param members by name, in the order in which a request meets them */
  constructor(members: Readonly<Record<Name, Member>>) {
    const all = Object.entries<Member>(members);
    const there = all.flatMap(([name, member]) => (member === null ? [] : [[name, member] as const]));
    this.#tables = new Map(there.map(([name, m]) => [name, "pages" in m ? m.pages.table : m]));
    this.byPage = there.flatMap(([, m]) => ("pages" in m ? [m.pages] : []));
  }

  /** The table behind a cache; null where it is off. */
  table(name: Name): TaggedCache | null {
    return this.#tables.get(name) ?? null;
  }

  snapshot(): CacheSetImage<Name> {
    return Object.fromEntries(
      [...this.#tables].map(([name, table]) => [name, table.snapshot()]),
    ) as CacheSetImage<Name>;
  }

  restore(image: CacheSetImage<Name>): void {
    for (const [name, table] of this.#tables) {
      const saved = image[name as Name];
      if (saved !== undefined) table.restore(saved);
    }
    for (const pages of this.byPage) pages.refresh();
  }

  digest(into: Digest): void {
    for (const table of this.#tables.values()) table.digest(into);
  }

  /** Look something up that counts for no cache. */
  uncounted<T>(look: () => T): T {
    const counted = [...this.#tables.values()].map(({ counts }) => [counts, counts.slice()] as const);
    const found = look();
    for (const [counts, before] of counted) counts.set(before);
    return found;
  }
}

/** The caches of a unit as its owner sees them. */
export abstract class UnitCaches<Name extends string> {
  /** Configurations that were worked out from cached structures: they are no state of their own. */
  abstract readonly config: { forget(): void };
  protected abstract readonly set: CacheSet<Name>;

  /** The table behind a cache; null where it is off. */
  table(name: Name): TaggedCache | null {
    return this.set.table(name);
  }

  uncounted<T>(look: () => T): T {
    return this.set.uncounted(look);
  }

  snapshot(): CacheSetImage<Name> {
    return this.set.snapshot();
  }

  restore(image: CacheSetImage<Name>): void {
    this.set.restore(image);
    this.config.forget();
  }

  digest(into: Digest): void {
    this.set.digest(into);
  }
}

/** Call `check` with every valid entry of a cache that may be off. */
export function eachEntry(table: TaggedCache | null, check: (entry: number, table: TaggedCache) => void): void {
  if (table === null) return;
  for (let entry = 0; entry < table.entries; entry++) if (table.isValid(entry)) check(entry, table);
}

/** The cold words of an entry are these. */
export function holdsWords(table: TaggedCache, entry: number, words: Uint32Array): boolean {
  const from = entry * table.coldWords;
  for (let i = 0; i < table.coldWords; i++) if ((table.cold[from + i]! ^ words[i]!) !== 0) return false;
  return true;
}
