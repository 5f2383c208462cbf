/**
 * What may stand where the caret is in a scenario's text: keys that the schema knows and the object lacks, and values of
 * which there are only so many. The text may be broken: only what stands before the caret counts.
 */
import { SCENARIO } from "./schema.ts";

/** Something to put in place of characters [from, to). */
export interface TextCompletion {
  readonly text: string;
  readonly about: string;
  readonly from: number;
  readonly to: number;
}

/** Names that only the session knows, by the last key of their path. */
export type KnownValues = Readonly<Record<string, readonly string[]>>;

/** An object or array that is open at the caret. */
interface Frame {
  readonly array: boolean;
  /** Of an array: items before; of an object: the key whose value comes. */
  index: number;
  key: string | null;
  /** Keys so far, with the values that are strings. */
  readonly values: Map<string, string | null>;
  /** A key comes next, not a value. */
  wantsKey: boolean;
}

/** Where the caret is. */
interface Place {
  readonly frames: readonly Frame[];
  /** Begin of what is typed there, its quote included, and what stands between that and the caret. */
  readonly from: number;
  readonly typed: string;
}

const STRING = /"(?:[^"\\\n]|\\.)*("|(?=\n)|$)/y;
const WORD = /[\w.+-]+/y;

/** Read up to the caret. Null inside of nothing. */
function placeAt(text: string, caret: number): Place | null {
  const frames: Frame[] = [];
  const put = (value: string | null): void => {
    const top = frames.at(-1);
    if (top === undefined || top.array) return;
    if (!top.wantsKey && top.key !== null) top.values.set(top.key, value);
    else if (value !== null) top.key = value;
  };
  for (let at = 0; at < caret; ) {
    const c = text[at]!;
    const top = frames.at(-1);
    const token = c === '"' ? STRING : /[\w+-]/.test(c) ? WORD : null;
    if (token !== null) {
      token.lastIndex = at;
      const found = token.exec(text)?.[0] ?? c;
      // The caret is within it, or where it is still being typed.
      const closed = c === '"' && found.length > 1 && found.endsWith('"');
      if (caret < at + found.length || (caret === at + found.length && !closed)) {
        return { frames, from: at, typed: text.slice(at, caret).replace(/^"/, "") };
      }
      put(c === '"' ? found.slice(1, -1) : null);
      at += found.length;
      continue;
    }
    at++;
    if (c === "{" || c === "[") {
      put(null);
      frames.push({ array: c === "[", index: 0, key: null, values: new Map(), wantsKey: c === "{" });
    } else if (c === "}" || c === "]") frames.pop();
    else if (top !== undefined && c === ":") top.wantsKey = false;
    else if (top !== undefined && c === ",") {
      top.index++;
      top.wantsKey = !top.array;
      top.key = null;
    }
  }
  return frames.length === 0 ? null : { frames, from: caret, typed: "" };
}

/** A schema as far as it is looked into; valibot's objects have these members. */
interface Node {
  readonly type: string;
  readonly wrapped?: Node;
  readonly entries?: Readonly<Record<string, Node>>;
  readonly options?: readonly (Node | string | number)[];
  readonly item?: Node;
  readonly value?: Node;
  readonly literal?: unknown;
  readonly key?: string | Node;
}

const bare = (node: Node | undefined): Node | undefined => (node?.wrapped === undefined ? node : bare(node.wrapped));

/** The kinds of object that a variant may be, with those left out that its deciding key denies. */
function kindsOf(node: Node, values: ReadonlyMap<string, string | null>): readonly Node[] {
  if (node.type !== "variant") return [node];
  const options = (node.options ?? []) as readonly Node[];
  const decided = values.get(node.key as string);
  const fits = options.filter((kind) => bare(kind.entries?.[node.key as string])?.literal === decided);
  return decided == null || fits.length === 0 ? options : fits;
}

/** What the schema says of what an object or array holds next; of a variant, what each kind says. */
function inside(node: Node | undefined, frame: Frame): readonly Node[] {
  if (node === undefined) return [];
  const of = (next: Node | undefined): readonly Node[] => {
    const found = bare(next);
    return found === undefined ? [] : [found];
  };
  if (frame.array) return of(node.item);
  if (node.type === "record") return of(node.value);
  return kindsOf(node, frame.values).flatMap(({ entries }) => of(entries?.[frame.key ?? ""]));
}

/** Every value that a schema knows by itself, as JSON. */
function valuesOf(node: Node): readonly string[] {
  if (node.type === "boolean") return ["true", "false"];
  if (node.type === "literal") return [JSON.stringify(node.literal)];
  return node.type === "picklist" ? (node.options ?? []).map((option) => JSON.stringify(option)) : [];
}

const FORMS: Readonly<Record<string, string>> = {
  object: "an object",
  variant: "an object",
  record: "names and values",
  array: "a list",
  string: "text",
  number: "a number",
  boolean: "true or false",
  picklist: "one of a few",
  literal: "what it is",
};

const MOST = 60;

/** What may stand at the caret. @param known names that the schema does not list, by key */
export function completeText(text: string, caret: number, known: KnownValues = {}): TextCompletion[] {
  const place = placeAt(text, caret);
  const top = place?.frames.at(-1);
  if (place === null || top === undefined) return [];
  const rest = /^[\w .+-]*"?/.exec(text.slice(caret))?.[0] ?? "";
  const quoted = text[place.from] === '"';
  const to = quoted
    ? caret + (rest.endsWith('"') ? rest.length : 0)
    : caret + (/^[\w.+-]*/.exec(rest)?.[0].length ?? 0);
  let node = bare(SCENARIO as unknown as Node);
  for (const frame of place.frames.slice(0, -1)) [node] = inside(node, frame);
  const offers = top.wantsKey
    ? keysOf(node, top, text.slice(to))
    : valueOffers(inside(node, top), top.key ?? "", known);
  const typed = place.typed.toLowerCase();
  return offers
    .filter((offer) => offer.text.replace(/^"/, "").toLowerCase().startsWith(typed))
    .slice(0, MOST)
    .map((offer) => ({ ...offer, from: place.from, to }));
}

/** Keys that the object lacks; those of a variant as far as it is decided. The deciding key comes first. */
function keysOf(node: Node | undefined, { values }: Frame, after: string): { text: string; about: string }[] {
  if (node === undefined) return [];
  const kinds = kindsOf(node, values);
  const first = node.type === "variant" && !values.has(node.key as string) ? [node.key as string] : [];
  const keys = new Set([...first, ...kinds.flatMap(({ entries = {} }) => Object.keys(entries))]);
  const colon = /^\s*:/.test(after) ? "" : ": ";
  return [...keys]
    .filter((key) => !values.has(key))
    .map((key) => {
      const of = bare(kinds.find(({ entries }) => entries?.[key] !== undefined)?.entries?.[key]);
      return { text: `${JSON.stringify(key)}${colon}`, about: FORMS[of?.type ?? ""] ?? "" };
    });
}

function valueOffers(nodes: readonly Node[], key: string, known: KnownValues): { text: string; about: string }[] {
  const listed = [...new Set(nodes.flatMap(valuesOf))].map((text) => ({ text, about: "" }));
  const named = nodes.length === 0 ? [] : (known[key] ?? []).map((text) => ({ text, about: "of this scenario" }));
  return [...listed, ...named];
}
