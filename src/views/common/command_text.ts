/** Commands as they are typed: a name, then fields that are not zero, as in `CMD_TLBI_NH_ASID VMID=1 ASID=0x21`. */

import type { Completion } from "../../app/filter/completion.ts";
import { COMMAND_TABLES, type CommandFacts } from "../../arch/command_tables.ts";
import type { FieldDeclaration } from "../../base/layout.ts";
import type { Arch, CommandWords } from "../../protocol/machine.ts";
import { fieldMask, parseField } from "../inspector/field_text.ts";

/** What a text says: a command, nothing yet, or what is wrong and where, in characters [from, to). */
export type TypedCommand =
  | { readonly state: "empty" }
  | { readonly state: "command"; readonly command: CommandWords; readonly facts: CommandFacts }
  | { readonly state: "wrong"; readonly why: string; readonly from: number; readonly to: number };

interface Word {
  readonly text: string;
  readonly from: number;
}

const wordsOf = (text: string): Word[] =>
  [...text.matchAll(/[^\s,]+/g)].map((match) => ({ text: match[0], from: match.index }));

/** Fields that may be set: those that neither are reserved nor make it this command. */
export const settableFields = ({ layout, fixed }: CommandFacts): readonly FieldDeclaration[] =>
  layout.fields.filter((field) => field.form !== "reserved" && !Object.hasOwn(fixed, field.name));

const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** A command by its name, with or without what all names of an architecture begin with. */
const commandNamed = (arch: Arch, name: string): CommandFacts | undefined =>
  COMMAND_TABLES[arch].find((c) => sameName(c.name, name) || sameName(c.name, `CMD_${name}`));

/** What a text says. */
export function readCommand(arch: Arch, text: string): TypedCommand {
  const [name, ...rest] = wordsOf(text);
  if (name === undefined) return { state: "empty" };
  const wrong = (word: Word, why: string): TypedCommand => {
    return { state: "wrong", why, from: word.from, to: word.from + word.text.length };
  };
  const facts = commandNamed(arch, name.text);
  if (facts === undefined) return wrong(name, `There is no command ${name.text}.`);
  const fields: Record<string, bigint> = {};
  for (const word of rest) {
    const [typed = "", value = ""] = word.text.split("=", 2);
    const field = settableFields(facts).find((f) => sameName(f.name, typed));
    if (field === undefined) return wrong(word, `${facts.name} has no field ${typed} to set.`);
    const read = readValue(field, value);
    if (typeof read === "string") return wrong(word, read);
    fields[field.name] = read;
  }
  return { state: "command", command: { name: facts.name, fields }, facts };
}

/** A value as it is typed: decimal, 0x or 0b; a sentence for what is none. */
function readValue(field: FieldDeclaration, text: string): bigint | string {
  if (/^\d{1,19}$/.test(text)) {
    const value = BigInt(text);
    if ((value & ~fieldMask(field)) === 0n) return value;
  }
  if (text === "") return `${field.name} needs a value: ${field.name}=0x0.`;
  const read = parseField(field, /^\d+$/.test(text) ? `0x${BigInt(text).toString(16)}` : text);
  return read.ok ? read.value : read.why;
}

/** Most to offer at once. */
const MOST = 40;

/** What may stand where the caret is: a command, a field of it, or one of a field's named values. */
export function commandCompletions(arch: Arch, text: string, caret: number): Completion[] {
  const words = wordsOf(text);
  const at = words.findIndex(({ text: word, from }) => from <= caret && caret <= from + word.length);
  const word = words[at] ?? { text: "", from: caret };
  const to = word.from + word.text.length;
  const offer = (names: readonly { readonly text: string; readonly about: string }[], typed: string, from: number) =>
    names
      .filter((name) => name.text.toLowerCase().includes(typed.toLowerCase()) && name.text !== typed)
      .slice(0, MOST)
      .map((name): Completion => ({ ...name, from, to }));
  const first = words[0];
  if (first === undefined || caret <= first.from + first.text.length) {
    const commands = COMMAND_TABLES[arch].map(({ name, about }) => ({ text: name, about }));
    return offer(commands, word.text, word.from);
  }
  const facts = commandNamed(arch, first.text);
  if (facts === undefined) return [];
  const equals = word.text.indexOf("=");
  const fields = settableFields(facts);
  if (equals < 0 || caret <= word.from + equals) {
    const given = words.filter((other) => other !== word).map((other) => other.text.split("=")[0]!.toLowerCase());
    const left = fields.filter(({ name }) => !given.includes(name.toLowerCase()));
    return offer(
      left.map(({ name, about }) => ({ text: `${name}=`, about })),
      equals < 0 ? word.text : word.text.slice(0, equals),
      word.from,
    );
  }
  const field = fields.find(({ name }) => sameName(name, word.text.slice(0, equals)));
  const values = Object.entries(field?.values ?? {}).map(([code, about]) => ({ text: code, about }));
  return offer(values, word.text.slice(equals + 1), word.from + equals + 1);
}

/** A command as it would be typed, after the queue that it is for. */
export const commandText = ({ name, fields, queue }: CommandWords): string =>
  [
    ...(queue === undefined ? [] : [`${queue}:`]),
    name,
    ...Object.entries(fields).map(([field, value]) => `${field}=0x${value.toString(16)}`),
  ].join(" ");
