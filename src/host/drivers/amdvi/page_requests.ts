/**
 * Page requests of devices behind an AMD IOMMU. Linux 7.2, drivers/iommu/amd/ppr.c (iommu_call_iopf_notifier).
 *
 * Requests without a PASID are refused, and those of PASIDs go to whoever is bound to them: processes of the host.
 * UNMODELLED: those processes, so that nobody is.
 *
 * CHOICE(amd-nested-page-requests): Linux 7.2 has the guest's DTE.PPR in a nested entry, and nothing that takes what then
 * comes. Here the queue that the nested HWPT was made with takes it, as on hardware whose PASID table is the guest's.
 */
import type { AmdIommu } from "../../../kernel/amdvi/iommu.ts";
import { completePageRequest } from "../../../kernel/amdvi/page_requests.ts";
import { type PageRequest, PageResponse } from "../../../kernel/page_requests.ts";
import type { Attachment } from "../driver.ts";
import { serveGroup } from "../page_requests.ts";

/** The PASID of requests without one, where those go through guest tables. */
const RID_PASID = 0;

/** @param takerOf who takes the faults of a device whose PASIDs are a guest's; null for nobody */
export function servePageRequests(iommu: AmdIommu, takerOf: (sid: number) => Attachment["faults"]): void {
  for (const group of iommu.pageRequests?.take().groups ?? []) {
    const last = group.at(-1)!;
    const answer = (request: PageRequest, code: PageResponse): void => {
      iommu.run(completePageRequest(request, code));
    };
    const taker = takerOf(last.sid);
    const malformed = taker === null && (last.pasid === null || last.pasid === RID_PASID);
    if (malformed) answer(last, PageResponse.Failure);
    else serveGroup(group, taker, answer);
  }
}
