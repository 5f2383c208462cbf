/**
 * Transactions of a guest's streams that stall: events in which the guest reads of them, and what answers them. IHI 0070
 * §3.12.2, §4.7.1, §4.7.2, §7.3.13.
 */
import { eventByName } from "../../arch/smmuv3/events.ts";
import { encodeFields } from "../../base/encode.ts";
import type { FaultFile, GuestFault } from "./fault_file.ts";

const F_TRANSLATION = eventByName("F_TRANSLATION")!;
/** CLASS: the input address had no translation. */
const CLASS_IN = 2;

/**
 * The record of a fault that stalls. CHOICE(virtual-stall): the kernel does not tell a VMM which of the faults of stage 1
 * it was, and the guest reads of a missing translation.
 */
const eventOf = ({ sid, pasid, address, write, execute, privileged, cookie }: GuestFault): Uint32Array =>
  encodeFields(F_TRANSLATION.layout, {
    EventNumber: F_TRANSLATION.number,
    StreamID: sid,
    ...(pasid === null ? {} : { SSV: 1, SubstreamID: pasid }),
    STAG: cookie,
    Stall: 1,
    PnU: privileged ? 1 : 0,
    InD: execute ? 1 : 0,
    RnW: write ? 0 : 1,
    CLASS: CLASS_IN,
    InputAddr: Number(address),
  });

export class StalledTransactions {
  readonly #file: FaultFile;
  /** Streams by the tag that their events have: the kernel's name of the fault. */
  readonly #waiting = new Map<number, number>();

  constructor(file: FaultFile) {
    this.#file = file;
  }

  /** Tell the guest of what stalled since the last call; what its Event queue has no room for ends. @returns how many */
  serve(event: (words: Uint32Array) => boolean): number {
    const faults = this.#file.take();
    for (const fault of faults) {
      this.#waiting.set(fault.cookie, fault.sid);
      if (!event(eventOf(fault))) this.resume(fault.sid, fault.cookie, false);
    }
    return faults.length;
  }

  /** The guest has a transaction of its stream tried again, or ended; a tag of no such transaction is ignored. */
  resume(sid: number, stag: number, retry: boolean): void {
    if (this.#waiting.get(stag) !== sid) return;
    this.#waiting.delete(stag);
    this.#file.answer(stag, retry);
  }

  /** The guest ends every transaction of its stream. */
  terminate(sid: number): void {
    for (const [stag, stream] of this.#waiting) if (stream === sid) this.resume(sid, stag, false);
  }
}
