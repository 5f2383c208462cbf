/** Making HWPTs. Linux 7.2, drivers/iommu/iommufd/hw_pagetable.c. */
import type { DriverData } from "../drivers/driver.ts";
import { type Made, made, refused, type Status } from "../errno.ts";
import type { Device } from "./device.ts";
import { type Hwpt, HwptNested, HwptPaging } from "./hwpt.ts";
import type { Ioas } from "./ioas.ts";
import { HwptFlag } from "./ioctls.ts";
import type { Viommu } from "./viommu.ts";

const PAGING_FLAGS = HwptFlag.NEST_PARENT | HwptFlag.DIRTY_TRACKING | HwptFlag.FAULT_ID_VALID | HwptFlag.PASID;
const NESTED_FLAGS = HwptFlag.FAULT_ID_VALID | HwptFlag.PASID;

/**
 * A HWPT filled from an IOAS.
 * @param attachFirst attaches it before it is filled, for devices whose domains depend on them
 */
export function allocPaging(
  device: Device,
  ioas: Ioas,
  flags: number,
  data: DriverData | null,
  automatic: boolean,
  attachFirst: ((hwpt: Hwpt) => Status) | null,
): Made<HwptPaging> {
  const { driver } = device.host;
  if ((flags & ~PAGING_FLAGS) !== 0) return refused("EOPNOTSUPP");
  if ((flags & HwptFlag.DIRTY_TRACKING) !== 0 && !driver.dirtyTracking(device.host)) return refused("EOPNOTSUPP");
  const nestParent = (flags & HwptFlag.NEST_PARENT) !== 0;
  if (nestParent && (flags & HwptFlag.FAULT_ID_VALID) !== 0) return refused("EOPNOTSUPP");
  const domain = driver.allocPaging(device.host, flags & ~HwptFlag.FAULT_ID_VALID, data);
  if (!domain.ok) return domain;
  const pasid = (flags & HwptFlag.PASID) !== 0;
  const hwpt = new HwptPaging(ioas, domain.value, { nestParent, pasid, automatic });
  const fail = (errno: Status & string): Made<HwptPaging> => {
    hwpt.release();
    return refused(errno);
  };
  if (driver.coherent(device.host) && !domain.value.enforceCoherency()) return fail("EINVAL");
  const attached = attachFirst?.(hwpt) ?? null;
  if (attached !== null) return fail(attached);
  const filled = ioas.table.addDomain(domain.value);
  if (filled !== null) {
    if (attachFirst !== null) {
      // The attachment keeps the HWPT; leaving it does not destroy what has no id yet.
      hwpt.users++;
      device.detach(0);
    }
    return fail(filled);
  }
  ioas.hwpts.push(hwpt);
  return made(hwpt);
}

/** A nested HWPT straight on its parent. */
export function allocNested(device: Device, parent: HwptPaging, flags: number, data: DriverData): Made<HwptNested> {
  const { driver } = device.host;
  if ((flags & ~NESTED_FLAGS) !== 0 || data.length === 0 || driver.allocNested === undefined) {
    return refused("EOPNOTSUPP");
  }
  const { automatic, nestParent } = parent.options;
  // The parent may have been made for another IOMMU of the same make.
  if (automatic || !nestParent || parent.domain.driver.name !== driver.name) return refused("EINVAL");
  const domain = driver.allocNested(device.host, parent.domain, flags & ~HwptFlag.FAULT_ID_VALID, data);
  if (!domain.ok) return domain;
  return made(new HwptNested(parent, domain.value, (flags & HwptFlag.PASID) !== 0));
}

/** A nested HWPT on a vIOMMU. */
export function allocOnViommu(viommu: Viommu, flags: number, data: DriverData): Made<HwptNested> {
  const { half } = viommu;
  if ((flags & ~NESTED_FLAGS) !== 0 || data.length === 0 || half.allocNested === undefined) {
    return refused("EOPNOTSUPP");
  }
  const domain = half.allocNested(flags & ~HwptFlag.FAULT_ID_VALID, data);
  if (!domain.ok) return domain;
  return made(new HwptNested(viommu, domain.value, (flags & HwptFlag.PASID) !== 0));
}
