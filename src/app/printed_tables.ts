/** Printed tables of a paste as a session. */
import type { DecodedEntry } from "../decode/entry.ts";
import type { App } from "./state.ts";

/** A paste holds entries of tables that lead somewhere; whether they make a session shows when it is made. */
export const holdsTables = (entries: readonly DecodedEntry[]): boolean =>
  entries.some(({ type }) => type === "vtd-debugfs-walk" || type === "amd-dte") ||
  (entries.some(({ type }) => type === "vtd-fault") && entries.some(({ type }) => type === "vtd-context-entry"));

/** Open the session that the tables make in place of the one that is open, and show its walk. */
export async function openPrintedTables(
  { openDocument, choosePreset, notify }: Pick<App, "openDocument" | "choosePreset" | "notify">,
  entries: readonly DecodedEntry[],
): Promise<void> {
  const { sessionOfDump } = await import("../scenario/dump_session.ts");
  const document = sessionOfDump(entries);
  if (document === null) {
    const detail = "No printed entry can be reached from a device whose requester and address are in the paste.";
    notify({ tone: "fault", title: "These tables make no session.", place: "the paste", detail });
    return;
  }
  choosePreset("walk");
  await openDocument(document, "from printed tables");
}
