/** VFIO_DEVICE_GET_INFO of a PCI device. Linux 7.2, drivers/vfio/pci/vfio_pci_core.c. */
import type { Status } from "../errno.ts";
import type { Process } from "../process.ts";
import { readSized } from "../user_copy.ts";
import { DEVICE_GET_INFO } from "./ioctls.ts";

const INFO_LEAST = 16;
/** A PCI device that can be reset. */
const INFO_FLAGS = 3;
/** Regions and kinds of interrupts of a PCI device. */
export const PCI_REGIONS = 9;
const PCI_IRQS = 5;

/** @param num_regions those of every PCI device, and more where a kernel adds some */
export function deviceInfo(process: Process, argument: bigint, num_regions: number): Status {
  const given = readSized(process, argument, DEVICE_GET_INFO.size, INFO_LEAST);
  if (typeof given === "string") return given;
  const v = DEVICE_GET_INFO.decode(given.bytes);
  const answer = { argsz: v.argsz, flags: INFO_FLAGS, num_regions, num_irqs: PCI_IRQS };
  return process.write(argument, DEVICE_GET_INFO.encode(answer).subarray(0, given.bytes.length)) ? null : "EFAULT";
}
