/** Structures that say how long they are, copied from a caller. */
import type { Errno, Status } from "./errno.ts";
import type { Process } from "./process.ts";

/** Bytes looked at at a time. */
const STEP = 4096;

/** What the caller gave beyond the structure that is known must be zero. */
export function checkTail(process: Process, argument: bigint, from: number, to: number): Status {
  for (let at = from; at < to; at += STEP) {
    const bytes = process.read(argument + BigInt(at), Math.min(STEP, to - at));
    if (bytes === null) return "EFAULT";
    if (bytes.some((b) => b !== 0)) return "E2BIG";
  }
  return null;
}

/** A structure that begins with argsz: at most `most` of its bytes; EINVAL below `least`. */
export function readSized(
  process: Process,
  argument: bigint,
  most: number,
  least: number,
): { readonly bytes: Uint8Array<ArrayBuffer> } | Errno {
  const fixed = process.read(argument, least);
  if (fixed === null) return "EFAULT";
  const argsz = new DataView(fixed.buffer).getUint32(0, true);
  if (argsz < least) return "EINVAL";
  const bytes = process.read(argument, Math.min(argsz, most));
  return bytes === null ? "EFAULT" : { bytes };
}
