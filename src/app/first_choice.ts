/**
 * What to look at in a session that was just opened, or in a stream that was just chosen.
 */
import { type LeafColumns, LeafStatus, type StreamRow } from "../protocol/engine.ts";
import type { Access } from "../protocol/machine.ts";
import type { StreamChoice } from "./state.ts";

/** Streams that show most come first. */
const ORDER: readonly StreamRow["state"][] = ["nested", "stage 1", "stage 2", "invalid", "unknown", "bypass", "abort"];

/** Streams in the order in which one would look at them, the most telling first. */
export function streamsToShow(streams: readonly StreamRow[]): StreamChoice[] {
  return ORDER.flatMap((state) => streams.filter((s) => s.state === state)).map((row) => ({
    sid: row.sid,
    ssid: firstContext(row),
  }));
}

/** Whether a leaf of the list goes through. */
export function anyGoesThrough(leaves: LeafColumns): boolean {
  return leaves.status.subarray(0, leaves.count).includes(LeafStatus.Ok);
}

/** Traffic without a SubstreamID uses context 0, which most streams have; else the stream's lowest context. */
function firstContext(row: StreamRow): number | null {
  return row.ssids.length === 0 || row.ssids.includes(0) ? null : row.ssids[0]!;
}

/** The access to walk first: the first leaf that goes through, else the first leaf, else address 0. */
export function firstAccess(stream: StreamChoice, leaves: LeafColumns | null): Access {
  let at = 0;
  if (leaves !== null && leaves.count > 0) {
    const through = leaves.status.subarray(0, leaves.count).indexOf(LeafStatus.Ok);
    at = Math.max(through, 0);
  }
  return accessAt(stream, leaves === null || leaves.count === 0 ? 0n : leafIova(leaves, at));
}

/** First address of a leaf. */
function leafIova(leaves: LeafColumns, row: number): bigint {
  return (BigInt(leaves.iovaHi[row]!) << 32n) | BigInt(leaves.iovaLo[row]!);
}

/** A plain read: unprivileged, of data. */
function accessAt(stream: StreamChoice, iova: bigint): Access {
  return { ...stream, iova, write: false, privileged: false, instruction: false };
}

/** Whether two accesses are the same. */
export function sameAccess(a: Access | null, b: Access | null): boolean {
  if (a === null || b === null) return a === b;
  return (
    a.sid === b.sid &&
    a.ssid === b.ssid &&
    a.iova === b.iova &&
    a.write === b.write &&
    a.privileged === b.privileged &&
    a.instruction === b.instruction
  );
}
