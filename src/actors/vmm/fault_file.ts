/**
 * Recoverable faults of a virtual machine's devices, in the tables that are the guest's: the VMM reads them from the host's
 * kernel, the guest decides, and the answer goes back. Linux 7.2, include/uapi/linux/iommufd.h (iommu_hwpt_pgfault,
 * iommu_hwpt_page_response).
 */
import {
  FAULT_QUEUE_ALLOC,
  FaultFlag,
  FaultPermission,
  HWPT_PAGE_RESPONSE,
  HWPT_PGFAULT,
  PageResponseCode,
} from "../../host/iommufd/ioctls.ts";
import type { PageRequest } from "../../kernel/page_requests.ts";
import type { Journal } from "../journal.ts";
import type { VmObjects } from "./vm_objects.ts";

/** A fault with the id that the guest knows its device by. */
export interface GuestFault extends PageRequest {
  /** Names its group in the answer. */
  readonly cookie: number;
}

/** Where page requests of some devices, by the guest's ids, arrive. */
export interface PageRequests {
  readonly file: FaultFile;
  readonly devices: ReadonlySet<number>;
}

/** Records of one read. */
const MOST = 64;

export class FaultFile {
  /** Id of the queue: HWPTs whose faults come here are made with it. */
  readonly id: number;
  readonly #vm: VmObjects;
  readonly #fd: number;
  readonly #journal: Journal;

  private constructor(vm: VmObjects, id: number, fd: number, journal: Journal) {
    this.#vm = vm;
    this.id = id;
    this.#fd = fd;
    this.#journal = journal;
  }

  /** Make a queue. @returns null where the kernel refuses */
  static open(vm: VmObjects, journal: Journal): FaultFile | null {
    const made = vm.call(FAULT_QUEUE_ALLOC, {});
    return made === null ? null : new FaultFile(vm, made.out_fault_id, made.out_fault_fd, journal);
  }

  /** Read what is there; groups come whole. */
  take(): GuestFault[] {
    const bytes = this.#vm.caller.system.read(this.#fd, MOST * HWPT_PGFAULT.size);
    if (typeof bytes === "string" || bytes.length === 0) return [];
    this.#journal.note("VMM", "ioctl", "read page faults");
    const count = bytes.length / HWPT_PGFAULT.size;
    return Array.from({ length: count }, (_, i) => this.#decode(bytes.subarray(i * HWPT_PGFAULT.size)));
  }

  /** Have the devices of a group told. @param served they are to try again */
  answer(cookie: number, served: boolean): void {
    const code = served ? PageResponseCode.SUCCESS : PageResponseCode.INVALID;
    const bytes = HWPT_PAGE_RESPONSE.encode({ cookie, code });
    const write = () => this.#vm.caller.system.write(this.#fd, bytes, 0n);
    const returned = this.#journal.during("VMM", "ioctl", "answer page faults", write);
    if (typeof returned === "string") this.#vm.note({ step: "answer page faults", errno: returned });
  }

  #decode(bytes: Uint8Array): GuestFault {
    const { flags, dev_id, pasid, grpid, perm, addr, cookie } = HWPT_PGFAULT.decode(bytes);
    const may = (permission: number): boolean => (perm & permission) !== 0;
    return {
      sid: this.#vm.devices.find(({ id }) => id === dev_id)?.virtualId ?? 0,
      pasid: (flags & FaultFlag.PASID_VALID) === 0 ? null : pasid,
      address: addr,
      read: may(FaultPermission.READ),
      write: may(FaultPermission.WRITE),
      execute: may(FaultPermission.EXEC),
      privileged: may(FaultPermission.PRIV),
      group: grpid,
      last: (flags & FaultFlag.LAST_PAGE) !== 0,
      cookie,
    };
  }
}
