/**
 * The host's interrupt controller: it takes what devices write to its doorbell, and what an IOMMU found to be an interrupt
 * message and remapped.
 */
import type { HostKernel } from "../../host/kernel.ts";
import type { ActionResult } from "../../protocol/engine.ts";
import type { HardwareAction } from "../../protocol/machine.ts";

/** Bytes of a message. */
const MESSAGE_BYTES = 4;

export class InterruptController {
  readonly #kernel: HostKernel;

  constructor(kernel: HostKernel) {
    this.#kernel = kernel;
  }

  /**
   * A device did something: whether that was a message. CHOICE(guest-doorbell): the address by which a doorbell was
   * reached is not compared with the one that the kernel gave, as a guest's own may lead there. That of a message which
   * an IOMMU remapped names its entry.
   */
  observe(action: HardwareAction, result: ActionResult): void {
    if (action.do !== "dma" || !action.write || action.data?.length !== MESSAGE_BYTES || result.type !== "went") return;
    if (result.pa !== null && result.pa !== this.#kernel.config.doorbell) return;
    const { data, sid, iova } = action;
    const word = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
    this.#kernel.interrupt(sid, word, result.pa === null ? iova : null);
  }
}
