/**
 * Page requests of devices behind an AMD IOMMU. Linux 7.2, drivers/iommu/amd/ppr.c (iommu_call_iopf_notifier) and
 * io-pgfault.c (iommu_report_device_fault).
 *
 * UNMODELLED: processes that drivers of the host's have bound to PASIDs of their devices. Linux serves nobody else: user
 * space attaches nothing to PASIDs here, requests without a PASID are refused, and those of a guest that has its log in
 * hardware do not come here.
 */
import { type PageRequest, PageResponse } from "../../../kernel/page_requests.ts";

/** The PASID of requests without one, where those go through guest tables. */
const RID_PASID = 0;

/** How a group is answered. */
export function answerOf(group: readonly PageRequest[]): PageResponse {
  const { pasid } = group.at(-1)!;
  return pasid === null || pasid === RID_PASID ? PageResponse.Failure : PageResponse.InvalidRequest;
}
