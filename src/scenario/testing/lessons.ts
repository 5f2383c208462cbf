/** Lessons of the library, for tests. */
import type { Session } from "../../machine/session.ts";
import { openSession } from "../../machine/testing/open_session.ts";
import { LIBRARY } from "../library/library.ts";

/** The session of a lesson, after its last action. @throws where there is no such lesson: a mistake in the test */
export function openLesson(id: string): Promise<Session> {
  const found = LIBRARY.find((entry) => entry.id === id);
  if (found === undefined) throw new Error(`no lesson ${id}`);
  return openSession(found.document());
}
