/** Where in a JSON text (RFC 8259) a value stands that a path of keys leads to. The text is one that parses. */
import { stringEnd } from "./json_text.ts";

/** Keys of objects and indexes of arrays, from the whole inwards. */
export type KeyPath = readonly (string | number)[];

const SPACE = /[ \t\n\r]*/y;
const ATOM = /[^ \t\n\r,\]}]*/y;

/** Offset after what a sticky pattern, which may match nothing, takes from `at`. */
function after(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  pattern.test(text);
  return pattern.lastIndex;
}

/** Offset just after the value that starts at `from`. */
function valueEnd(text: string, from: number): number {
  let at = from;
  for (let depth = 0; at < text.length; ) {
    const c = text[at];
    if (c === '"') at = stringEnd(text, at);
    else if (c === "[" || c === "{") [depth, at] = [depth + 1, at + 1];
    else if (c === "]" || c === "}") [depth, at] = [depth - 1, at + 1];
    else if (depth === 0) at = after(ATOM, text, at);
    else at++;
    if (depth === 0) return at;
  }
  return at;
}

/** Offset of the value under `key` of the array or object at `from`, or -1. Of equal names the last counts. */
function innerPlace(text: string, from: number, key: string | number): number {
  const array = text[from] === "[";
  if (!array && text[from] !== "{") return -1;
  let found = -1;
  let at = after(SPACE, text, from + 1);
  for (let index = 0; at < text.length && text[at] !== "]" && text[at] !== "}"; index++) {
    let name: unknown = index;
    if (!array) {
      const end = stringEnd(text, at);
      name = JSON.parse(text.slice(at, end));
      at = after(SPACE, text, after(SPACE, text, end) + 1);
    }
    if (name === key) found = at;
    if (array && found >= 0) return found;
    at = after(SPACE, text, valueEnd(text, at));
    if (text[at] === ",") at = after(SPACE, text, at + 1);
  }
  return found;
}

/** Offset of the value at `path`; where it is not there, of the innermost value around it that is. */
export function placeOf(text: string, path: KeyPath): number {
  let at = after(SPACE, text, 0);
  for (const key of path) {
    const inner = innerPlace(text, at, key);
    if (inner < 0) return at;
    at = inner;
  }
  return at;
}

const STEP = /(?:^|\.)([A-Za-z_][A-Za-z0-9_]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/y;

/** The path that text such as `steps[3].at` names, as far as it can be read. */
export function readPath(place: string): KeyPath {
  const path: (string | number)[] = [];
  STEP.lastIndex = 0;
  for (let step = STEP.exec(place); step !== null; step = STEP.exec(place)) {
    const [, plain, index, quoted] = step;
    path.push(plain ?? (index === undefined ? (JSON.parse(quoted ?? '""') as string) : Number(index)));
  }
  return path;
}
