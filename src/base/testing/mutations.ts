/**
 * Texts as people and machines spoil them: cut off, torn apart, repeated, with other digits, with parts of other texts.
 */

type Next = () => number;

/** A place in a text, its end included. */
const place = (text: string, next: Next): number => next() % (text.length + 1);

/** What is put in where it does not belong. */
const STRANGERS = [
  "",
  "\n",
  "\t",
  " ",
  "\r\n",
  "\\n",
  "\u0000",
  "\u001b[31m",
  "\u{1f600}",
  "0x",
  "ffffffffffffffff",
  "-1",
  "1e999",
  "null",
  '"',
  "[",
  "{",
  "}",
  ":",
  "0000:ff:1f.7",
  "[   12.345678] ",
];

const insert = (text: string, at: number, what: string): string => text.slice(0, at) + what + text.slice(at);

/** A way to spoil a text; `other` is one to take parts of. */
type Mutation = (text: string, next: Next, other: string) => string;

const MUTATIONS: readonly Mutation[] = [
  (text, next) => text.slice(0, place(text, next)),
  (text, next) => text.slice(place(text, next)),
  (text, next) => {
    const [a, b] = [place(text, next), place(text, next)].sort((x, y) => x - y) as [number, number];
    return text.slice(0, a) + text.slice(b);
  },
  (text, next) => insert(text, place(text, next), STRANGERS[next() % STRANGERS.length]!),
  (text, next) => insert(text, place(text, next), String.fromCharCode(next() & 0xffff)),
  (text, next, other) => {
    const from = place(other, next);
    return insert(text, place(text, next), other.slice(from, from + (next() % 200)));
  },
  (text, next) => {
    const lines = text.split("\n");
    const [from, to] = [next() % lines.length, next() % lines.length];
    lines.splice(to, 0, ...Array<string>(1 + (next() % 4)).fill(lines[from]!));
    return lines.join("\n");
  },
  (text, next) => {
    const lines = text.split("\n");
    const [a, b] = [next() % lines.length, next() % lines.length];
    [lines[a], lines[b]] = [lines[b]!, lines[a]!];
    return lines.join("\n");
  },
  (text, next) => text.replaceAll("\n", next() % 2 === 0 ? " " : ""),
  // Digits of one number.
  (text, next) => {
    const at = place(text, next);
    const tail = text.slice(at).replace(/[0-9a-f]{1,16}/, (run) => run.replace(/./g, () => (next() % 16).toString(16)));
    return text.slice(0, at) + tail;
  },
];

/** A text spoilt in one to six ways. */
export function mutated(text: string, other: string, next: Next): string {
  let out = text;
  for (let left = 1 + (next() % 6); left > 0; left--) out = MUTATIONS[next() % MUTATIONS.length]!(out, next, other);
  return out;
}
