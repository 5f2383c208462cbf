/**
 * Fault queues: groups of recoverable faults (PRI, stalls) that user space reads and answers.
 * Linux 7.2, drivers/iommu/iommufd/eventq.c; record and answer of include/uapi/linux/iommufd.h.
 */
import type { PageFault, Respond } from "../drivers/driver.ts";
import type { Errno, Returned } from "../errno.ts";
import type { OpenFile } from "../process.ts";
import { FaultFlag, HWPT_PAGE_RESPONSE, HWPT_PGFAULT, PageResponseCode } from "./ioctls.ts";
import { KernelObject } from "./objects.ts";

export const POLLIN = 1;
const POLLOUT = 4;

interface FaultGroup {
  /** The attachment it came through; leaving it answers the group. */
  readonly source: unknown;
  readonly deviceId: number;
  readonly faults: readonly PageFault[];
  readonly respond: Respond;
}

const { INVALID } = PageResponseCode;

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
    if (offset !== 0n || bytes.length % HWPT_PAGE_RESPONSE.size !== 0) return "ESPIPE";
    let done = 0;
    for (; done < bytes.length; done += HWPT_PAGE_RESPONSE.size) {
      const { cookie, code } = HWPT_PAGE_RESPONSE.decode(bytes.subarray(done, done + HWPT_PAGE_RESPONSE.size));
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
    flags: (fault.pasid === null ? 0 : FaultFlag.PASID_VALID) | (fault.last ? FaultFlag.LAST_PAGE : 0),
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
