/** Page requests of devices behind a VT-d unit, handed to whoever serves their PASID. Linux 7.2, drivers/iommu/intel/prq.c. */
import { type PageRequest, PageResponse } from "../../../kernel/page_requests.ts";
import { groupResponse } from "../../../kernel/vtd/page_request_queue.ts";
import type { RemappingUnit } from "../../../kernel/vtd/unit.ts";
import type { Attachment, PageFault } from "../driver.ts";

/** @param takerOf who takes the faults of a requester and PASID (null without); null for nobody */
export function servePageRequests(
  unit: RemappingUnit,
  takerOf: (sid: number, pasid: number | null) => Attachment["faults"],
): void {
  for (const group of unit.pageRequests?.take().groups ?? []) {
    const last = group.at(-1)!;
    const answer = (code: PageResponse): void => {
      unit.run(groupResponse(last, code));
    };
    const taker = takerOf(last.sid, last.pasid);
    if (taker === null) answer(PageResponse.InvalidRequest);
    else taker(group.map(faultOf), (code) => answer(code === 0 ? PageResponse.Success : PageResponse.InvalidRequest));
  }
}

const faultOf = ({ pasid, group, last, address, ...asked }: PageRequest): PageFault => ({
  pasid,
  group,
  last,
  permission: (asked.read ? 1 : 0) | (asked.write ? 2 : 0) | (asked.execute ? 4 : 0) | (asked.privileged ? 8 : 0),
  address,
});
