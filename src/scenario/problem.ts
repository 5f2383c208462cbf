/** Results of reading what a user gives: a value, or a problem that names its place. */
import type { Result } from "../protocol/engine.ts";

/** A value that was read. */
export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

/**
 * A refusal: `title` says the consequence, `place` where (file, key, character), `detail` what was found there
 * and what would be right.
 */
export function problem(title: string, place: string, detail: string): Result<never> {
  return { ok: false, error: { title, place, detail } };
}

/** At most `length` characters of something foreign, printable and quoted, for a message. */
export function quoted(foreign: string, length = 24): string {
  const shown = foreign.slice(0, length).replace(/[^\x20-\x7e]/g, (c) => {
    const code = c.charCodeAt(0).toString(16);
    return `\\u${code.padStart(4, "0")}`;
  });
  return `"${shown}${foreign.length > length ? "…" : ""}"`;
}

/** What a reader answers when the caller asked it to stop. */
export const CANCELLED: Result<never> = problem(
  "Opening was cancelled.",
  "chosen files",
  "Nothing was opened; the session that was open stays.",
);
