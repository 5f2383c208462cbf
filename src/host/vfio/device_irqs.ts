/**
 * Where VFIO_DEVICE_SET_IRQS has a device's interrupts go. Linux 7.2, drivers/vfio/vfio_main.c and pci/vfio_pci_intrs.c.
 * UNMODELLED: of the interrupts only MSI with an eventfd is there; anything else is EINVAL.
 */
import type { Errno } from "../errno.ts";
import type { EventFile } from "../kernel.ts";
import type { Process } from "../process.ts";
import { readSized } from "../user_copy.ts";
import { DEVICE_SET_IRQS } from "./ioctls.ts";

const MSI = 1;
const EVENTFD_TRIGGER = 0x24;
/** Bytes of a descriptor. */
const FD_BYTES = 4;

/** The file that the device's first message is to count in. */
export function irqFile(process: Process, argument: bigint): EventFile | Errno {
  const given = readSized(process, argument, DEVICE_SET_IRQS.size, DEVICE_SET_IRQS.size);
  if (typeof given === "string") return given;
  const v = DEVICE_SET_IRQS.decode(given.bytes);
  if (v.index !== MSI || v.start !== 0 || v.count !== 1 || v.flags !== EVENTFD_TRIGGER) return "EINVAL";
  const data = process.read(argument + BigInt(DEVICE_SET_IRQS.size), FD_BYTES);
  if (data === null) return "EFAULT";
  const file = process.file(new DataView(data.buffer).getInt32(0, true));
  if (file === null) return "EBADF";
  return file.kind === "eventfd" ? (file as EventFile) : "EINVAL";
}
