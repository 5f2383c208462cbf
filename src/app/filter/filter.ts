/**
 * A filter for rows, in the words of their fields: `event=F_TRANSLATION sid=0x30 iova>=0x1000 -rnw=write`.
 *
 * Terms stand side by side and all have to hold; `or` between them offers another set of terms. A term is a field, one
 * of `= != < <= > >= ~` and a value, or a bare word that some field contains; `-` before a term denies it. Values are
 * decimal, `0x…` or `0b…` numbers, or words, with `*` for anything and `|` between alternatives; quotes keep spaces.
 */
import { type Token, tokens } from "./tokens.ts";

/** What a field of a row holds: null where the row has no such field. */
type FieldContent = bigint | string | null;

/** A field of rows that a filter can name. */
export interface FilterField<Row> {
  /** In lower case, without spaces. */
  readonly name: string;
  /** What it holds, a few words. */
  readonly about: string;
  readonly read: (row: Row) => FieldContent;
  /** Values to offer, without being all there are. */
  readonly values?: readonly string[];
}

/** A filter that was read, or the first thing that is wrong with it. */
export type Filter<Row> =
  | { readonly ok: true; readonly test: (row: Row) => boolean }
  | { readonly ok: false; readonly from: number; readonly to: number; readonly why: string };

type Test<Row> = (row: Row) => boolean;
type Compare = (content: FieldContent) => boolean;

class Refused extends Error {
  readonly token: Token;
  constructor(token: Token, why: string) {
    super(why);
    this.token = token;
  }
}

/** Read a filter. An empty one lets every row through. */
export function readFilter<Row>(text: string, fields: readonly FilterField<Row>[]): Filter<Row> {
  const alternatives: Test<Row>[][] = [[]];
  try {
    for (const token of tokens(text)) {
      if (token.text.toLowerCase() === "or" && token.operator === null) alternatives.push([]);
      else alternatives.at(-1)?.push(readTerm(token, fields));
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { ok: false, from: error.token.from, to: error.token.to, why: error.message };
  }
  const sets = alternatives.filter((terms) => terms.length > 0);
  if (sets.length === 0) return { ok: true, test: () => true };
  return { ok: true, test: (row) => sets.some((terms) => terms.every((term) => term(row))) };
}

function readTerm<Row>(token: Token, fields: readonly FilterField<Row>[]): Test<Row> {
  const { denied } = token;
  const test = token.operator === null ? wordTest(token, fields) : fieldTest(token, token.operator, fields);
  return denied ? (row) => !test(row) : test;
}

function wordTest<Row>(token: Token, fields: readonly FilterField<Row>[]): Test<Row> {
  if (token.text === "") throw new Refused(token, "A word or a field has to follow “-”.");
  const word = token.text.toLowerCase();
  const number = readNumber(token.text);
  return (row) =>
    fields.some(({ read }) => {
      const content = read(row);
      if (typeof content === "string") return content.toLowerCase().includes(word);
      return content !== null && content === number;
    });
}

function fieldTest<Row>(token: Token, operator: string, fields: readonly FilterField<Row>[]): Test<Row> {
  const field = fields.find((f) => f.name === token.text.toLowerCase());
  if (field === undefined) throw new Refused(token, `There is no field ${token.text || "without a name"}.`);
  if (token.value === "") throw new Refused(token, `A value has to follow ${token.text}${operator}`);
  const compare = comparison(token, operator, token.value);
  return (row) => compare(field.read(row));
}

function comparison(token: Token, operator: string, value: string): Compare {
  const any = (make: (one: string) => Compare): Compare => {
    const each = value.split("|").map(make);
    return (content) => each.some((test) => test(content));
  };
  switch (operator) {
    case "=":
      return any(equals);
    case "!=": {
      const same = any(equals);
      return (content) => content !== null && !same(content);
    }
    case "~":
      return any((one) => (content) => contentText(content).includes(one.toLowerCase()));
    default:
      return ordered(token, operator, value);
  }
}

function equals(value: string): Compare {
  const number = readNumber(value);
  const pattern = value.toLowerCase().split("*");
  return (content) => (typeof content === "bigint" ? content === number : content !== null && like(content, pattern));
}

/** Whether a text is the parts in their order with anything between them. */
function like(text: string, parts: readonly string[]): boolean {
  const [first = "", ...others] = parts;
  const last = others.pop();
  const lower = text.toLowerCase();
  if (last === undefined) return lower === first;
  if (!lower.startsWith(first)) return false;
  let at = first.length;
  for (const part of others) {
    const found = lower.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return lower.length - last.length >= at && lower.endsWith(last);
}

function ordered(token: Token, operator: string, value: string): Compare {
  const limit = readNumber(value);
  if (limit === null)
    throw new Refused(token, `${token.text}${operator} wants a number, such as 0x1000; found ${value}.`);
  const compare = {
    "<": (n: bigint) => n < limit,
    "<=": (n: bigint) => n <= limit,
    ">": (n: bigint) => n > limit,
    ">=": (n: bigint) => n >= limit,
  }[operator];
  if (compare === undefined) throw new Refused(token, `${operator} is no comparison.`);
  return (content) => typeof content === "bigint" && compare(content);
}

function contentText(content: FieldContent): string {
  if (content === null) return "";
  return typeof content === "string" ? content.toLowerCase() : `0x${content.toString(16)}`;
}

/** Decimal, hexadecimal with 0x, or binary with 0b; underscores between digits do not count. At most 64 bits. */
function readNumber(text: string): bigint | null {
  const bare = text.replaceAll("_", "").toLowerCase();
  if (!/^(0x[0-9a-f]{1,16}|0b[01]{1,64}|\d{1,20})$/.test(bare)) return null;
  return BigInt(bare);
}
