/**
 * The objects of an iommufd as a page shows them: who holds whom, and what is particular about each.
 */

import type { IommuDriver } from "../../host/drivers/driver.ts";
import { Access } from "../../host/iommufd/access.ts";
import type { IommufdContext } from "../../host/iommufd/context.ts";
import { Device, NO_PASID } from "../../host/iommufd/device.ts";
import { FaultQueue } from "../../host/iommufd/fault_queue.ts";
import { HwptNested, HwptPaging } from "../../host/iommufd/hwpt.ts";
import { Ioas } from "../../host/iommufd/ioas.ts";
import { HwQueueType } from "../../host/iommufd/ioctls.ts";
import type { KernelObject } from "../../host/iommufd/objects.ts";
import { Veventq } from "../../host/iommufd/veventq.ts";
import { HwQueue, Vdevice, Viommu } from "../../host/iommufd/viommu.ts";
import type { KernelObjectRow } from "../../protocol/software.ts";

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;
const after = (words: string, name: string | null): string => (name === null ? "" : words + name);

/** The IOMMU that a driver is of, such as `IOMMU 1`; null where there is one alone. */
type Where = (driver: IommuDriver) => string | null;

/** Every object of a file, in order of id. One that stands as it did has the row it had. */
export const kernelObjects = ({ objects }: IommufdContext, where: Where): KernelObjectRow[] =>
  objects.all().map((object) => rowOf(object, where));

/** Rows of each object, by its users and how it stands: it may well stand so again. */
const KNOWN = new WeakMap<KernelObject, Map<string, KernelObjectRow>>();
/** Most rows that are kept of an object. */
const MOST_KNOWN = 16;

function rowOf(object: KernelObject, where: Where): KernelObjectRow {
  const { id, type, users } = object;
  const known = KNOWN.get(object) ?? new Map<string, KernelObjectRow>();
  const standing = `${users} ${standingOf(object)}`;
  const row = known.get(standing);
  if (row !== undefined) return row;
  const made = { id, type, users, ...particulars(object, where) };
  if (known.size === MOST_KNOWN) known.clear();
  known.set(standing, made);
  KNOWN.set(object, known);
  return made;
}

/** All that {@link particulars} depend on and that may change while an object lives, besides its users. */
function standingOf(object: KernelObject): string {
  if (object instanceof Ioas) return String(object.table.areas.length);
  if (object instanceof HwptNested) return String(object.fault?.id ?? 0);
  if (!(object instanceof Device)) return "";
  let standing = "";
  for (const [pasid, { hwpt }] of object.group.attachments)
    if (object.isAttached(pasid)) standing += `${pasid} ${hwpt.type} ${hwpt.id},`;
  return standing;
}

function particulars(object: KernelObject, where: Where): Pick<KernelObjectRow, "holds" | "about"> {
  if (object instanceof Ioas) {
    const areas = object.table.areas.length;
    return { holds: [], about: `${areas} mapped ${areas === 1 ? "range" : "ranges"}` };
  }
  if (object instanceof Device) return deviceParticulars(object, where);
  if (object instanceof HwptPaging) {
    return {
      holds: [object.ioas.id],
      about: object.options.nestParent ? "stage 2, parent of nested ones" : "filled from the IOAS",
    };
  }
  if (object instanceof HwptNested) {
    const faults = object.fault === null ? [] : [object.fault.id];
    return { holds: [object.over.id, ...faults], about: "stage 1 is the guest's" };
  }
  if (object instanceof FaultQueue) return { holds: [], about: "faults that wait for an answer" };
  if (object instanceof Viommu)
    return { holds: [object.parent.id], about: `the guest's IOMMU${after(" on ", where(object.driver))}` };
  if (object instanceof Vdevice) {
    return { holds: [object.viommu.id, object.device.id], about: `the guest knows it as ${hex(object.virtualId)}` };
  }
  if (object instanceof HwQueue) {
    const held = [object.viommu, object.access, object.below].filter((one) => one !== null);
    return { holds: held.map(({ id }) => id), about: `${queueName(object)}, in the guest's memory` };
  }
  if (object instanceof Veventq) return { holds: [object.viommu.id], about: `room for ${object.depth} events` };
  if (object instanceof Access) {
    return { holds: object.ioas === null ? [] : [object.ioas.id], about: "pins pages for a queue, or for the kernel" };
  }
  return { holds: [], about: "" };
}

/** Such as `AMD_EVT 0`. */
function queueName({ request: { type, index } }: HwQueue): string {
  const known = Object.entries(HwQueueType).find(([, value]) => value === type);
  return `${known?.[0] ?? "queue"} ${index}`;
}

/** Whatever a device is attached to, it holds. */
function deviceParticulars(device: Device, where: Where): Pick<KernelObjectRow, "holds" | "about"> {
  const attached = [...device.group.attachments].filter(([pasid]) => device.isAttached(pasid));
  const uses = attached.map(([pasid, { hwpt }]) => {
    const by = pasid === NO_PASID ? "" : `, by PASID ${hex(pasid)}`;
    return `attached to ${hwpt.type} ${hwpt.id}${by}`;
  });
  return {
    holds: [...new Set(attached.map(([, { hwpt }]) => hwpt.id))],
    about: [
      `${device.host.name}${after(" behind ", where(device.host.driver))}`,
      `requester ${hex(device.host.sid)}`,
      ...uses,
    ].join(", "),
  };
}
