/** Finding addresses in the columns of mapped ranges and recorded accesses. */
import { high, low } from "../../base/halves.ts";
import type { LeafColumns, RecordedColumns } from "../../protocol/engine.ts";
import type { Access } from "../../protocol/machine.ts";
import { exactBytesText } from "../common/bytes_text.ts";

const wide = (hi: Uint32Array, lo: Uint32Array, i: number): bigint => (BigInt(hi[i]!) << 32n) | BigInt(lo[i]!);

/** First input address of a leaf. */
export const leafFrom = (leaves: LeafColumns, i: number): bigint => wide(leaves.iovaHi, leaves.iovaLo, i);

/** Output address of a leaf's first byte; of use where its status is Ok. */
export const leafOutput = (leaves: LeafColumns, i: number): bigint => wide(leaves.paHi, leaves.paLo, i);

export const recordedIova = (recorded: RecordedColumns, i: number): bigint => wide(recorded.iovaHi, recorded.iovaLo, i);
export const recordedOutput = (recorded: RecordedColumns, i: number): bigint => wide(recorded.paHi, recorded.paLo, i);

/** Where an address lies among leaves in ascending order. */
export interface LeafPlace {
  /** The leaf that holds it, -1 for none. */
  readonly at: number;
  /** Leaves that begin at or below it. */
  readonly before: number;
}

/** Binary search: leaves do not overlap and ascend. */
export function findLeaf(leaves: LeafColumns, iova: bigint): LeafPlace {
  let low = 0;
  let high = leaves.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (leafFrom(leaves, middle) <= iova) low = middle + 1;
    else high = middle;
  }
  const at = low - 1;
  const inside = at >= 0 && iova < leafFrom(leaves, at) + (1n << BigInt(leaves.sizeLg2[at]!));
  return { at: inside ? at : -1, before: low };
}

/** The recorded access a walk is of, -1 for none. */
export function findRecorded(recorded: RecordedColumns, access: Access | null): number {
  if (access === null) return -1;
  const lo = low(access.iova);
  const hi = high(access.iova);
  for (let i = 0; i < recorded.count; i++) {
    const same = recorded.iovaLo[i] === lo && recorded.iovaHi[i] === hi && recorded.sid[i] === access.sid;
    if (same && recorded.write[i] === Number(access.write)) return i;
  }
  return -1;
}

/** How many recorded accesses the model agrees with, differs from, and cannot tell. */
export function countAgreement(recorded: RecordedColumns): { agree: number; differ: number; unknown: number } {
  const counts = { agree: 0, differ: 0, unknown: 0 };
  for (let i = 0; i < recorded.count; i++) {
    const mark = recorded.agrees[i];
    if (mark === 1) counts.agree++;
    else if (mark === 0) counts.differ++;
    else counts.unknown++;
  }
  return counts;
}

/** Such as `rw-`: bit 0 read, bit 1 write, bit 2 execute. */
export function permissionText(permissions: number): string {
  return `${permissions & 1 ? "r" : "–"}${permissions & 2 ? "w" : "–"}${permissions & 4 ? "x" : "–"}`;
}

/** Such as `4 KiB`, from log2 of bytes. */
export const sizeText = (lg2: number): string => exactBytesText(2 ** lg2);
