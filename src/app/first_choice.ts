/**
 * What to look at in a session that was just opened, or in a stream that was just chosen.
 */
import { type LeafColumns, LeafStatus, type StreamRow } from "../protocol/engine.ts";
import type { Access, Action } from "../protocol/machine.ts";
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

/**
 * The access to walk first: a read of the first leaf that lets one through, else a write of the first that lets that
 * through, else a read of the first leaf, else of address 0.
 */
export function firstAccess(stream: StreamChoice, leaves: LeafColumns | null): Access {
  if (leaves === null || leaves.count === 0) return accessAt(stream, 0n);
  const find = (permission: number): number => {
    for (let row = 0; row < leaves.count; row++) {
      if (leaves.status[row] === LeafStatus.Ok && ((leaves.permissions[row] ?? 0) & permission) !== 0) return row;
    }
    return -1;
  };
  const readable = find(READ);
  if (readable >= 0) return accessAt(stream, leafIova(leaves, readable));
  const writable = find(WRITE);
  if (writable >= 0) return { ...accessAt(stream, leafIova(leaves, writable)), write: true };
  return accessAt(stream, leafIova(leaves, 0));
}

/** Bits of a leaf's permissions. */
const READ = 1;
const WRITE = 2;

/** First address of a leaf. */
function leafIova(leaves: LeafColumns, row: number): bigint {
  return (BigInt(leaves.iovaHi[row]!) << 32n) | BigInt(leaves.iovaLo[row]!);
}

/** A plain read: unprivileged, of data. */
function accessAt(stream: StreamChoice, iova: bigint): Access {
  return { ...stream, iova, write: false, privileged: false, instruction: false };
}

/** What a device asked the IOMMU to translate in an action, or null where no device did. */
export function accessOf(action: Action): Access | null {
  if (action.do !== "dma" && action.do !== "access" && action.do !== "translation request") return null;
  const { sid, ssid, iova, write, privileged, instruction, attributes, noSnoop } = action;
  const optional = { ...(attributes && { attributes }), ...(noSnoop === undefined ? {} : { noSnoop }) };
  return { sid, ssid, iova, write, privileged, instruction, ...optional };
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
