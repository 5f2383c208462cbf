/**
 * Words of a structure that a kernel prints one a line, each with its number, lowest first.
 */
import type { LogText } from "../log_text.ts";

/** Words of one structure stand this close together, in characters. */
const REACH = 200;

/** One structure. */
export interface NumberedWord {
  /** Hexadecimal digits of each word; of one that was cut off, "0". */
  readonly digits: readonly string[];
  readonly lines: readonly [first: number, last: number];
}

/**
 * The structures of a log.
 * @param pattern global; finds the number of a word, then its digits
 * @param count words of a structure
 */
export function numberedWords(log: LogText, pattern: RegExp, count: number): NumberedWord[] {
  const groups: RegExpExecArray[][] = [];
  for (const m of log.text.matchAll(pattern)) {
    const group = groups.at(-1);
    const last = group?.at(-1);
    if (last === undefined || m.index - last.index > REACH || Number(m[1]!) <= Number(last[1]!)) groups.push([m]);
    else group!.push(m);
  }
  return groups.map((group) => {
    const last = group.at(-1)!;
    return {
      digits: Array.from({ length: count }, (_, i) => group.find((m) => m[1] === String(i))?.[2] ?? "0"),
      lines: log.span(group[0]!.index, last.index + last[0].length),
    };
  });
}
