/**
 * Fault queues: groups of recoverable faults (PRI, stalls) that user space reads and answers.
 * Linux 7.2, drivers/iommu/iommufd/eventq.c; record and answer of include/uapi/linux/iommufd.h.
 */
import type { PageFault, Respond } from "../drivers/driver.ts";
import type { Errno, Returned } from "../errno.ts";
import type { OpenFile } from "../process.ts";
import { struct, u32, u64 } from "../uapi_struct.ts";
import { KernelObject } from "./objects.ts";

export const POLLIN = 1;
const POLLOUT = 4;

const HWPT_PGFAULT = struct("iommu_hwpt_pgfault", "include/uapi/linux/iommufd.h", [
  u32("flags", "1: the PASID is valid, 2: last of its group"),
  u32("dev_id", "device that faulted"),
  u32("pasid", "PASID"),
  u32("grpid", "number of the group, as the device gave it"),
  u32("perm", "1 read, 2 write, 4 execute, 8 privileged"),
  u32("__reserved", "zero"),
  u64("addr", "address that faulted"),
  u32("length", "zero"),
  u32("cookie", "names the group in the answer"),
]);

const RESPONSE_BYTES = 8;
const PASID_VALID = 1;
const LAST_PAGE = 2;

interface FaultGroup {
  /** The attachment it came through; leaving it answers the group. */
  readonly source: unknown;
  readonly deviceId: number;
  readonly faults: readonly PageFault[];
  readonly respond: Respond;
}

/** Answers: success (retry) and invalid. */
const INVALID = 1;

export class FaultQueue extends KernelObject implements OpenFile {
  readonly type = "FAULT";
  readonly kind = "fault queue";
  readonly #waiting: FaultGroup[] = [];
  readonly #answers = new Map<number, FaultGroup>();
  readonly #onClose: () => void;

  /** The queue is born with its file open. */
  constructor(onClose: () => void) {
    super();
    this.#onClose = onClose;
    this.users = 1;
  }

  deliver(group: FaultGroup): void {
    this.#waiting.push(group);
  }

  /** Answer everything that came from an attachment as invalid. */
  abandon(source: unknown): void {
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      if (this.#waiting[i]!.source === source) this.#waiting.splice(i, 1)[0]!.respond(INVALID);
    }
    for (const [cookie, group] of this.#answers) {
      if (group.source !== source) continue;
      this.#answers.delete(cookie);
      group.respond(INVALID);
    }
  }

  read(count: number, offset: bigint): Uint8Array | Errno {
    if (offset !== 0n || count % HWPT_PGFAULT.size !== 0) return "ESPIPE";
    const records: Uint8Array[] = [];
    for (let room = count / HWPT_PGFAULT.size; this.#waiting.length > 0; ) {
      const group = this.#waiting[0]!;
      if (group.faults.length > room) {
        if (records.length === 0) return "EINVAL";
        break;
      }
      this.#waiting.shift();
      let cookie = 1;
      while (this.#answers.has(cookie)) cookie++;
      this.#answers.set(cookie, group);
      for (const fault of group.faults) records.push(recordOf(fault, group.deviceId, cookie));
      room -= group.faults.length;
    }
    return join(records);
  }

  write(bytes: Uint8Array, offset: bigint): Returned {
    if (offset !== 0n || bytes.length % RESPONSE_BYTES !== 0) return "ESPIPE";
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let done = 0;
    for (; done < bytes.length; done += RESPONSE_BYTES) {
      const cookie = view.getUint32(done, true);
      const code = view.getUint32(done + 4, true);
      const group = code <= INVALID ? this.#answers.get(cookie) : undefined;
      if (group === undefined) return done === 0 ? "EINVAL" : done;
      this.#answers.delete(cookie);
      group.respond(code);
    }
    return done;
  }

  poll(): number {
    return POLLOUT | (this.#waiting.length > 0 ? POLLIN : 0);
  }

  /** The file goes; the object may then be destroyed. */
  close(): void {
    this.users--;
    this.#onClose();
  }

  release(): void {
    for (const group of [...this.#waiting.splice(0), ...this.#answers.values()]) group.respond(INVALID);
    this.#answers.clear();
  }
}

function recordOf(fault: PageFault, deviceId: number, cookie: number): Uint8Array {
  return HWPT_PGFAULT.encode({
    flags: (fault.pasid === null ? 0 : PASID_VALID) | (fault.last ? LAST_PAGE : 0),
    dev_id: deviceId,
    pasid: fault.pasid ?? 0,
    grpid: fault.group,
    perm: fault.permission,
    addr: fault.address,
    cookie,
  });
}

/** Pieces as one run of bytes. */
export function join(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
