/**
 * Bare words: memory dumps pasted without any log around them. Four or more 64-bit words, 32-bit words, or bytes,
 * with or without 0x, with separators, addresses in front and an ASCII column behind (devmem, gdb, crash, hexdump).
 */

/** The words of a dump. */
export interface HexDump {
  /** 64-bit words, lowest address first. */
  readonly words: readonly bigint[];
  /** Source line of each word, from 1. */
  readonly lines: readonly number[];
  /** What a label in the text calls them, such as "ste" or "cd"; null where nothing does. */
  readonly hint: string | null;
}

/** Longest dump that is read, in 64-bit words. */
const MAX_WORDS = 262144;

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/\b(?:dte|device table entry)\b/i, "amd-dte"],
  [/\bpasid (?:table )?entry\b/i, "vtd-pasid"],
  [/\bpasid dir(?:ectory)? entry\b/i, "vtd-pasid-dir"],
  [/\bcontext entry\b/i, "vtd-context"],
  [/\broot entry\b/i, "vtd-root"],
  [/\b(?:frcd|fault record)\b/i, "vtd-fault"],
  [/\birte\b/i, "vtd-irte"],
  [/\bl1std\b/i, "l1std"],
  [/\bl1cd\b/i, "l1cd"],
  [/\b(?:ste|stream table entry)\b/i, "ste"],
  [/\b(?:cd|context descriptor)\b/i, "cd"],
  [/\b(?:cmd|cmdq|command)\b/i, "command"],
  [/\b(?:evt|evtq|event)\b/i, "event"],
  [/\b(?:stage[ -]?2|s2)[ -]?(?:pte|descriptor)\b/i, "s2-descriptor"],
  [/\b(?:pte|ttd|descriptor)\b/i, "s1-descriptor"],
];

type Width = 8 | 32 | 64;
/** Width of a line: "any" where it holds only zeros printed short. */
type LineWidth = Width | "any";

/** What stands in front of the digits of a line: an address or a short label, up to ":" or "=". */
const LABEL = /^[^:=\n]{1,48}[:=]\s*/;
const ASCII_COLUMN = /\s+(?:\|[^\n]*\|?|\s{2,}\S[^\n]*)$/;

/** Tokens of one line of a dump, all of one width; null where the line is something else. */
function lineTokens(line: string): { tokens: string[]; width: LineWidth; label: string } | null {
  let rest = line.trim();
  let label = "";
  const m = LABEL.exec(rest);
  if (m !== null && m[0].length < rest.length) {
    label = m[0];
    rest = rest.slice(label.length);
  }
  for (const candidate of [rest, rest.replace(ASCII_COLUMN, "")]) {
    const tokens = candidate.split(/[\s,;{}()[\]"'`_|]+/).filter((t) => t !== "");
    const width = tokens.length === 0 ? null : widthOf(tokens);
    if (width === null) continue;
    // hexdump -C puts an offset in front without a colon.
    if (width === "offset") return { tokens: tokens.slice(1), width: 8, label };
    return { tokens, width, label };
  }
  return null;
}

function widthOf(tokens: readonly string[]): LineWidth | "offset" | null {
  const digits: { prefixed: boolean; length: number }[] = [];
  for (const t of tokens) {
    const m = /^(0x)?([0-9a-fA-F]{1,16})(?:[uU]?[lL]{0,2})$/.exec(t);
    if (m === null) return null;
    if (m[2] !== "0") digits.push({ prefixed: m[1] !== undefined, length: m[2]!.length });
  }
  if (digits.length === 0) return "any";
  const prefixed = digits.every((d) => d.prefixed);
  const longest = Math.max(...digits.map((d) => d.length));
  const all = (n: number, from = 0) => digits.slice(from).every((d) => d.length === n);
  if (all(2) && !prefixed) return digits.length === tokens.length ? 8 : null;
  if (tokens.length > 8 && digits[0]!.length === 8 && !prefixed && all(2, 1)) return "offset";
  if (all(8)) return 32;
  if (longest > 8) return prefixed || all(16) ? 64 : null;
  return prefixed ? 32 : null;
}

/** Values of width `from` put together to 64-bit words, lowest part first; null where the count does not fit. */
function combine(values: readonly bigint[], from: Width): bigint[] | null {
  const each = 64 / from;
  if (values.length % each !== 0) return null;
  const out: bigint[] = [];
  for (let i = 0; i < values.length; i += each) {
    let word = 0n;
    for (let k = each - 1; k >= 0; k--) word = (word << BigInt(from)) | values[i + k]!;
    out.push(word);
  }
  return out;
}

/**
 * The words of a text that is a dump and nothing else (comments that start with "#" or "//" aside); null for
 * anything else. Short 32-bit words without leading zeros count only behind 0x.
 */
export function findHexWords(text: string): HexDump | null {
  const values: bigint[] = [];
  const at: number[] = [];
  let width: Width | null = null;
  let labels = "";
  const source = text.split(/\r\n|\n|\r/);
  for (let i = 0; i < source.length; i++) {
    const line = source[i]!.slice(0, 4096);
    if (line === "") continue;
    if (/^\s*(?:#|\/\/|$)/.test(line)) {
      if (labels.length < 400) labels += ` ${line}`;
      continue;
    }
    const found = lineTokens(line);
    if (found === null) {
      // A title such as "STE:" may stand alone.
      if (values.length === 0 && labels.length < 400 && /^[\w ()[\]-]{1,60}:?$/.test(line.trim())) {
        labels += ` ${line}`;
        continue;
      }
      return null;
    }
    // Small values are often printed short: 0x10 among 64-bit words.
    if (found.width !== "any" && found.width !== width) {
      if (width === 8 || found.width === 8) {
        if (width !== null) return null;
        width = 8;
      } else width = width === null ? found.width : 64;
    }
    if (labels.length < 400) labels += ` ${found.label}`;
    for (const t of found.tokens) {
      values.push(BigInt(`0x${t.replace(/^0x/, "").replace(/[uUlL]+$/, "")}`));
      at.push(i + 1);
    }
    if (values.length > MAX_WORDS * 2) return null;
  }
  if (values.length === 0) return null;
  width ??= 64;
  const words = combine(values, width);
  if (words === null || words.length > MAX_WORDS) return null;
  const each = 64 / width;
  const hint = HINTS.find(([p]) => p.test(labels))?.[1] ?? null;
  return { words, lines: words.map((_, i) => at[i * each]!), hint };
}
