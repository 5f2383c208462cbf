/**
 * Older documents brought to the present form. Migrations are numbered and never removed: what loaded once loads
 * for ever. A later version than this program knows is refused with a message.
 */
import type { Result } from "../protocol/engine.ts";
import { ok, problem, quoted } from "./problem.ts";

/** A JSON object as it was read. */
export type JsonObject = { readonly [key: string]: unknown };

/** One step: from version `to - 1` to version `to`. `up` trusts nothing about its input but that it is an object. */
export interface Migration {
  readonly to: number;
  readonly up: (document: JsonObject) => JsonObject;
}

/** Every migration since version 1, in order. */
const MIGRATIONS: readonly Migration[] = [];

/**
 * The version a list of migrations leads to.
 * @throws when a number is missing or out of order: a mistake in the list.
 */
export function latestVersion(migrations: readonly Migration[]): number {
  migrations.forEach(({ to }, i) => {
    if (to !== i + 2) throw new Error(`migration ${i + 1} of the list leads to version ${to}, expected ${i + 2}`);
  });
  return migrations.length + 1;
}

/** The version written today. */
export const DOCUMENT_VERSION = latestVersion(MIGRATIONS);

/** Whether a value is a JSON object (not an array, not null). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The document in the newest form. `name` is what it is called in a message. */
export function migrate(
  document: unknown,
  name: string,
  migrations: readonly Migration[] = MIGRATIONS,
): Result<JsonObject> {
  const latest = latestVersion(migrations);
  if (!isObject(document)) {
    return problem(
      "This is no Nestwalk scenario.",
      name,
      "A scenario is a JSON object with the keys v, title, about, machine and steps.",
    );
  }
  const { v } = document;
  if (typeof v !== "number" || !Number.isInteger(v) || v < 1) {
    const found = v === undefined ? "The key is missing" : `Found ${quoted(String(JSON.stringify(v)))}`;
    return problem(
      "This is no Nestwalk scenario.",
      `${name}, v`,
      `${found}; a whole number from 1 to ${latest} is expected.`,
    );
  }
  if (v > latest) {
    return problem(
      "This was made by a later version of Nestwalk.",
      `${name}, v`,
      `It has format version ${v}; this program reads versions up to ${latest}. Reload the page to get the newest program.`,
    );
  }
  return ok(migrations.slice(v - 1).reduce((d, m) => ({ ...m.up(d), v: m.to }), document));
}
