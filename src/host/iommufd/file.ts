/**
 * An open /dev/iommu: the rules that hold for every call, then the call itself.
 * Linux 7.2, drivers/iommu/iommufd/main.c (iommufd_fops_ioctl, iommufd_fops_mmap).
 */
import { VCMDQ_CALL } from "../eras/vcmdq_call.ts";
import type { Errno, Returned, Status } from "../errno.ts";
import type { MapFlags, OpenFile, Process } from "../process.ts";
import { checkTail } from "../user_copy.ts";
import type { Call } from "./call.ts";
import type { IommufdContext } from "./context.ts";
import { HWPT_CALLS } from "./hwpt_calls.ts";
import { IOAS_CALLS } from "./ioas_calls.ts";
import { OPTION_CALLS } from "./option_calls.ts";
import { containerCall } from "./vfio_compat.ts";
import { VIOMMU_CALLS } from "./viommu_calls.ts";

const ALL: readonly Call[] = [...IOAS_CALLS, ...HWPT_CALLS, ...VIOMMU_CALLS, ...OPTION_CALLS];
const byNumber = (calls: readonly Call[]): ReadonlyMap<number, Call> =>
  new Map(calls.map((c) => [c.ioctl.request & 0xff, c]));

/** By which call gives a guest a queue; both have the same number. */
const CALLS = {
  IOMMU_HW_QUEUE_ALLOC: byNumber(ALL),
  IOMMU_VCMDQ_ALLOC: byNumber([...ALL, VCMDQ_CALL]),
} as const;

export class IommufdFile implements OpenFile {
  readonly kind = "iommufd";
  readonly context: IommufdContext;

  constructor(context: IommufdContext) {
    this.context = context;
  }

  ioctl(process: Process, request: number, argument: bigint): Returned {
    const call = CALLS[this.context.kernel.era.queueCall].get(request & 0xff);
    if (call === undefined) return containerCall({ context: this.context, process }, request, argument);
    const size = process.read(argument, 4);
    if (size === null) return "EFAULT";
    if (request !== call.ioctl.request) return "ENOTTY";
    const given = new DataView(size.buffer).getUint32(0, true);
    return this.#run(call, process, argument, given) ?? 0;
  }

  /** Mappings are of whole pages: the last is mapped even where only part of it is asked for (mm/mmap.c). */
  mmap(offset: bigint, length: bigint, flags: MapFlags): Errno | null {
    const { page } = this.context.kernel.config.sizes;
    if (length === 0n || offset % page !== 0n || !flags.shared) return "EINVAL";
    if (flags.executable) return "EPERM";
    const region = this.context.regions.get(offset);
    if (region === undefined || region.length !== ((length + page - 1n) / page) * page) return "ENXIO";
    region.owner.users++;
    return null;
  }

  munmap(offset: bigint): void {
    const region = this.context.regions.get(offset);
    if (region !== undefined) region.owner.users--;
  }

  close(): void {
    this.context.drop();
  }

  #run(call: Call, process: Process, argument: bigint, given: number): Status {
    const { ioctl } = call;
    if (given < ioctl.smallest) return "EINVAL";
    const bytes = process.read(argument, Math.min(given, ioctl.size));
    if (bytes === null) return "EFAULT";
    const tail = checkTail(process, argument, ioctl.size, given);
    if (tail !== null) return tail;
    const values = ioctl.decode(bytes);
    const status = call.run({ context: this.context, process }, values);
    const written = process.write(argument, ioctl.encode(values).subarray(0, bytes.length));
    return status ?? (written ? null : "EFAULT");
  }
}
