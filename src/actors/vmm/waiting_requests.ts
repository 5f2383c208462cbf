/** Page requests of a guest's devices that wait for its answer: groups by how the device names them, PCI Express chapter 10. */
import type { FaultFile, GuestFault } from "./fault_file.ts";

type Group = Pick<GuestFault, "sid" | "pasid" | "group">;

const keyOf = ({ sid, pasid, group }: Group): string => `${sid} ${pasid ?? ""} ${group}`;

export class WaitingRequests {
  readonly #file: FaultFile;
  /** Names of groups in answers, with the guest's ids of their devices. */
  readonly #waiting = new Map<string, Pick<GuestFault, "sid" | "cookie">>();

  constructor(file: FaultFile) {
    this.#file = file;
  }

  /** Hand on what devices asked for since the last call; a group that the guest's queue has no room for is refused. */
  serve(put: (request: GuestFault) => boolean): number {
    let count = 0;
    for (let requests = this.#file.take(); requests.length > 0; requests = this.#file.take()) {
      for (const request of requests) {
        this.#waiting.set(keyOf(request), request);
        if (!put(request)) this.answer(request, false);
      }
      count += requests.length;
    }
    return count;
  }

  /** The guest answers a group; one that there is not is ignored. */
  answer(group: Group, served: boolean): void {
    const waiting = this.#waiting.get(keyOf(group));
    this.#waiting.delete(keyOf(group));
    if (waiting !== undefined) this.#file.answer(waiting.cookie, served);
  }

  /**
   * A device is about to leave the HWPT that its requests came by, and the kernel would refuse those that wait. It is told
   * to try again instead, which it may be told at any time: what is not there then, it asks for once more.
   */
  askAgain(sid: number): void {
    for (const [key, waiting] of this.#waiting) {
      if (waiting.sid !== sid) continue;
      this.#waiting.delete(key);
      this.#file.answer(waiting.cookie, true);
    }
  }
}
