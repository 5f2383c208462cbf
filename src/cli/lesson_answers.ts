/** What the engine says of a lesson's software: for tests of the page, which must show just that. */
import { Session } from "../machine/session.ts";
import { loadArchitecture } from "../machine/units.ts";
import { Software } from "../machine/world/software.ts";
import type { JournalEntry } from "../protocol/journal.ts";
import type { SoftwareAnswer } from "../protocol/software.ts";
import { LIBRARY } from "../scenario/library/library.ts";

interface LessonAnswers {
  readonly software: SoftwareAnswer;
  /** Everything up to the step that is kept. */
  readonly entries: readonly JournalEntry[];
}

/** @throws for a lesson that there is none of, or whose machine has no software: a mistake of the test */
export async function lessonAnswers(id: string, step: number): Promise<LessonAnswers> {
  const document = LIBRARY.find((lesson) => lesson.id === id)?.document();
  if (document === undefined) throw new Error(`no lesson ${id}`);
  const opened = Session.open(document, await loadArchitecture(document.machine.arch), Software);
  if (!opened.ok) throw new Error(opened.error.detail);
  const session = opened.value;
  session.seek(step);
  const software = session.software();
  if (software === null) throw new Error(`${id} has no software`);
  return { software, entries: session.journal(0, Number.MAX_SAFE_INTEGER).entries };
}
