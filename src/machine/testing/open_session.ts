/** Opens sessions for tests, with the software that their machines have. */
import type { Action, MachineDescription, SessionDocument } from "../../protocol/machine.ts";
import { Session } from "../session.ts";
import type { Architecture } from "../unit.ts";
import { loadArchitecture } from "../units.ts";
import { Software } from "../world/software.ts";

/** A document of a machine and what is done with it. */
export const documentOn = (machine: MachineDescription, actions: readonly Action[] = []): SessionDocument => ({
  title: "",
  about: "",
  machine,
  actions,
  recorded: { accesses: [], events: [] },
});

/** @throws with the place and the reason where the document is refused */
export function openOn(architecture: Architecture, document: SessionDocument): Session {
  const opened = Session.open(document, architecture, Software);
  if (!opened.ok) throw new Error(`${opened.error.place}: ${opened.error.detail}`);
  return opened.value;
}

/** As {@link openOn}, on the architecture that the document names. */
export const openSession = async (document: SessionDocument): Promise<Session> =>
  openOn(await loadArchitecture(document.machine.arch), document);
