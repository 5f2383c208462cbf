/**
 * Memory as text: 64-bit words in hexadecimal, lowest address first, separated by a blank; `word*n` stands for n
 * equal words. An STE that uses stage 2 only reads `d 0 44c359400000002 44832000 0*4`.
 *
 * Words rather than bytes: a descriptor reads as a debugger prints it, and the digits of a table's address occur
 * both in the descriptor that points there and in the address of the table's own run, so that a link deflates well.
 */

/** A word that could not be read, or that makes the run too long. */
export interface WordError {
  /** Which word, from 1. */
  readonly word: number;
  readonly found: string;
  readonly why: "not a word" | "too long";
}

const BLANK = 0x20;
const STAR = 0x2a;

function digit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** Calls `emit` for each word and its number of repetitions; the first thing that is no word ends it. */
function scan(text: string, emit: (lo: number, hi: number, times: number) => boolean): WordError | null {
  let at = 0;
  for (let word = 1; ; word++) {
    const from = at;
    let [lo, hi, digits] = [0, 0, 0];
    for (let d = digit(text.charCodeAt(at)); d >= 0; d = digit(text.charCodeAt(++at))) {
      hi = ((hi << 4) | (lo >>> 28)) >>> 0;
      lo = ((lo << 4) | d) >>> 0;
      digits++;
    }
    let times = 1;
    if (text.charCodeAt(at) === STAR) {
      const count = /^[1-9][0-9]{0,8}/.exec(text.slice(at + 1, at + 10));
      times = count === null ? 0 : Number(count[0]);
      at += 1 + (count === null ? 0 : count[0].length);
    }
    const ended = at >= text.length;
    if (digits < 1 || digits > 16 || times < 1 || (!ended && text.charCodeAt(at) !== BLANK)) {
      return { word, found: text.slice(from, from + 24), why: "not a word" };
    }
    if (!emit(lo, hi, times)) return { word, found: text.slice(from, from + 24), why: "too long" };
    if (ended) return null;
    at++;
  }
}

/** Bytes of a run, at most `maxBytes` of them; nothing is allocated before the whole text was read. */
export function parseWords(text: string, maxBytes: number): Uint8Array | WordError {
  let count = 0;
  const error = scan(text, (_lo, _hi, times) => {
    count += times;
    return count * 8 <= maxBytes;
  });
  if (error !== null) return error;
  const bytes = new Uint8Array(count * 8);
  const view = new DataView(bytes.buffer);
  let at = 0;
  scan(text, (lo, hi, times) => {
    if (lo === 0 && hi === 0) {
      at += 8 * times;
      return true;
    }
    for (let i = 0; i < times; i++, at += 8) {
      view.setUint32(at, lo, true);
      view.setUint32(at + 4, hi, true);
    }
    return true;
  });
  return bytes;
}

function wordText(lo: number, hi: number): string {
  return hi === 0 ? lo.toString(16) : hi.toString(16) + lo.toString(16).padStart(8, "0");
}

/** Text of a run; its length is a multiple of 8, at least 8. */
export function formatWords(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const lo = view.getUint32(at, true);
    const hi = view.getUint32(at + 4, true);
    let times = 1;
    for (
      at += 8;
      at < bytes.length && view.getUint32(at, true) === lo && view.getUint32(at + 4, true) === hi;
      at += 8
    ) {
      times++;
    }
    const text = wordText(lo, hi);
    parts.push(times === 1 ? text : times === 2 && text.length === 1 ? `${text} ${text}` : `${text}*${times}`);
  }
  return parts.join(" ");
}
