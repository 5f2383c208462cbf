/** Event records of an AMD IOMMU in Linux's words (drivers/iommu/amd/iommu.c, amd_iommu_report_page_fault). */
import { eventOf, IO_PAGE_FAULT } from "../../../arch/amdvi/events.ts";
import { fieldValue, locate } from "../../../base/layout.ts";
import { NO_PASID } from "../attachments.ts";
import type { FaultReport } from "../iommu_driver.ts";

/** Flags as Linux prints them: twelve bits of the second word, from GN on. */
const FLAGS = { shift: locate(IO_PAGE_FAULT.layout, "GN").shift, mask: 0xfff };

export function eventReport(words: Uint32Array): FaultReport {
  const definition = eventOf(words);
  const get = (field: string): bigint | null =>
    definition === undefined ? null : fieldValue(definition.layout, field, words);
  const [domain, address] = [get("DomainID_PASID") ?? 0n, get("Address")];
  // With DTE.GIoV requests without a PASID have one all the same.
  const pasid = get("GN") === 1n ? Number(domain + 0x10000n * (get("PASID_19_16") ?? 0n)) : NO_PASID;
  const hex = (value: bigint | number): string => `0x${value.toString(16).padStart(4, "0")}`;
  const flags = (words[1]! >>> FLAGS.shift) & FLAGS.mask;
  const name = definition?.linuxName ?? "UNKNOWN";
  return {
    sid: Number(get("DeviceID") ?? 0n),
    pasid: pasid === NO_PASID ? null : pasid,
    address,
    line: `AMD-Vi: Event logged [${name} domain=${hex(domain)} address=0x${(address ?? 0n).toString(16)} flags=${hex(flags)}]`,
  };
}
