/**
 * Interrupts of a virtual machine's devices: each reaches the VMM as a count of an eventfd, and the guest as one of its
 * own. Linux 7.2, include/uapi/linux/vfio.h (VFIO_DEVICE_SET_IRQS).
 */
import { DEVICE_SET_IRQS } from "../../host/vfio/ioctls.ts";
import type { Journal } from "../journal.ts";
import type { Caller } from "./user_space.ts";

/** vfio_irq_set.flags: what follows is an eventfd, which the interrupt triggers. */
const EVENTFD_TRIGGER = 0x24;
const MSI = 1;
const COUNTER_BYTES = 8;

/** A device of the VMM's. */
interface RoutedDevice {
  readonly fd: number;
  readonly virtualId: number;
}

export class InterruptRoutes {
  readonly #caller: Caller;
  readonly #journal: Journal;
  readonly #files = new Map<RoutedDevice, number>();

  constructor(caller: Caller, journal: Journal) {
    this.#caller = caller;
    this.#journal = journal;
  }

  /** Have the kernel set up a device's first message. @returns the errno's name where it refuses */
  enable(device: RoutedDevice): string | null {
    const caller = this.#caller;
    const file = this.#files.get(device) ?? caller.system.eventfd();
    this.#files.set(device, file);
    const values = { flags: EVENTFD_TRIGGER, index: MSI, start: 0, count: 1 };
    const tail = new Uint8Array(new Int32Array([file]).buffer);
    const called = caller.call(device.fd, DEVICE_SET_IRQS, values, "argsz", tail);
    return called.ok ? null : called.errno;
  }

  /** Interrupt the guest as often as its devices did since the last call. */
  serve(): void {
    for (const [{ virtualId }, file] of this.#files) {
      const bytes = this.#caller.system.read(file, COUNTER_BYTES);
      const count = typeof bytes === "string" ? 0n : new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
      const about = `message of device 0x${virtualId.toString(16)} for the guest`;
      for (let i = 0n; i < count; i++) this.#journal.note("VMM", "interrupt", about);
    }
  }
}
