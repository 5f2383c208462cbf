/**
 * The invalidation queue of Intel VT-d as Linux reports it: its errors, the descriptors at fault, and the debugfs file.
 * VT-d specification §6.5.2 (descriptors), §11.4.7.1 (Fault Status Register), §11.4.9.8 (Invalidation Queue Error Record).
 */

import { bdfOf } from "../../arch/requester_id.ts";
import { hex } from "../entry.ts";
import type { LogText } from "../log_text.ts";
import type { NoteEntry, VtdQueueErrorEntry, VtdStructureEntry } from "./entries.ts";
import { descriptorEntry } from "./structures.ts";

const ERROR =
  /\bVT-d detected Invalidation (?:(Queue) Error: Reason|(Time-out) Error: SID|(Completion) Error: SID) (?:0x)?([0-9a-f]{1,4})\b/gi;
/** IQERCD.IQEI has four bits; registers of a unit that is gone read as ones. */
const REASON_OF_ONES = 0xf;
const SID_OF_ONES = 0xffff;

function queueErrors(log: LogText): VtdQueueErrorEntry[] {
  return [...log.text.matchAll(ERROR)].map((m) => {
    const value = Number.parseInt(m[4]!, 16);
    const lines = log.span(m.index, m.index + m[0].length);
    if (m[1] !== undefined) {
      const valid = value !== REASON_OF_ONES;
      return {
        type: "vtd-qi-error",
        error: "IQE",
        reason: hex(value),
        reason_valid: valid,
        lines,
        summary: valid
          ? `The invalidation queue stopped at a descriptor, reason ${hex(value)}.`
          : "The invalidation queue is said to have an error, but its reason reads as ones.",
      };
    }
    const sid = bdfOf(value);
    const valid = value !== SID_OF_ONES;
    const [error, says] =
      m[2] === undefined ? (["ICE", "answered wrongly"] as const) : (["ITE", "did not answer in time"] as const);
    return {
      type: "vtd-qi-error",
      error,
      sid,
      sid_valid: valid,
      lines,
      summary: valid
        ? `Device ${sid} ${says} when its device TLB was to be invalidated.`
        : "An invalidation of a device TLB is said to have failed, but the device's number reads as ones.",
    };
  });
}

/** All errors read as ones: one remark about all of them. */
function unreachable(errors: readonly VtdQueueErrorEntry[]): NoteEntry[] {
  const ones = errors.filter((e) => e.reason_valid === false || e.sid_valid === false);
  if (ones.length === 0) return [];
  return [
    {
      type: "note",
      all_ones: true,
      lines: [ones[0]!.lines[0], ones.at(-1)!.lines[1]],
      summary: "Registers read as ones: the unit cannot be reached, and these errors say nothing else.",
    },
  ];
}

const DESCRIPTOR =
  /\bQI (HEAD|PRIOR): [\w .-]{0,60}?\bqw0 = (0x[0-9a-f]{1,16}), qw1 = (0x[0-9a-f]{1,16})(?:, qw2 = (0x[0-9a-f]{1,16}), qw3 = (0x[0-9a-f]{1,16}))?/gi;

function reported(log: LogText): VtdStructureEntry[] {
  return [...log.text.matchAll(DESCRIPTOR)].map((m) =>
    descriptorEntry(
      m[1]!.toLowerCase(),
      m.slice(2).map((word) => BigInt(word ?? "0x0")),
      log.span(m.index, m.index + m[0].length),
    ),
  );
}

const FILE =
  /\bInvalidation queue on IOMMU: (\S{1,32})\s{1,40}Base: (0x[0-9a-f]{1,16})\s{1,40}Head: (\d{1,9})\s{1,40}Tail: (\d{1,9})/g;
/** Index and words; the last column is the status that the queue's owner keeps, where descriptors have two words. */
const ROW =
  /^ {0,8}(\d{1,7}) {1,40}([0-9a-f]{16}) {1,40}([0-9a-f]{16}) {1,40}([0-9a-f]{16})(?: {1,40}([0-9a-f]{16}))?(?: {1,40}([0-9a-f]{16}))?$/gm;

/** Most rows that become entries; a queue of a kernel has 256. */
const MAX_ROWS = 1024;

function debugfs(log: LogText): VtdStructureEntry[] {
  const entries: VtdStructureEntry[] = [];
  const files = [...log.text.matchAll(FILE)];
  files.forEach((m, i) => {
    const from = m.index + m[0].length;
    const end = files[i + 1]?.index ?? log.text.length;
    const lines = log.span(m.index, from);
    entries.push({
      type: "vtd-iq",
      unit: m[1]!,
      base: hex(BigInt(m[2]!)),
      head: Number(m[3]!),
      tail: Number(m[4]!),
      lines,
      summary: `The invalidation queue of ${m[1]} lies at ${m[2]}; ${m[3] === m[4] ? "all of it is worked off" : "it is not worked off"}.`,
    });
    for (const row of log.text.slice(from, end).matchAll(ROW)) {
      if (entries.length > MAX_ROWS) break;
      // Four words and a status, or two words and a status.
      const words = row[6] === undefined ? row.slice(2, 4) : row.slice(2, 6);
      const values = words.map((word) => BigInt(`0x${word!}`));
      const at = from + row.index;
      entries.push(descriptorEntry(row[1]!, values, log.span(at, at + row[0].length)));
    }
  });
  return entries;
}

/** Errors, descriptors and queues of a log. */
export function readVtdQueue(log: LogText): (VtdQueueErrorEntry | VtdStructureEntry | NoteEntry)[] {
  const errors = queueErrors(log);
  return [...errors, ...reported(log), ...unreachable(errors), ...debugfs(log)];
}
