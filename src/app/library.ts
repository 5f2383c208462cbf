/** The scenarios that come with the page. They are fetched when somebody asks for them. */
import type { Problem, Result } from "../protocol/engine.ts";
import type { Access, SessionDocument } from "../protocol/machine.ts";
import type { Lesson } from "../scenario/library/lesson.ts";
import { accessOf } from "./first_choice.ts";

/** An entry as it is listed and found. */
export interface LibraryEntry extends Pick<Lesson, "id" | "group" | "title" | "about"> {
  /** Everything its notes say. */
  readonly told: string;
}

const NOT_FETCHED: Problem = {
  title: "The library could not be fetched.",
  place: "library",
  detail: "The server did not answer. What is open stays as it is.",
};

async function fetchLibrary(): Promise<Result<readonly Lesson[]>> {
  try {
    return { ok: true, value: (await import("../scenario/library/library.ts")).LIBRARY };
  } catch {
    return { ok: false, error: NOT_FETCHED };
  }
}

/** Every entry, groups together, in the order in which they are shown. */
export async function readLibrary(): Promise<Result<readonly LibraryEntry[]>> {
  const library = await fetchLibrary();
  if (!library.ok) return library;
  const entry = ({ id, group, title, about, document }: Lesson): LibraryEntry => {
    const told = (document().notes ?? []).map(({ text }) => text).join("\n");
    return { id, group, title, about, told };
  };
  return { ok: true, value: library.value.map(entry) };
}

/** What the story of a document turns on: the first access of a device, else the first address that it is given. */
function turningPoint({ actions, machine }: SessionDocument): Access | null {
  const made = actions.map(accessOf).find((access) => access !== null);
  if (made !== undefined) return made;
  const mapped = actions.find((action) => action.do === "guest map" || action.do === "guest bind");
  const [device] = machine.devices;
  if (mapped === undefined || device === undefined) return null;
  const { pasid: ssid, iova } = mapped;
  return { sid: device.sid, ssid, iova, write: false, privileged: false, instruction: false };
}

/** The document of an entry, looking at what its story turns on. */
export async function readLesson(id: string): Promise<Result<SessionDocument>> {
  const library = await fetchLibrary();
  if (!library.ok) return library;
  const found = library.value.find((lesson) => lesson.id === id);
  if (found === undefined) {
    const detail = "Open the library to see what it has.";
    return { ok: false, error: { title: "The library has no scenario of this name.", place: id, detail } };
  }
  const document = found.document();
  return { ok: true, value: { ...document, view: document.view ?? { access: turningPoint(document) } } };
}
