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

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** Such as "12 KiB" or "16.5 MiB". */
export function bytesText(bytes: bigint): string {
  const lg2 = Math.max(0, bytes.toString(2).length - 1);
  const unit = Math.min(UNITS.length - 1, Math.floor(lg2 / 10));
  const value = Number(bytes) / 2 ** (10 * unit);
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${UNITS[unit]}`;
}
