/**
 * Behind a virtual AMD IOMMU: a nested HWPT for each device with guest tables, and a command buffer that the VMM works
 * off. Linux 7.2 has no call that invalidates on behalf of a guest of this hardware, and the patches that were posted
 * since have none either: they leave a guest's commands to the IOMMU itself (`direct_amd.ts`).
 *
 * What is cached goes with the HWPT it is of: an invalidation has a HWPT made anew, with a domain id that the VMM takes,
 * and the device moved over. At no time does the device meet anything but its guest's tables. A HWPT that a device was
 * attached to before would spare two calls of three, but nothing says that the kernel drops what is cached of one that is
 * left.
 */

import { AmdNesting, amdParts, guestFeatures, PAGE_REQUESTS } from "./amd_nesting.ts";
import { FaultFile } from "./fault_file.ts";
import { VirtualAmd } from "./virtual_amd.ts";
import { type MakeVirtualIommu, untold } from "./virtual_iommu.ts";
import { WaitingRequests } from "./waiting_requests.ts";

/** The guest's tables are the first stage of hardware, its commands go through the VMM: `nested, trapped`. */
export const makeTrappedAmd: MakeVirtualIommu = (setting) => {
  const parts = amdParts(setting, new Uint8Array());
  if (!("vm" in parts)) return parts;
  const { vm } = parts;
  const { devices, requesting, memory, journal } = setting;
  const file = requesting.size > 0 ? FaultFile.open(vm, journal) : null;
  const requests = file === null ? null : { file, devices: requesting, waiting: new WaitingRequests(file) };
  const nesting = new AmdNesting(parts, "one each", requests);
  const backend = {
    install: nesting.install.bind(nesting),
    invalidate: nesting.renew.bind(nesting),
    ...(requests === null ? {} : { requests: requests.waiting }),
  };
  const sids = devices.map((d) => d.virtualId);
  // What a HWPT is made anew for, devices forget as well.
  const offer = { features: guestFeatures(vm, ...(requests === null ? [] : PAGE_REQUESTS)), deviceTlbs: true };
  const iommu = new VirtualAmd(offer, sids, memory, backend, journal);
  const serve = (): number => requests?.waiting.serve((request) => iommu.pageRequest(request)) ?? 0;
  return { ...untold(vm, iommu.pages), serve };
};
