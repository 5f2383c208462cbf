/**
 * Transactions that stall until the kernel answers, handed to whoever takes the faults of their stream.
 * IHI 0070 §3.12.2, §4.7; Linux 7.2, drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c (arm_smmu_handle_event,
 * arm_smmu_page_response).
 */
import type { CommandWords } from "../../../kernel/smmuv3/command_queue.ts";
import { resume, type SmmuEvent } from "../../../kernel/smmuv3/faults.ts";
import type { Attachment, PageFault } from "../driver.ts";

/** Permissions of a fault. */
const READ = 1;
const WRITE = 2;
const EXECUTE = 4;
const PRIVILEGED = 8;
const INVALID = 1;

/** Have a stalled transaction answered by whoever takes the faults of its stream; without anybody it is aborted. */
export function serveStall(
  event: SmmuEvent,
  faults: Attachment["faults"],
  run: (commands: readonly CommandWords[]) => void,
): void {
  const { sid, pasid, stag } = event;
  if (stag === null) return;
  const answer = (code: number): void => run([resume(sid, stag, code === INVALID ? "abort" : "retry")]);
  if (faults === null) {
    answer(INVALID);
    return;
  }
  const permission = (event.read ? READ : WRITE) | (event.execute ? EXECUTE : 0) | (event.privileged ? PRIVILEGED : 0);
  const fault: PageFault = { pasid, group: stag, last: true, permission, address: event.address ?? 0n };
  faults([fault], answer);
}
