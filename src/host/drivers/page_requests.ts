/** Page requests of devices, handed to whoever serves them. Linux 7.2, drivers/iommu/io-pgfault.c (iommu_report_device_fault). */
import { type PageRequest, PageResponse } from "../../kernel/page_requests.ts";
import type { Attachment, PageFault } from "./driver.ts";

/**
 * Hand a group to its taker, null for nobody.
 * @param answer tells the device, by any request of the group
 */
export function serveGroup(
  group: readonly PageRequest[],
  taker: Attachment["faults"],
  answer: (request: PageRequest, code: PageResponse) => void,
): void {
  const last = group.at(-1)!;
  if (taker === null) answer(last, PageResponse.InvalidRequest);
  else
    taker(group.map(faultOf), (code) => answer(last, code === 0 ? PageResponse.Success : PageResponse.InvalidRequest));
}

const faultOf = ({ pasid, group, last, address, ...asked }: PageRequest): PageFault => ({
  pasid,
  group,
  last,
  permission: (asked.read ? 1 : 0) | (asked.write ? 2 : 0) | (asked.execute ? 4 : 0) | (asked.privileged ? 8 : 0),
  address,
});
