/**
 * Devices bound to an iommufd file, their groups, and what is attached to them.
 * Linux 7.2, drivers/iommu/iommufd/device.c and drivers/iommu/iommu.c.
 *
 * A group's attachment is kept by PASID; PASID 0 is the device itself. Devices of a group share one HWPT.
 */
import type { Attachment, HostDevice } from "../drivers/driver.ts";
import { type Made, made, refused, type Status } from "../errno.ts";
import type { IommufdContext } from "./context.ts";
import { type Hwpt, HwptNested, HwptPaging, pagingOf } from "./hwpt.ts";
import { allocPaging } from "./hwpt_alloc.ts";
import { Ioas } from "./ioas.ts";
import { KernelObject } from "./objects.ts";
import type { Vdevice } from "./viommu.ts";

/** The PASID that stands for the device itself. */
export const NO_PASID = 0;

/** What is attached to one PASID of a group. */
interface GroupAttachment {
  hwpt: Hwpt;
  readonly devices: Set<Device>;
}

/** Devices that the IOMMU cannot tell apart. */
export class Group {
  readonly id: number;
  /** Every device of the group, bound or not. */
  readonly members: readonly HostDevice[];
  readonly attachments = new Map<number, GroupAttachment>();
  /** Doorbell pages that devices of the group need mapped: IOVA and physical address. */
  readonly doorbells = new Map<bigint, bigint>();
  bound = 0;

  constructor(id: number, members: readonly HostDevice[]) {
    this.id = id;
    this.members = members;
  }
}

export class Device extends KernelObject {
  readonly type = "DEVICE";
  readonly context: IommufdContext;
  readonly host: HostDevice;
  readonly group: Group;
  vdevice: Vdevice | null = null;

  constructor(context: IommufdContext, host: HostDevice, group: Group) {
    super();
    this.context = context;
    this.host = host;
    this.group = group;
    group.bound++;
    // The driver that bound it holds a reference as long as the object exists.
    this.users = 1;
  }

  release(): void {
    this.group.bound--;
    if (this.vdevice !== null) this.context.objects.remove(this.vdevice, true);
  }

  isAttached(pasid: number): boolean {
    return this.group.attachments.get(pasid)?.devices.has(this) ?? false;
  }

  /** Attach an object by id. @returns id of the HWPT that is now in use */
  attach(pasid: number, id: number): Made<number> {
    return this.#change(id, (hwpt) => attachHwpt(this, pasid, hwpt), true);
  }

  /** Put another object in place of what is attached. */
  replace(pasid: number, id: number): Made<number> {
    return this.#change(id, (hwpt) => replaceHwpt(this, pasid, hwpt), false);
  }

  detach(pasid: number): void {
    const { group } = this;
    const attachment = group.attachments.get(pasid);
    if (attachment === undefined || !attachment.devices.delete(this)) return;
    const { hwpt } = attachment;
    if (attachment.devices.size === 0) {
      for (const member of membersFor(group, pasid)) member.driver.block(member, pasid === NO_PASID ? null : pasid);
      group.attachments.delete(pasid);
      hwpt.fault?.abandon(attachment);
    }
    if (pasid === NO_PASID) pagingOf(hwpt).ioas.table.unreserve(this);
    this.context.put(hwpt, 1);
  }

  #change(id: number, act: (hwpt: Hwpt) => Status, first: boolean): Made<number> {
    const object = this.context.objects.get(id);
    if (object === null) return refused("ENOENT");
    if (object instanceof HwptPaging || object instanceof HwptNested) {
      const status = act(object);
      return status === null ? made(id) : refused(status);
    }
    if (object instanceof Ioas) return this.#automatic(object, act, first);
    return refused("EINVAL");
  }

  /** Attach to an IOAS: any automatic HWPT that takes the device, or a new one. */
  #automatic(ioas: Ioas, act: (hwpt: Hwpt) => Status, first: boolean): Made<number> {
    for (const hwpt of ioas.hwpts.filter((h) => h.options.automatic)) {
      const status = act(hwpt);
      if (status === null) return made(hwpt.id);
      if (status !== "EINVAL") return refused(status);
    }
    const { objects } = this.context;
    const id = objects.reserve()!;
    const hwpt = allocPaging(this, ioas, 0, null, true, first ? act : null);
    if (!hwpt.ok) {
      objects.abandon(id);
      return hwpt;
    }
    objects.finalize(id, hwpt.value);
    const status = first ? null : act(hwpt.value);
    if (status === null) return made(id);
    objects.remove(hwpt.value);
    return refused(status);
  }
}

/** Devices of a group that a change of a PASID reaches: those that have PASIDs, or all for the device itself. */
const membersFor = (group: Group, pasid: number): readonly HostDevice[] =>
  pasid === NO_PASID ? group.members : group.members.filter((m) => m.maxPasidLog2 > 0);

/** Take the device's reserved regions out of the IOVA space, and map the doorbells that its group needs. */
function reserveFor(device: Device, hwpt: Hwpt): Status {
  const paging = pagingOf(hwpt);
  const { table } = paging.ioas;
  for (const region of device.host.driver.reserved(device.host)) {
    if (region.kind === "relaxable") continue;
    const status = table.reserve(region, device);
    if (status === null) continue;
    table.unreserve(device);
    return status;
  }
  for (const [iova, pa] of device.group.doorbells) {
    const status = paging.mapDoorbell(iova, pa, table.sizes.page);
    if (status === null) continue;
    table.unreserve(device);
    return status;
  }
  return null;
}

/** Whether the PASID rules allow this HWPT here. */
function pasidCompatible(group: Group, pasid: number, hwpt: Hwpt): boolean {
  if (hwpt.options.pasid) {
    const own = pasid === NO_PASID ? undefined : group.attachments.get(NO_PASID);
    return own === undefined || own.hwpt.options.pasid;
  }
  return pasid === NO_PASID && [...group.attachments.keys()].every((p) => p === NO_PASID);
}

/** Have the driver install a HWPT for every device of the group; on failure `old` is put back. */
function install(device: Device, pasid: number, attachment: GroupAttachment, hwpt: Hwpt, old: Hwpt | null): Status {
  const { group } = device;
  if (!pasidCompatible(group, pasid, hwpt)) return "EINVAL";
  if (pasid !== NO_PASID) {
    if (!device.host.driver.pasidAttach(hwpt.domain)) return "EOPNOTSUPP";
    if (group.members.some((m) => m.maxPasidLog2 > 0 && pasid >= 2 ** m.maxPasidLog2)) return "EINVAL";
  }
  const done: HostDevice[] = [];
  for (const member of membersFor(group, pasid)) {
    const status = member.driver.attach(attachmentOf(device, member, pasid, attachment, hwpt));
    if (status === null) {
      done.push(member);
      continue;
    }
    for (const back of done) {
      if (old === null) back.driver.block(back, pasid === NO_PASID ? null : pasid);
      else back.driver.attach(attachmentOf(device, back, pasid, attachment, old));
    }
    return status;
  }
  return null;
}

function attachmentOf(
  device: Device,
  member: HostDevice,
  pasid: number,
  source: GroupAttachment,
  hwpt: Hwpt,
): Attachment {
  const queue = hwpt.fault;
  return {
    device: member,
    pasid: pasid === NO_PASID ? null : pasid,
    domain: hwpt.domain,
    faults:
      queue === null
        ? null
        : (faults, respond) => {
            const bound = [...source.devices].find((d) => d.host === member) ?? device;
            queue.deliver({ source, deviceId: bound.id, faults, respond });
          },
  };
}

/** Attach a device of a group to a HWPT; the first one installs it for all. */
function attachHwpt(device: Device, pasid: number, hwpt: Hwpt): Status {
  const { group } = device;
  const known = group.attachments.get(pasid);
  if (known?.devices.has(device)) return "EBUSY";
  if (known !== undefined && known.hwpt !== hwpt) return "EINVAL";
  if (pasid === NO_PASID) {
    const status = reserveFor(device, hwpt);
    if (status !== null) return status;
  }
  const attachment = known ?? { hwpt, devices: new Set<Device>() };
  if (known === undefined) {
    const status = install(device, pasid, attachment, hwpt, null);
    if (status !== null) {
      if (pasid === NO_PASID) pagingOf(hwpt).ioas.table.unreserve(device);
      return status;
    }
    group.attachments.set(pasid, attachment);
  }
  attachment.devices.add(device);
  hwpt.users++;
  return null;
}

/** Move every device of the group that is attached to another HWPT, without a gap. */
function replaceHwpt(device: Device, pasid: number, hwpt: Hwpt): Status {
  const { group } = device;
  const attachment = group.attachments.get(pasid);
  if (attachment === undefined || !attachment.devices.has(device)) return "EINVAL";
  const old = attachment.hwpt;
  if (old === hwpt) return null;
  const sameIoas = pagingOf(old).ioas === pagingOf(hwpt).ioas;
  const reserve = pasid === NO_PASID && !sameIoas;
  const { table } = pagingOf(hwpt).ioas;
  const undo = (errno: Status): Status => {
    if (reserve) for (const d of attachment.devices) table.unreserve(d);
    return errno;
  };
  for (const d of reserve ? attachment.devices : []) {
    const status = reserveFor(d, hwpt);
    if (status !== null) return undo(status);
  }
  if (pasid === NO_PASID && sameIoas) {
    for (const [iova, pa] of group.doorbells) {
      const status = pagingOf(hwpt).mapDoorbell(iova, pa, table.sizes.page);
      if (status !== null) return status;
    }
  }
  const status = install(device, pasid, attachment, hwpt, old);
  if (status !== null) return undo(status);
  old.fault?.abandon(attachment);
  if (reserve) for (const d of attachment.devices) pagingOf(old).ioas.table.unreserve(d);
  attachment.hwpt = hwpt;
  hwpt.users += attachment.devices.size;
  device.context.put(old, attachment.devices.size);
  return null;
}
