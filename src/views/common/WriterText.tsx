/** Who wrote to a place in memory, as a sentence without an end. */
import type { Writer } from "../../protocol/engine.ts";
import { actionText } from "./action_text.ts";
import { useApp } from "./use_app.ts";

/** @param writer null where it stands as the session's machine is described */
export function WriterText({ writer }: { readonly writer: Writer | null }) {
  const action = useApp((app) => (writer?.action == null ? undefined : app.summary?.actions[writer.action]));
  if (writer === null) return "nobody since the session began";
  if (writer.by === "earlier") return `before action ${(writer.action ?? 0) + 1}: it was not looked further back`;
  const who = writer.by === "hand" ? "" : `the ${writer.by}, `;
  if (writer.action === null) return `${who}before the first action`;
  return `${who}action ${writer.action + 1}${action === undefined ? "" : `, ${actionText(action)}`}`;
}
