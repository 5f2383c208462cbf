/** A scenario's text as somebody types it: what it says, or everything that is wrong with it and on which line. */
import type { Problem } from "../protocol/engine.ts";
import { readScenario, type Scenario } from "./document.ts";
import { type KeyPath, placeOf, readPath } from "./json_places.ts";
import { parseJson, position, syntaxErrorAt, syntaxFault } from "./json_text.ts";
import { migrate } from "./migrations.ts";
import { SCENARIO } from "./schema.ts";
import { misfits } from "./schema_pieces.ts";

/** Something wrong in a text. */
export interface TextProblem {
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** The key, such as `steps[3].at`; empty for the whole, or where the text is no JSON. */
  readonly place: string;
  readonly detail: string;
}

/** What a text says, or null and why not: at most {@link MOST_PROBLEMS} of `count` problems, in order of lines. */
export interface TextReading {
  readonly scenario: Scenario | null;
  readonly problems: readonly TextProblem[];
  readonly count: number;
}

/** Problems that are placed; more are only counted. */
const MOST_PROBLEMS = 50;

const at = (text: string, path: KeyPath, place: string, detail: string): TextProblem => ({
  ...position(text, placeOf(text, path)),
  place,
  detail,
});

const refused = (problems: readonly TextProblem[], count = problems.length): TextReading => ({
  scenario: null,
  problems: [...problems].sort((a, b) => a.line - b.line || a.column - b.column),
  count,
});

/** Read a text of any kind. */
export function readText(text: string): TextReading {
  const json = parseJson(text, "text");
  if (!json.ok) {
    const offset = syntaxErrorAt(text);
    return refused([{ ...position(text, offset), place: "", detail: syntaxFault(text, offset) }]);
  }
  const current = migrate(json.value, "text");
  if (!current.ok) {
    const { place, detail } = current.error;
    const key = place.replace(/^text(, )?/, "");
    return refused([at(text, readPath(key), key, detail)]);
  }
  const wrong = misfits(SCENARIO, current.value);
  if (wrong.length > 0) {
    const placed = wrong.slice(0, MOST_PROBLEMS).map(({ path, place, detail }) => at(text, path, place, detail));
    return refused(placed, wrong.length);
  }
  const read = readScenario(json.value, "text");
  return read.ok
    ? { scenario: read.value, problems: [], count: 0 }
    : refused([at(text, [], "", `${read.error.place}: ${read.error.detail}`)]);
}

/** Where in the text the thing is that an engine refused to open. */
export function placeProblem(text: string, { place, detail }: Problem): TextProblem {
  return at(text, readPath(place), place, detail);
}
