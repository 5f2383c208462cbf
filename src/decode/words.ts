/**
 * 64-bit words as kernels print them, with digits that may be blanked out or torn apart.
 */
import { deviceOf } from "./lines.ts";

/** A word of which some digits may be unreadable. */
export interface LogWord {
  readonly value: bigint;
  /** Bits whose digits can be read. */
  readonly known: bigint;
}

const ALL = (1n << 64n) - 1n;

/** A word with all bits known. */
export const knownWord = (value: bigint): LogWord => ({ value: value & ALL, known: ALL });

/** 16 hexadecimal digits, "?" for unreadable ones. */
export function wordDigits(w: LogWord): string {
  if (w.known === ALL) return `0x${w.value.toString(16).padStart(16, "0")}`;
  let out = "";
  for (let i = 15n; i >= 0n; i--) {
    const known = (w.known >> (4n * i)) & 15n;
    out += known === 15n ? ((w.value >> (4n * i)) & 15n).toString(16) : "?";
  }
  return `0x${out}`;
}

/** A word from 16 characters, hexadecimal digits or placeholders. */
function wordOf(digits: string): LogWord {
  if (/^[0-9a-fA-F]{16}$/.test(digits)) return knownWord(BigInt(`0x${digits}`));
  let value = 0n;
  let known = 0n;
  for (const c of digits) {
    const readable = /[0-9a-fA-F]/.test(c);
    value = (value << 4n) | (readable ? BigInt(Number.parseInt(c, 16)) : 0n);
    known = (known << 4n) | (readable ? 15n : 0n);
  }
  return { value, known };
}

const WHOLE = /^0x([0-9a-fA-FxX?*#]{16})$/;
const HALF = /^0x([0-9a-fA-F]{8})$/;
const REST = /^[0-9a-fA-F]{8}$/;
const PARTIAL = /^0x([0-9a-fA-F]{1,15})$/;

/** What a line that consists of words holds. */
export interface WordLine {
  /** Device named in front of the words, or null. */
  readonly device: string | null;
  readonly words: readonly LogWord[];
  /** Digits of a last word that does not have all 16. */
  readonly partial: string | null;
}

/** Words at the start of `tokens`; stops at the first token that is none. */
export function takeWords(tokens: readonly string[]): { words: LogWord[]; partial: string | null; used: number } {
  const words: LogWord[] = [];
  let used = 0;
  while (used < tokens.length) {
    const whole = WHOLE.exec(tokens[used]!);
    if (whole !== null) {
      words.push(wordOf(whole[1]!));
      used++;
      continue;
    }
    const half = HALF.exec(tokens[used]!);
    const rest = tokens[used + 1];
    if (half !== null && rest !== undefined && REST.test(rest)) {
      words.push(wordOf(half[1]! + rest));
      used += 2;
      continue;
    }
    const partial = PARTIAL.exec(tokens[used]!);
    if (partial !== null && used + 1 === tokens.length) return { words, partial: partial[1]!, used: used + 1 };
    break;
  }
  return { words, partial: null, used };
}

/** Split a message into tokens, quotes and commas dropped. */
export const tokensOf = (text: string): string[] => text.split(/[\s,;"'`]+/).filter((t) => t !== "");

/** A label that people put in front of a word: "Word 0:", "[1]", "dw2 =". */
const LABEL = /^\W{0,4}(?:d?word|dw|data|evt|w)? ?\[?\d{1,2}\]? ?[:=]?$/i;
/** 16 digits without 0x at the end of a line. */
const UNPREFIXED = /(?:^|[:\s])([0-9a-fA-F]{16})["',;]*$/;

/**
 * The words of a line that holds nothing else, apart from a "driver device:" in front; null for any other line.
 * Text after the words is allowed only behind the name of an SMMU (another program may write into the line).
 */
export function wordLine(text: string): WordLine | null {
  const prefixed = text.indexOf("0x");
  const unprefixed = prefixed < 0 && text.length < 200 ? UNPREFIXED.exec(text) : null;
  if (prefixed < 0 && unprefixed === null) return null;
  const start = unprefixed === null ? prefixed : text.lastIndexOf(unprefixed[1]!);
  const label = text.slice(0, start).trimEnd();
  const prefix = LABEL.test(label) ? "" : label;
  if (prefix !== "" && !prefix.endsWith(":")) return null;
  const device = prefix === "" ? null : deviceOf(prefix);
  if (prefix !== "" && device === null) return null;
  const tokens = tokensOf((unprefixed === null ? "" : "0x") + text.slice(start));
  const { words, partial, used } = takeWords(tokens);
  if (words.length === 0 && partial === null) return null;
  const atSmmu = device !== null && /s?mmu/i.test(prefix);
  if (used < tokens.length && !(atSmmu && words.length > 0)) return null;
  return { device, words, partial };
}

/** The rest of a word that a narrow terminal broke in two. */
export function continueWord(partial: string, text: string): LogWord | null {
  const rest = /^([0-9a-fA-F]+)["',;]*$/.exec(text.slice(0, 24));
  return rest !== null && partial.length + rest[1]!.length === 16 ? wordOf(partial + rest[1]!) : null;
}
