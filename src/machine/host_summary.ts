/**
 * What a page says of a virtual machine's host: the kernel of its era, and what it has besides, such as patches that were
 * posted.
 */
import type { SessionSummary } from "../protocol/engine.ts";
import type { SoftwareDescription, VmidOwner } from "../protocol/software.ts";

const OF_VMIDS: Readonly<Record<VmidOwner, string | null>> = {
  "SMMU driver": null,
  "KVM, pinned": "VMIDs of KVM",
  "KVM, not pinned": "unpinned VMIDs of KVM",
};

/** Nothing where there is no host. */
export function hostSummary(software: SoftwareDescription | undefined): Pick<SessionSummary, "era" | "patches"> {
  if (software === undefined || software.kind === "kernel") return {};
  const { era = "Linux 7.2", vmid = "SMMU driver", partids, sharedStage2, amdNesting } = software;
  const patches = [
    OF_VMIDS[vmid],
    partids === undefined ? null : "PARTIDs for guests",
    sharedStage2 === true ? "a shared stage 2" : null,
    amdNesting === "as intended" ? "AMD nesting as intended" : null,
  ];
  return { era, patches: patches.filter((patch) => patch !== null) };
}
