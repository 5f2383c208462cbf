/** Page requests of devices behind a VT-d unit. Linux 7.2, drivers/iommu/intel/prq.c. */
import { groupResponse } from "../../../kernel/vtd/page_request_queue.ts";
import type { RemappingUnit } from "../../../kernel/vtd/unit.ts";
import type { Attachment } from "../driver.ts";
import { serveGroup } from "../page_requests.ts";

/** @param takerOf who takes the faults of a requester and PASID (null without); null for nobody */
export function servePageRequests(
  unit: RemappingUnit,
  takerOf: (sid: number, pasid: number | null) => Attachment["faults"],
): void {
  for (const group of unit.pageRequests?.take().groups ?? []) {
    const { sid, pasid } = group.at(-1)!;
    serveGroup(group, takerOf(sid, pasid), (request, code) => {
      unit.run(groupResponse(request, code));
    });
  }
}
