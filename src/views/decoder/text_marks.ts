/** Where the bits of a record stand in the pasted text. */

/** Characters `from` to `to` (exclusive) of a line, counted from 0. */
export interface Mark {
  readonly line: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Places of the record's 64-bit words, written as 16 digits, in its lines; null for a word that is not found. `words`
 * are lowest first and stand in this order.
 */
export function wordPlaces(
  lines: readonly string[],
  range: readonly [number, number],
  words: readonly string[],
): (Mark | null)[] {
  const tokens: { readonly text: string; readonly mark: Mark }[] = [];
  for (let line = range[0] - 1; line < Math.min(range[1], lines.length); line++) {
    for (const match of (lines[line] ?? "").matchAll(/\b0x([0-9a-f?]{16})\b/gi)) {
      const from = match.index + 2;
      tokens.push({ text: (match[1] ?? "").toLowerCase(), mark: { line, from, to: from + 16 } });
    }
  }
  let next = 0;
  return words.map((word) => {
    const digits = word.replace(/^0x/, "").toLowerCase();
    const at = tokens.findIndex((token, i) => i >= next && token.text === digits);
    if (at < 0) return null;
    next = at + 1;
    return tokens[at]?.mark ?? null;
  });
}

/** The digits that hold bits [hi:lo] of the record. */
export function fieldMark(places: readonly (Mark | null)[], hi: number, lo: number): Mark | null {
  const place = places[lo >> 6];
  if (place === null || place === undefined) return null;
  const digit = (bit: number): number => 15 - ((bit & 63) >> 2);
  return { line: place.line, from: place.from + digit(Math.min(hi, lo | 63)), to: place.from + digit(lo) + 1 };
}
