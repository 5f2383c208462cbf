/**
 * Behind a virtual AMD IOMMU: a nested HWPT for each device with guest tables, and a command buffer that the VMM works
 * off. Linux 7.2 has no call that invalidates on behalf of a guest of this hardware.
 *
 * What is cached goes with the HWPT it is of: an invalidation has a HWPT made anew, with a domain id that the VMM takes,
 * and the device moved over. At no time does the device meet anything but its guest's tables.
 */
import { AmdNesting, amdParts, guestFeatures } from "./amd_nesting.ts";
import { VirtualAmd } from "./virtual_amd.ts";
import { type MakeVirtualIommu, untold } from "./virtual_iommu.ts";

/** The guest's tables are the first stage of hardware, its commands go through the VMM: `nested, trapped`. */
export const makeTrappedAmd: MakeVirtualIommu = (setting) => {
  const parts = amdParts(setting, new Uint8Array());
  if (!("vm" in parts)) return parts;
  const { vm } = parts;
  const { devices, memory, journal } = setting;
  const nesting = new AmdNesting(parts, "one each");
  const backend = {
    install: nesting.install.bind(nesting),
    invalidate: nesting.renew.bind(nesting),
  };
  const sids = devices.map((d) => d.virtualId);
  // What a HWPT is made anew for, devices forget as well. Page requests are offered by none: no call hands them on.
  const offer = { features: guestFeatures(vm), deviceTlbs: true };
  const iommu = new VirtualAmd(offer, sids, memory, backend, journal);
  return untold(vm, iommu.pages);
};
