/**
 * Widths of text that cannot be measured where geometry runs: estimates for the fonts of the theme, on the wide side.
 */

/** Advance of one digit of the monospaced faces, in em. */
const MONO_ADVANCE = 0.61;
/** Gap between groups of four digits, in em. */
export const GROUP_GAP = 0.34;
/** Mean advance of the interface face, in em; condensed and normal widths vary around it. */
const UI_ADVANCE = 0.56;

/** Digits in groups of four from the right: "40806003" gives ["4080", "6003"]. */
export function hexGroups(digits: string): string[] {
  const groups: string[] = [];
  for (let end = digits.length; end > 0; end -= 4) groups.unshift(digits.slice(Math.max(0, end - 4), end));
  return groups;
}

/** Width in px of hexadecimal digits in groups of four, at `size` px, without `0x`. */
export function digitsWidth(count: number, size: number): number {
  return size * (count * MONO_ADVANCE + GROUP_GAP * Math.max(0, Math.ceil(count / 4) - 1));
}

/** Width in px of a value without leading zeros and without `0x`. */
export function hexWidth(value: bigint, size: number): number {
  return digitsWidth(value.toString(16).length, size);
}

/** Estimated width in px of words in the interface face. */
export function textWidth(text: string, size: number): number {
  return text.length * size * UI_ADVANCE;
}

/** Estimated width in px of a name as specifications spell them, with capitals and digits. */
export function nameWidth(name: string, size: number): number {
  const wide = name.replaceAll(/[^A-Z0-9_]/g, "").length;
  return size * (wide * 0.62 + (name.length - wide) * UI_ADVANCE);
}

/** The first candidate that fits `width` px, or the empty string. Order them longest first. */
export function fitText(candidates: readonly string[], width: number, size: number): string {
  return candidates.find((c) => textWidth(c, size) <= width) ?? "";
}
