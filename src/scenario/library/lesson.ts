/** A lesson: a scenario with remarks to its steps, and where it stands in the library. */
import type { Action, MachineDescription, Note, SessionDocument } from "../../protocol/machine.ts";

/** An entry of the library. */
export interface Lesson {
  /** For links: lower-case words with hyphens. */
  readonly id: string;
  readonly group: string;
  readonly title: string;
  /** One sentence: what there is to see. */
  readonly about: string;
  readonly document: () => SessionDocument;
}

/** What happens, in order: an action, or a remark that is shown where the story has come to. */
export type Story = readonly (Action | string)[];

/** A lesson that tells a story on a machine. */
export function lesson(of: Omit<Lesson, "document">, machine: MachineDescription, story: Story): Lesson {
  const { title, about } = of;
  const actions = story.filter((part) => typeof part !== "string");
  const recorded = { accesses: [], events: [] };
  return { ...of, document: () => ({ title, about, machine, actions, recorded, notes: notesOf(story) }) };
}

function notesOf(story: Story): Note[] {
  let step = 0;
  const notes: Note[] = [];
  for (const part of story) {
    if (typeof part === "string") notes.push({ step, text: part });
    else step++;
  }
  return notes;
}
