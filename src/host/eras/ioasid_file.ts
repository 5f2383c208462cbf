/** /dev/ioasid: PASIDs for a process. As proposed with v8 of virtual SVA over VFIO, drivers/iommu/ioasid_user.c. */
import type { Returned, Status } from "../errno.ts";
import type { OpenFile, Process } from "../process.ts";
import { readSized } from "../user_copy.ts";
import {
  IOASID_GET_API_VERSION,
  IOASID_GET_INFO,
  IOASID_REQUEST_ALLOC,
  IOASID_REQUEST_FREE,
} from "../vfio/ioctls_before_iommufd.ts";
import type { PasidPool } from "./pasid_pool.ts";

/** PASID bits of the interface, whatever the IOMMU has. */
const IOASID_BITS = 31;

export class IoasidFile implements OpenFile {
  readonly kind = "ioasid";
  /** Whose set of PASIDs it is: there is one file for each process. */
  readonly owner: Process;
  readonly #pool: PasidPool;
  readonly #onClose: () => void;

  constructor(owner: Process, pool: PasidPool, onClose: () => void) {
    this.owner = owner;
    this.#pool = pool;
    this.#onClose = onClose;
  }

  ioctl(process: Process, request: number, argument: bigint): Returned {
    switch (request) {
      case IOASID_GET_API_VERSION:
        return 0;
      case IOASID_GET_INFO.request:
        return info(process, argument) ?? 0;
      case IOASID_REQUEST_ALLOC.request:
        return this.#allocate(process, argument);
      case IOASID_REQUEST_FREE.request:
        return this.#free(process, argument) ?? 0;
      default:
        // The proposed code had no errno of its own for a number that it does not know.
        return "EINVAL";
    }
  }

  close(): void {
    this.#pool.freeAll(this.owner);
    this.#onClose();
  }

  #allocate(process: Process, argument: bigint): Returned {
    const given = readSized(process, argument, IOASID_REQUEST_ALLOC.size, IOASID_REQUEST_ALLOC.size);
    if (typeof given === "string") return given;
    const { flags, min, max } = IOASID_REQUEST_ALLOC.decode(given.bytes);
    if (flags !== 0 || min > max || max >= 2 ** IOASID_BITS) return "EINVAL";
    const pasid = this.#pool.allocate(this.owner, min, max, Number.POSITIVE_INFINITY);
    return typeof pasid === "number" ? pasid : "EINVAL";
  }

  #free(process: Process, argument: bigint): Status {
    const bytes = process.read(argument, IOASID_REQUEST_FREE.size);
    if (bytes === null) return "EFAULT";
    const { pasid } = IOASID_REQUEST_FREE.decode(bytes);
    if (pasid >= 2 ** IOASID_BITS) return "EINVAL";
    this.#pool.free(this.owner, pasid);
    return null;
  }
}

function info(process: Process, argument: bigint): Status {
  const given = readSized(process, argument, IOASID_GET_INFO.size, IOASID_GET_INFO.size);
  if (typeof given === "string") return given;
  const v = IOASID_GET_INFO.decode(given.bytes);
  if (v.flags !== 0) return "EINVAL";
  return process.write(argument, IOASID_GET_INFO.encode({ ...v, ioasid_bits: IOASID_BITS })) ? null : "EFAULT";
}
