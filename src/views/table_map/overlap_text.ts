/** Words for overlaps. */
import type { ArchitectureFacts } from "../../arch/architecture_facts.ts";
import type { OverlapAnswer } from "../../protocol/overlaps.ts";

/** Such as "SID 0x10" or "SID 0x10, SSID 0x1". */
export function contextText(facts: ArchitectureFacts, { contexts }: OverlapAnswer, context: number): string {
  const { sid, ssid } = contexts[context]!;
  const stream = `${facts.requester} 0x${sid.toString(16)}`;
  return ssid === null ? stream : `${stream}, ${facts.context} 0x${ssid.toString(16)}`;
}

/** The same in the room of a lane: "SID 0x10" or "0x10 SSID 0x1". */
export function laneText(facts: ArchitectureFacts, answer: OverlapAnswer, context: number): string {
  const { sid, ssid } = answer.contexts[context]!;
  if (ssid === null) return contextText(facts, answer, context);
  return `0x${sid.toString(16)} ${facts.context} 0x${ssid.toString(16)}`;
}
