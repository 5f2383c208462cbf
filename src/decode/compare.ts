/**
 * Compares decoded entries with expected ones. Order does not count, repetition does; a decoded entry may have
 * more keys than the expected one, and every key that is expected must agree.
 */

/** An entry as plain JSON. */
export type EntryLike = { readonly type: string };

/** What does not agree. */
export interface Comparison {
  readonly ok: boolean;
  /** Sentences, each about one entry. */
  readonly problems: readonly string[];
}

/** Equal as JSON, with lists compared without regard to order and an absent value equal to null. */
function same(want: unknown, got: unknown): boolean {
  if (want === null || want === undefined) return got === null || got === undefined;
  if (Array.isArray(want)) {
    if (!Array.isArray(got) || got.length !== want.length) return false;
    const rest = [...(got as unknown[])];
    return want.every((w) => {
      const at = rest.findIndex((g) => same(w, g));
      if (at >= 0) rest.splice(at, 1);
      return at >= 0;
    });
  }
  if (typeof want === "object") {
    if (typeof got !== "object" || got === null) return false;
    return Object.entries(want).every(([k, v]) => same(v, (got as Record<string, unknown>)[k]));
  }
  return want === got;
}

const keyOf = (e: EntryLike, k: string): unknown => (e as unknown as Record<string, unknown>)[k];

/** Keys of `want` in which `got` differs. */
function differences(want: EntryLike, got: EntryLike): string[] {
  return Object.keys(want).filter((k) => !same(keyOf(want, k), keyOf(got, k)));
}

/** Give every expected entry its own decoded one, as many as can be (augmenting paths). */
function assign(expected: readonly EntryLike[], got: readonly EntryLike[]): (number | null)[] {
  const byType = new Map<string, number[]>();
  got.forEach((g, i) => {
    const list = byType.get(g.type);
    if (list === undefined) byType.set(g.type, [i]);
    else list.push(i);
  });
  const ownerOf = new Map<number, number>();
  const fitting = expected.map((want) =>
    (byType.get(want.type) ?? []).filter((g) => differences(want, got[g]!).length === 0),
  );
  const place = (e: number, seen: Set<number>): boolean => {
    for (const g of fitting[e]!) {
      if (seen.has(g)) continue;
      seen.add(g);
      const owner = ownerOf.get(g);
      if (owner === undefined || place(owner, seen)) {
        ownerOf.set(g, e);
        return true;
      }
    }
    return false;
  };
  expected.forEach((_, e) => {
    place(e, new Set());
  });
  const out: (number | null)[] = expected.map(() => null);
  for (const [g, e] of ownerOf) out[e] = g;
  return out;
}

const show = (v: unknown): string => JSON.stringify(v ?? null);

/** Compare what a text was decoded to with what it should be. */
export function compareEntries(expected: readonly EntryLike[], got: readonly EntryLike[]): Comparison {
  const assigned = assign(expected, got);
  const taken = new Set(assigned.filter((g) => g !== null));
  const free = got.map((_, i) => i).filter((i) => !taken.has(i));
  const problems: string[] = [];
  assigned.forEach((g, e) => {
    if (g !== null) return;
    const want = expected[e]!;
    const nearest = free
      .filter((i) => got[i]!.type === want.type)
      .map((i) => ({ i, keys: differences(want, got[i]!) }))
      .sort((a, b) => a.keys.length - b.keys.length)[0];
    if (nearest === undefined) {
      problems.push(`expected entry ${e + 1} (${want.type}) was not decoded`);
      return;
    }
    free.splice(free.indexOf(nearest.i), 1);
    const k = nearest.keys[0]!;
    problems.push(
      `entry ${e + 1} (${want.type}): ${k} is ${show(keyOf(got[nearest.i]!, k))}, expected ${show(keyOf(want, k))}`,
    );
  });
  for (const i of free) problems.push(`decoded entry ${i + 1} (${got[i]!.type}) is not expected`);
  return { ok: problems.length === 0, problems };
}
