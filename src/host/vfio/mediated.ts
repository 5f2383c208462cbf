/**
 * Mediated devices (mdev) that an IOMMU tells apart: parts of a device, each with an IOMMU group and a domain of its own.
 * The domain is auxiliary to the device's: it has a PASID that the kernel chooses, which the device puts on what the part
 * does. Linux 5.2 to 5.17, drivers/vfio/vfio_iommu_type1.c (vfio_mdev_attach_domain) and drivers/iommu/intel/iommu.c
 * (IOMMU_DEV_FEAT_AUX, aux_domain_add_dev).
 *
 * A part interrupts by a message of the device's: a write without a PASID, which the IOMMU remaps by an entry of the
 * part's with the requester id of the device. The device's driver has the vector, and signals the part's eventfd.
 *
 * CHOICE(mdev-vectors): each part has a vector of the device's own, as a queue has one of its MSI-X table.
 * UNMODELLED: storage of messages in the device (IMS), which the drivers of such parts were posted with and Linux has
 * not merged; on the bus its messages are the same.
 */
import type { Attachment, HostDevice, IommuDriver } from "../drivers/driver.ts";
import { KERNEL, type PasidPool } from "../eras/pasid_pool.ts";
import type { Status } from "../errno.ts";

/** A part that somebody has made of a device. */
export interface MediatedPart {
  /** UUID. */
  readonly name: string;
  /** Name of the device. */
  readonly parent: string;
}

/** A part as a device by itself: requests without a PASID stand for those with the default one. */
export class MediatedDevice implements HostDevice {
  readonly name: string;
  readonly group: number;
  readonly parent: HostDevice;
  readonly sid: number;
  readonly maxPasidLog2: number;
  // What a device keeps by itself is the parent's.
  readonly ats = false;
  readonly pri = false;
  readonly driver: IommuDriver;
  readonly #pasids: PasidPool;
  #defaultPasid: number | null = null;

  constructor(name: string, group: number, parent: HostDevice, pasids: PasidPool) {
    this.name = name;
    this.group = group;
    this.parent = parent;
    this.sid = parent.sid;
    this.maxPasidLog2 = parent.maxPasidLog2;
    this.#pasids = pasids;
    this.driver = this.#behind(parent.driver);
  }

  /** The PASID that the device puts on what the part does; null while the part is attached to nothing. */
  get defaultPasid(): number | null {
    return this.#defaultPasid;
  }

  /** The driver of the parent's IOMMU, as it meets this part. */
  #behind(driver: IommuDriver): IommuDriver {
    const { parent } = this;
    const nested = driver.allocNested?.bind(driver);
    const message = driver.message?.bind(driver);
    return {
      name: driver.name,
      info: (type) => driver.info(type),
      dirtyTracking: () => driver.dirtyTracking(parent),
      coherent: () => driver.coherent(parent),
      reserved: () => driver.reserved(parent),
      allocPaging: (_part, flags, data) => driver.allocPaging(parent, flags, data),
      ...(nested === undefined ? {} : { allocNested: (_part, on, flags, data) => nested(parent, on, flags, data) }),
      attach: (attachment) => this.#attach(attachment),
      pasidAttach: (domain) => driver.pasidAttach(domain),
      ...(message === undefined ? {} : { message }),
      block: (_part, pasid) => this.#block(pasid),
    };
  }

  #attach({ pasid, domain, faults }: Attachment): Status {
    const { parent } = this;
    const on = pasid ?? this.#takeDefault();
    if (on === null) return "ENODEV";
    const status = parent.driver.attach({ device: parent, pasid: on, domain, faults });
    if (status !== null && pasid === null) this.#dropDefault();
    return status;
  }

  #block(pasid: number | null): void {
    const on = pasid ?? this.#defaultPasid;
    if (on !== null) this.parent.driver.block(this.parent, on);
    if (pasid === null) this.#dropDefault();
  }

  #takeDefault(): number | null {
    if (this.#defaultPasid !== null) return this.#defaultPasid;
    const pasid = this.#pasids.allocate(KERNEL, 1, 2 ** this.maxPasidLog2 - 1, Number.POSITIVE_INFINITY);
    this.#defaultPasid = typeof pasid === "number" ? pasid : null;
    return this.#defaultPasid;
  }

  #dropDefault(): void {
    if (this.#defaultPasid !== null) this.#pasids.free(KERNEL, this.#defaultPasid);
    this.#defaultPasid = null;
  }
}

/** The parts among what was asked for that there can be: of devices whose IOMMU has auxiliary domains. */
export function mediatedDevices(
  parts: readonly MediatedPart[],
  devices: readonly HostDevice[],
  pasids: PasidPool,
): MediatedDevice[] {
  const firstGroup = Math.max(0, ...devices.map(({ group }) => group)) + 1;
  return parts.flatMap(({ name, parent }, i) => {
    const of = devices.find((device) => device.name === parent);
    if (of === undefined || of.driver.auxiliaryDomains !== true || of.maxPasidLog2 === 0) return [];
    return [new MediatedDevice(name, firstGroup + i, of, pasids)];
  });
}
