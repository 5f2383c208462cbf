/** Page requests of a guest's devices that wait for its answer: groups by how the device names them, PCI Express chapter 10. */
import type { FaultFile, GuestFault } from "./fault_file.ts";

type Group = Pick<GuestFault, "sid" | "pasid" | "group">;

const keyOf = ({ sid, pasid, group }: Group): string => `${sid} ${pasid ?? ""} ${group}`;

export class WaitingRequests {
  readonly #file: FaultFile;
  /** Names of groups in answers. */
  readonly #cookies = new Map<string, number>();

  constructor(file: FaultFile) {
    this.#file = file;
  }

  /** Hand on what devices asked for since the last call; a group that the guest's queue has no room for is refused. */
  serve(put: (request: GuestFault) => boolean): number {
    const requests = this.#file.take();
    for (const request of requests) {
      this.#cookies.set(keyOf(request), request.cookie);
      if (!put(request)) this.answer(request, false);
    }
    return requests.length;
  }

  /** The guest answers a group; one that there is not is ignored. */
  answer(group: Group, served: boolean): void {
    const cookie = this.#cookies.get(keyOf(group));
    this.#cookies.delete(keyOf(group));
    if (cookie !== undefined) this.#file.answer(cookie, served);
  }
}
