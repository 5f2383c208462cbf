/**
 * Queues of events for a guest's IOMMU. Linux 7.2, drivers/iommu/iommufd/eventq.c (iommufd_veventq) and
 * include/uapi/linux/iommufd.h (iommufd_vevent_header).
 */
import type { Errno, Returned } from "../errno.ts";
import type { OpenFile } from "../process.ts";
import { struct, u32 } from "../uapi_struct.ts";
import { join, POLLIN } from "./fault_queue.ts";
import { KernelObject } from "./objects.ts";
import type { Viommu } from "./viommu.ts";

const VEVENT_HEADER = struct("iommufd_vevent_header", "include/uapi/linux/iommufd.h", [
  u32("flags", "1: events were lost before this one"),
  u32("sequence", "number of the event; counts lost ones, too"),
]);

const LOST_EVENTS = 1;
/** Numbers have 31 bits. */
const SEQUENCE_MASK = 0x7fffffff;

interface Event {
  readonly sequence: number;
  readonly data: Uint8Array;
}

export class Veventq extends KernelObject implements OpenFile {
  readonly type = "VEVENTQ";
  readonly kind = "vEVENTQ";
  readonly viommu: Viommu;
  readonly eventType: number;
  readonly depth: number;
  readonly #events: Event[] = [];
  /** Number of the newest event that was lost at the tail; null when the newest event is in the queue. */
  #lost: number | null = null;
  #sequence = 0;
  readonly #onClose: () => void;

  /** The queue is born with its file open. */
  constructor(viommu: Viommu, eventType: number, depth: number, onClose: () => void) {
    super();
    this.viommu = viommu;
    this.eventType = eventType;
    this.depth = depth;
    this.#onClose = onClose;
    this.users = 1;
    viommu.users++;
    viommu.queues.set(eventType, this);
  }

  report(data: Uint8Array): void {
    const sequence = this.#sequence;
    this.#sequence = (sequence + 1) & SEQUENCE_MASK;
    if (this.#events.length === this.depth) {
      this.#lost = sequence;
      return;
    }
    this.#lost = null;
    this.#events.push({ sequence, data });
  }

  read(count: number, offset: bigint): Uint8Array | Errno {
    if (offset !== 0n) return "ESPIPE";
    if (count < VEVENT_HEADER.size) return "EINVAL";
    const records: Uint8Array[] = [];
    let room = count;
    for (let event = this.#events[0]; event !== undefined; event = this.#events[0]) {
      const bytes = VEVENT_HEADER.size + event.data.length;
      if (bytes > room) return records.length === 0 ? "EINVAL" : join(records);
      records.push(VEVENT_HEADER.encode({ sequence: event.sequence }), event.data);
      room -= bytes;
      this.#events.shift();
    }
    if (this.#lost !== null && room >= VEVENT_HEADER.size) {
      records.push(VEVENT_HEADER.encode({ flags: LOST_EVENTS, sequence: this.#lost }));
      this.#lost = null;
    }
    return join(records);
  }

  write(): Returned {
    return "EINVAL";
  }

  poll(): number {
    return this.#events.length > 0 || this.#lost !== null ? POLLIN : 0;
  }

  close(): void {
    this.users--;
    this.#onClose();
  }

  release(): void {
    this.viommu.queues.delete(this.eventType);
    this.viommu.users--;
  }
}
