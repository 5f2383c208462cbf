/** How a call of /dev/iommu is written: its structure, and what it does with the values. */
import type { DriverData } from "../drivers/driver.ts";
import type { Status } from "../errno.ts";
import type { Process } from "../process.ts";
import type { StructField, Values } from "../uapi_struct.ts";
import type { IommufdContext } from "./context.ts";
import type { Ioctl } from "./ioctls.ts";

/** Who calls, on which file. */
export interface Caller {
  readonly context: IommufdContext;
  readonly process: Process;
}

/** A call: `run` changes `values` where the kernel writes to the caller's structure. */
export interface Call {
  readonly ioctl: Ioctl;
  run(caller: Caller, values: Values): Status;
}

/** Write a call down. */
export function call<F extends readonly StructField[]>(
  ioctl: Ioctl<F>,
  run: (caller: Caller, values: Values<F>) => Status,
): Call {
  return { ioctl, run: (caller, values) => run(caller, values as Values<F>) };
}

/** Largest data that is copied: more is no driver's, and would only cost memory. */
const MOST_DATA = 1 << 16;

/** Data of a caller, read when the driver asks for it. */
export function driverData(process: Process, type: number, length: number, pointer: bigint): DriverData {
  return {
    type,
    length,
    read: (bytes) => (bytes > MOST_DATA ? null : process.read(pointer, bytes)),
    write: (bytes) => process.write(pointer, bytes),
  };
}
