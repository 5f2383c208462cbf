/**
 * The memory that a device model works on: buffers it is given, and the transactions that move them.
 *
 * A device model is a generator of actions that never ends. It asks its ground for buffers and moves parts of them; what
 * a buffer does not permit is left out, so that the same model runs over whatever a session has mapped.
 */
import type { Action } from "../../protocol/machine.ts";

export const PAGE = 4096;

/** Bits of a buffer's permissions. */
export const READ = 1;
export const WRITE = 2;

/** Contiguous addresses of a device, whole pages. */
export interface Buffer {
  readonly iova: bigint;
  readonly bytes: number;
  /** {@link READ}, {@link WRITE} or both. */
  readonly permissions: number;
  /** PASID of the address space it lies in, or null. */
  readonly ssid: number | null;
}

/** Where buffers come from. Both generators yield the actions that it takes. */
export interface Ground {
  /** PASIDs with an address space; null is the one without. Never empty. */
  readonly spaces: readonly (number | null)[];
  /**
   * A buffer of at most `pages` pages, at least one; of the permissions asked for where there is one, else of fewer.
   * @param ssid one of {@link spaces}
   */
  readonly take: (ssid: number | null, pages: number, permissions: number) => Generator<Action, Buffer>;
  readonly give: (buffer: Buffer) => Generator<Action, void>;
  /** Buffers that were taken and not given back. */
  readonly held: () => readonly Buffer[];
}

/** The device that makes the transactions. */
export interface Mover {
  readonly sid: number;
  /** It translates by itself (ATS). */
  readonly ats: boolean;
}

/** What a device model is made of. */
export interface Bench {
  readonly mover: Mover;
  readonly ground: Ground;
  /** Uniform over 1 to 2^32 - 1. */
  readonly random: () => number;
}

/** Uniform over `from` to `to`, both included. */
export const between = ({ random }: Bench, from: number, to: number): number => from + (random() % (to - from + 1));

function* move({ mover }: Bench, buffer: Buffer, at: number, bytes: number, write: boolean): Generator<Action, void> {
  const length = Math.min(bytes, buffer.bytes - at);
  if ((buffer.permissions & (write ? WRITE : READ)) === 0 || length < 1) return;
  const { sid, ats } = mover;
  const how = { privileged: false, instruction: false };
  yield { do: ats ? "access" : "dma", sid, ssid: buffer.ssid, iova: buffer.iova + BigInt(at), write, ...how, length };
}

/** The device reads `bytes` at an offset of a buffer, as far as they lie in it. */
export const reads = (bench: Bench, buffer: Buffer, at: number, bytes: number): Generator<Action, void> =>
  move(bench, buffer, at, bytes, false);

/** The device writes `bytes` at an offset of a buffer, as far as they lie in it. */
export const writes = (bench: Bench, buffer: Buffer, at: number, bytes: number): Generator<Action, void> =>
  move(bench, buffer, at, bytes, true);
