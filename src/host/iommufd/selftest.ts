/**
 * The control call of the kernel's selftest option (IOMMU_TEST_CMD), by operation: it makes mock devices and looks
 * behind the mock driver. Linux 7.2, drivers/iommu/iommufd/selftest.c.
 */
import { MockDevice, MockDriver, MockNested } from "../drivers/mock/mock_driver.ts";
import { MockPaging } from "../drivers/mock/mock_paging.ts";
import type { Errno, Status } from "../errno.ts";
import type { IommufdContext } from "./context.ts";
import { Device, NO_PASID } from "./device.ts";
import { HwptNested, HwptPaging } from "./hwpt.ts";
import { KernelObject } from "./objects.ts";

/** What an operation gives back: output fields, or why it is refused. */
type Answer = Readonly<Record<string, number>> | Errno;

/** A mock device with its binding; destroying it removes both. */
class MockBinding extends KernelObject {
  readonly type = "SELFTEST";
  device: Device | null = null;

  release(): void {
    if (this.device === null) return;
    const { device } = this;
    this.device = null;
    device.context.unbind(device);
  }
}

export class Selftest {
  readonly #context: IommufdContext;
  readonly #driver: MockDriver;
  #devices = 0;

  constructor(context: IommufdContext) {
    this.#context = context;
    this.#driver = new MockDriver(context.kernel.config.sizes.page);
  }

  /** Make a mock device and attach it to an IOAS or HWPT. */
  makeDevice(ptId: number, flags: number): Answer {
    const { objects } = this.#context;
    const binding = objects.add(new MockBinding());
    const bound = this.#context.bind(new MockDevice(this.#driver, this.#devices++, flags));
    if (typeof bound === "string") {
      objects.remove(binding);
      return bound;
    }
    binding.device = bound;
    const hwpt = bound.attach(NO_PASID, ptId);
    if (!hwpt.ok) {
      objects.remove(binding);
      return hwpt.errno;
    }
    return { out_stdev_id: binding.id, out_hwpt_id: hwpt.value, out_idev_id: bound.id };
  }

  /** Put another object in place of what is attached. */
  replace(id: number, ptId: number): Answer {
    const device = this.#bound(id);
    if (device === null) return "ENOENT";
    const hwpt = device.replace(NO_PASID, ptId);
    return hwpt.ok ? { pt_id: hwpt.value } : hwpt.errno;
  }

  attachPasid(id: number, pasid: number, ptId: number): Answer {
    const hwpt = this.#bound(id)?.attach(pasid, ptId);
    if (hwpt === undefined) return "ENOENT";
    return hwpt.ok ? {} : hwpt.errno;
  }

  replacePasid(id: number, pasid: number, ptId: number): Answer {
    const hwpt = this.#bound(id)?.replace(pasid, ptId);
    if (hwpt === undefined) return "ENOENT";
    return hwpt.ok ? {} : hwpt.errno;
  }

  detachPasid(id: number, pasid: number): Answer {
    const device = this.#bound(id);
    if (device === null) return "ENOENT";
    device.detach(pasid);
    return {};
  }

  /** Whether a PASID is on the HWPT that it should be on; 0 asks for none. */
  checkPasid(id: number, pasid: number, ptId: number): Answer {
    const device = this.#bound(id);
    if (device === null) return "ENOENT";
    const hwpt = device.group.attachments.get(pasid)?.hwpt;
    return (hwpt?.id ?? 0) === ptId ? {} : "EINVAL";
  }

  /** Whether an entry of a nested domain holds a value. */
  checkIotlb(id: number, entry: number, expect: number): Answer {
    const hwpt = this.#context.objects.find(id, HwptNested);
    if (hwpt === null || !(hwpt.domain instanceof MockNested)) return "ENOENT";
    return hwpt.domain.iotlb[entry] === expect ? {} : "EINVAL";
  }

  /** Whether a line of a device's cache holds a value. */
  checkCache(deviceId: number, entry: number, expect: number): Answer {
    const device = this.#mock(deviceId);
    if (device === null) return "ENOENT";
    return device.cache[entry] === expect ? {} : "EINVAL";
  }

  triggerEvent(deviceId: number): Answer {
    return asAnswer(this.#mock(deviceId)?.triggerEvent() ?? (this.#mock(deviceId) === null ? "ENOENT" : null));
  }

  /** Have a device fault; without a HWPT that takes faults nothing comes of it. */
  triggerFault(deviceId: number, pasid: number, group: number, permission: number, address: bigint): Answer {
    const device = this.#mock(deviceId);
    if (device === null) return "ENOENT";
    const key = pasid === NO_PASID ? null : pasid;
    const fault = { pasid: key, group, last: true, permission, address };
    // Where a guest has the PASID table, faults of any PASID are the device's own.
    const attached = device.attached.get(key) ?? device.attached.get(null);
    attached?.faults?.([fault], () => {});
    return {};
  }

  /** Mark the pages as dirty whose bits are set. */
  markDirty(id: number, iova: bigint, pageSize: bigint, bitmap: readonly bigint[]): Answer {
    const hwpt = this.#context.objects.find(id, HwptPaging);
    if (hwpt === null || !(hwpt.domain instanceof MockPaging)) return "ENOENT";
    if (hwpt.domain.dirty === undefined) return "EOPNOTSUPP";
    let marked = 0;
    for (const [i, word] of bitmap.entries()) {
      for (let bit = 0; bit < 64; bit++) {
        if (((word >> BigInt(bit)) & 1n) === 0n) continue;
        if (hwpt.domain.touch(iova + BigInt(64 * i + bit) * pageSize)) marked++;
      }
    }
    return { out_nr_dirty: marked };
  }

  #bound(id: number): Device | null {
    return this.#context.objects.find(id, MockBinding)?.device ?? null;
  }

  #mock(id: number): MockDevice | null {
    const host = this.#context.objects.find(id, Device)?.host;
    return host instanceof MockDevice ? host : null;
  }
}

const asAnswer = (status: Status): Answer => status ?? {};
