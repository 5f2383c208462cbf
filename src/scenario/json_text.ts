/**
 * JSON text to a value, with the place of a syntax error: the platform's parser decides and builds the value; only
 * when it refuses does a scan of the text (RFC 8259) find where.
 */
import type { Result } from "../protocol/engine.ts";
import { LIMITS } from "./limits.ts";
import { ok, problem, quoted } from "./problem.ts";

const SPACE = /[ \t\n\r]*/y;
const ATOM = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null/y;

const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** Offset just after the string that starts at `from`; when it is none, the offset of its fault, negative and less 1. */
export function stringEnd(text: string, from: number): number {
  if (text[from] !== '"') return -from - 1;
  for (let at = from + 1; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code < 0x20) return -at - 1;
    ESCAPE.lastIndex = at;
    if (code !== 0x5c) at++;
    else if (ESCAPE.test(text)) at = ESCAPE.lastIndex;
    else return -at - 1;
  }
  return -text.length - 1;
}

/** Offset of the first character that cannot continue a JSON text; the text's length when it just ends too early. */
export function syntaxErrorAt(text: string): number {
  const open: ("[" | "{")[] = [];
  let at = 0;
  let expect: "value" | "value or ]" | "name" | "name or }" | "after" = "value";
  const match = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found !== null) at = pattern.lastIndex;
    return found !== null;
  };
  for (;;) {
    match(SPACE);
    const c = text[at];
    const top = open.at(-1);
    if (expect === "after") {
      if (top === undefined) return at;
      if (c === (top === "[" ? "]" : "}")) {
        open.pop();
      } else if (c === ",") {
        expect = top === "[" ? "value" : "name";
      } else {
        return at;
      }
      at++;
    } else if ((expect === "value or ]" && c === "]") || (expect === "name or }" && c === "}")) {
      at++;
      open.pop();
      expect = "after";
    } else if (expect === "name" || expect === "name or }") {
      at = stringEnd(text, at);
      if (at < 0) return -at - 1;
      match(SPACE);
      if (text[at] !== ":") return at;
      at++;
      expect = "value";
    } else if (c === "[" || c === "{") {
      at++;
      open.push(c);
      expect = c === "[" ? "value or ]" : "name or }";
    } else {
      if (c === '"') at = stringEnd(text, at);
      else if (!match(ATOM)) return at;
      if (at < 0) return -at - 1;
      expect = "after";
    }
  }
}

/** At least as many values as the text can hold: one more than its brackets, braces and commas, in strings or not. */
function mostValues(text: string): number {
  let count = 1;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x2c || code === 0x5b || code === 0x7b) count++;
  }
  return count;
}

/** Line and column of an offset, from 1. */
export function position(text: string, offset: number): { readonly line: number; readonly column: number } {
  let [line, start] = [1, 0];
  for (let at = text.indexOf("\n"); at >= 0 && at < offset; at = text.indexOf("\n", start)) {
    line++;
    start = at + 1;
  }
  return { line, column: offset - start + 1 };
}

/** What is wrong at the offset that {@link syntaxErrorAt} found. */
export function syntaxFault(text: string, at: number): string {
  return at >= text.length
    ? `The text ends after ${text.length} characters in the middle of a value; it may have been cut short.`
    : `${quoted(text.slice(at, at + 16), 12)} cannot stand here.`;
}

/** The value of a JSON text. `name` is what the text is called in a message: a file, or the link. */
export function parseJson(text: string, name: string): Result<unknown> {
  const values = mostValues(text);
  if (values > LIMITS.jsonValues) {
    return problem("This is too big.", name, `It holds up to ${values} values; at most ${LIMITS.jsonValues} are read.`);
  }
  try {
    return ok(JSON.parse(text) as unknown);
  } catch {
    const at = syntaxErrorAt(text);
    const { line, column } = position(text, at);
    const place = `${name}, line ${line}, column ${column}`;
    return problem("This is not readable as JSON.", place, syntaxFault(text, at));
  }
}
