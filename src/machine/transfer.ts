/**
 * Moves the data of a transaction, page by page: each part goes where the unit says, and the first part that does not
 * pass ends it, or holds it up.
 */
import { MemoryStatus, type PhysicalMemory } from "../engine/memory/physical_memory.ts";
import type { Transfer, TransferResult } from "./unit.ts";

const PAGE = 4096n;

/** A transaction with the part of it that is done. Once made it does not change. */
export interface Progress {
  readonly transfer: Transfer;
  /** Bytes that have passed. */
  readonly done: number;
  /** Where the first byte went: null as an interrupt message, undefined not yet. */
  readonly first: bigint | null | undefined;
  /** What a read has brought so far; null for a write. */
  readonly read: Uint8Array | null;
  /** Everything read so far was answered. */
  readonly answered: boolean;
}

/** A transaction of which nothing is done. */
export function begun(transfer: Transfer): Progress {
  const read = transfer.write ? null : new Uint8Array(transfer.length);
  return { transfer, done: 0, first: undefined, read, answered: true };
}

/** Where one part goes: an address, null for an interrupt message, or why it does not pass. */
export type Passage<Stop> =
  | { readonly pa: bigint | null; readonly stop: null }
  | { readonly pa: null; readonly stop: Stop };

/**
 * Carry a transaction on, to its end or to the first part that does not pass.
 * @param pass decides about the part at `iova`; its `size` bytes lie in one page of 4 KiB
 * @param stopped is told how far the transaction came, and what `pass` said
 */
export function carryOn<Stop>(
  from: Progress,
  memory: PhysicalMemory,
  pass: (iova: bigint, size: number) => Passage<Stop>,
  stopped: (at: Progress, why: Stop) => TransferResult,
): TransferResult {
  const { transfer } = from;
  const read = from.read === null ? null : from.read.slice();
  let { done, first, answered } = from;
  do {
    const iova = BigInt.asUintN(64, transfer.iova + BigInt(done));
    const size = Math.min(Math.max(transfer.length - done, 1), Number(PAGE - (iova % PAGE)));
    const { pa, stop } = pass(iova, size);
    if (stop !== null) return stopped({ transfer, done, first, read, answered }, stop);
    if (first === undefined) first = pa;
    answered &&= pa !== null && move(memory, pa, read, transfer.data, done, size);
    done += size;
  } while (done < transfer.length);
  const pa = first ?? null;
  return read !== null && answered ? { ok: true, pa, data: read } : { ok: true, pa };
}

/** @returns false where a read is not answered */
function move(
  memory: PhysicalMemory,
  pa: bigint,
  read: Uint8Array | null,
  data: Uint8Array | undefined,
  from: number,
  size: number,
): boolean {
  if (read !== null) return memory.readBytes(Number(pa), read.subarray(from, from + size)) === MemoryStatus.Ok;
  if (data !== undefined) memory.writeBytes(Number(pa), data.subarray(from, from + size));
  return true;
}
