/** Changes to the list of steps in a scenario's text, with the notes that belong to them. */
import { isObject, type JsonObject } from "./migrations.ts";

/** A change to step `at`, counted from 0. */
export type StepChange =
  | { readonly change: "move"; readonly at: number; readonly by: 1 | -1 }
  | { readonly change: "delete" | "duplicate"; readonly at: number }
  /** What is said once the step is done; `at` is -1 for before the first. An empty text is no note. */
  | { readonly change: "note"; readonly at: number; readonly text: string };

/** A step with the notes that are shown once it is done. */
interface Step {
  readonly json: unknown;
  readonly notes: readonly JsonObject[];
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The steps after the change. A change of what is not there leaves all as it is. */
function changed(steps: readonly Step[], { change, at, ...how }: StepChange): readonly Step[] {
  const step = steps[at];
  if (step === undefined) return steps;
  const [before, after] = [steps.slice(0, at), steps.slice(at + 1)];
  if (change === "delete") return [...before, ...after];
  if (change === "duplicate") return [...before, step, { json: step.json, notes: [] }, ...after];
  if ("text" in how) return [...before, { json: step.json, notes: noteOf(how.text) }, ...after];
  const to = at + ("by" in how ? how.by : 0);
  if (to < 0 || to >= steps.length) return steps;
  const others = [...before, ...after];
  return [...others.slice(0, to), step, ...others.slice(to)];
}

const noteOf = (text: string): readonly JsonObject[] => (text === "" ? [] : [{ text }]);

/**
 * The text after a change: laid out as scenarios are written. Notes go with their steps, also where steps before them
 * come and go; notes to steps that there are not stay the same way behind the last.
 * @param text of a scenario, JSON
 */
export function changeSteps(text: string, change: StepChange): string {
  const document: unknown = JSON.parse(text);
  if (!isObject(document)) return text;
  const notes = listOf(document.notes).filter(isObject);
  const list = listOf(document.steps);
  const at = (step: number): readonly JsonObject[] => notes.filter((note) => note.step === step);
  const first = change.change === "note" && change.at === -1 ? noteOf(change.text) : at(0);
  const steps = changed(
    list.map((json, i) => ({ json, notes: at(i + 1) })),
    change,
  );
  const beyond = notes.filter(({ step }) => typeof step === "number" && step > list.length);
  const kept = [
    ...first.map((note) => ({ ...note, step: 0 })),
    ...steps.flatMap(({ notes: own }, i) => own.map((note) => ({ ...note, step: i + 1 }))),
    ...beyond.map((note) => ({ ...note, step: Number(note.step) + steps.length - list.length })),
  ].map(({ step, ...note }) => ({ step, ...note }));
  const { steps: _steps, notes: _notes, ...rest } = document;
  const next = {
    ...rest,
    ...(steps.length === 0 ? {} : { steps: steps.map(({ json }) => json) }),
    ...(kept.length === 0 ? {} : { notes: kept }),
  };
  return `${JSON.stringify(inOrder(next, document), null, 1)}\n`;
}

/** The keys in the order in which they stood before, new ones behind. */
function inOrder(next: JsonObject, was: JsonObject): JsonObject {
  const keys = [...Object.keys(was).filter((key) => key in next), ...Object.keys(next).filter((key) => !(key in was))];
  return Object.fromEntries(keys.map((key) => [key, next[key]]));
}
