/** The scenarios that come with the page. They are fetched when somebody asks for them. */
import type { Problem, Result } from "../protocol/engine.ts";
import type { SessionDocument } from "../protocol/machine.ts";
import type { Lesson } from "../scenario/library/lesson.ts";
import { accessOf } from "./first_choice.ts";

/** An entry as it is listed. */
export type LibraryEntry = Omit<Lesson, "document">;

const NOT_FETCHED: Problem = {
  title: "The library could not be fetched.",
  place: "library",
  detail: "The server did not answer. What is open stays as it is.",
};

/** Every entry, groups together, in the order in which they are shown. */
export async function readLibrary(): Promise<Result<readonly Lesson[]>> {
  try {
    return { ok: true, value: (await import("../scenario/library/library.ts")).LIBRARY };
  } catch {
    return { ok: false, error: NOT_FETCHED };
  }
}

/** The document of an entry. It looks at the first access that a device makes in it, where it looks at none. */
export async function readLesson(id: string): Promise<Result<SessionDocument>> {
  const library = await readLibrary();
  if (!library.ok) return library;
  const found = library.value.find((lesson) => lesson.id === id);
  if (found === undefined) {
    const detail = "Open the library to see what it has.";
    return { ok: false, error: { title: "The library has no scenario of this name.", place: id, detail } };
  }
  const document = found.document();
  const first = document.actions.map(accessOf).find((access) => access !== null);
  return { ok: true, value: { ...document, view: document.view ?? { access: first ?? null } } };
}
