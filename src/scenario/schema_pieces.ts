/**
 * Pieces of the schemas for foreign JSON, and the path of what one of them refused. Messages say what is expected
 * and what was found; the place comes from the path.
 */
import * as v from "valibot";
import type { Result } from "../protocol/engine.ts";
import { parseBytes, parseHex } from "./hex.ts";
import { ok, problem, quoted } from "./problem.ts";

/** What was found, for the end of a message. */
export function found(input: unknown): string {
  if (input === undefined) return "it is missing";
  if (typeof input === "string") return `found ${quoted(input)}`;
  const json = JSON.stringify(input) ?? typeof input;
  return `found ${json.length > 40 ? `${json.slice(0, 40)}…` : json}`;
}

/** A message for a value that is not `what`. */
export const expected = (what: string) => (issue: { readonly input: unknown }) =>
  `Expected ${what}; ${found(issue.input)}.`;

/** A string of at most `most` characters. */
export const text = (what: string, most: number) =>
  v.pipe(
    v.string(expected(what)),
    v.maxLength(most, (issue) => `At most ${most} characters may stand here; found ${issue.input.length}.`),
  );

/** An integer from `least` to `most`. */
export const wholeNumber = (what: string, least: number, most: number) => {
  const message = expected(`${what}, a whole number from ${least} to ${most}`);
  return v.pipe(v.number(message), v.safeInteger(message), v.minValue(least, message), v.maxValue(most, message));
};

/** An array of at most `most` items. */
export const list = <Item extends v.GenericSchema>(item: Item, most: number, what: string) =>
  v.pipe(
    v.array(item, expected(`a list of ${what}`)),
    v.maxLength(most, (issue) => `At most ${most} ${what} may stand here; found ${issue.input.length}.`),
  );

/** A boolean, false where it does not stand. */
export const flag = v.optional(v.boolean(expected("true or false")), false);

/** A hexadecimal string below 2^bits, as a bigint. */
export const hex = (what: string, bits = 64) =>
  v.pipe(
    v.string(expected(`${what}, a hexadecimal string such as "0x1f0"`)),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const value = parseHex(dataset.value);
      if (value === null || value >> BigInt(bits) !== 0n) {
        const limit = bits === 64 ? "of at most 16 digits" : `below 2^${bits}`;
        addIssue({ message: `Expected ${what}, a hexadecimal string with 0x ${limit}; ${found(dataset.value)}.` });
        return NEVER;
      }
      return value;
    }),
  );

/** A hexadecimal string below 2^bits whose value is a multiple of 8. */
export const aligned = (what: string, bits = 64) =>
  v.pipe(
    hex(what, bits),
    v.check((value) => value % 8n === 0n, `Expected ${what} that is a multiple of 8.`),
  );

/** 1 to `most` bytes as pairs of hexadecimal digits. */
export const hexBytes = (most: number) =>
  v.pipe(
    v.string(expected("bytes as pairs of hexadecimal digits")),
    v.maxLength(2 * most, `At most ${most} bytes may stand here.`),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const bytes = parseBytes(dataset.value);
      if (bytes === null || bytes.length === 0) {
        addIssue({ message: `Expected bytes as pairs of hexadecimal digits; ${found(dataset.value)}.` });
        return NEVER;
      }
      return bytes;
    }),
  );

/** A StreamID or PCI requester id as a number. */
export const STREAM_ID = wholeNumber("a StreamID", 0, 0xffffffff);

/** A SubstreamID (20 bits), null where the transaction has none. */
export const SUBSTREAM_ID = v.optional(v.nullable(wholeNumber("a SubstreamID", 0, 0xfffff)), null);

/** A register's name as the specification has it, without `SMMU_`. */
export const REGISTER_NAME = v.pipe(
  v.string(expected("a register name")),
  v.regex(/^[A-Z][A-Za-z0-9_]{0,39}$/, expected("a register name such as CR0")),
);

const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Such as `machine.memory.words["0x40000000"]` or `steps[3].at`. */
function pathText(path: readonly { readonly key: unknown }[]): string {
  let place = "";
  for (const { key } of path) {
    if (typeof key === "number") place += `[${key}]`;
    else if (PLAIN_KEY.test(String(key))) place += place === "" ? String(key) : `.${String(key)}`;
    else place += `[${JSON.stringify(String(key).slice(0, 40))}]`;
  }
  return place;
}

/** A value that a schema refuses. */
interface Misfit {
  readonly path: readonly (string | number)[];
  /** The path as text, such as `steps[3].at`; empty for the whole. */
  readonly place: string;
  readonly detail: string;
}

function misfit(issue: v.BaseIssue<unknown>): Misfit {
  const path = issue.path ?? [];
  // A key that is required and absent is reported by the object around it.
  const absent = issue.type === "object" && issue.path?.at(-1)?.origin === "key";
  return {
    path: path.map(({ key }) => (typeof key === "number" ? key : String(key))),
    place: pathText(path),
    detail: absent ? "This key is missing." : issue.message,
  };
}

/** Everything in a parsed JSON value that the schema refuses. */
export function misfits(schema: v.GenericSchema, json: unknown): readonly Misfit[] {
  const read = v.safeParse(schema, json);
  return read.success ? [] : read.issues.map(misfit);
}

/**
 * Check a parsed JSON value. A refusal has the given title; its place is `name` and the path, which `under`
 * (such as `translations[17]`) starts when the value itself stands inside a document.
 */
export function checked<Schema extends v.GenericSchema>(
  schema: Schema,
  json: unknown,
  title: string,
  name: string,
  under = "",
): Result<v.InferOutput<Schema>> {
  const read = v.safeParse(schema, json, { abortEarly: true });
  if (read.success) return ok(read.output);
  const { place, detail } = misfit(read.issues[0]);
  const within = under === "" || place === "" || place.startsWith("[") ? under + place : `${under}.${place}`;
  return problem(title, within === "" ? name : `${name}, ${within}`, detail);
}
