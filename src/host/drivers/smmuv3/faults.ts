/**
 * Recoverable faults of an SMMUv3: transactions that stall until the kernel answers, and page requests.
 * IHI 0070 §3.12.2, §4.7, §8; Linux 7.2, drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c (arm_smmu_handle_event,
 * arm_smmu_page_response, arm_smmu_handle_ppr).
 */
import { eventByNumber } from "../../../arch/smmuv3/events.ts";
import { PAGE_REQUEST } from "../../../arch/smmuv3/page_request.ts";
import type { FieldAccess } from "../../../base/layout.ts";
import type { Attachment, PageFault } from "../driver.ts";
import { type CommandWords, command } from "./queues.ts";

/** Permissions of a fault. */
const READ = 1;
const WRITE = 2;
const EXECUTE = 4;
const PRIVILEGED = 8;
const INVALID = 1;
/** CMD_PRI_RESP: the request is refused. */
const RESPONSE_FAILURE = 0;

type Faults = NonNullable<Attachment["faults"]>;

/** A field of an event record; 0 where its kind has no such field. */
function fieldOf(words: Uint32Array, name: string): number {
  const layout = eventByNumber(words[0]! & 0xff)?.layout;
  const access = layout === undefined ? undefined : (layout.f as Readonly<Record<string, FieldAccess>>)[name];
  return access?.get(words, 0) ?? 0;
}

/** Whether a record is of a transaction that waits. */
export const isStalled = (words: Uint32Array): boolean => fieldOf(words, "Stall") === 1;

/** The PASID of a record's transaction; null without. */
export const pasidOf = (words: Uint32Array): number | null =>
  fieldOf(words, "SSV") === 1 ? fieldOf(words, "SubstreamID") : null;

/** End a stalled transaction: take it up again, or abort it. */
function resume(words: Uint32Array, code: number): CommandWords {
  const action = code === INVALID ? { Ac: 0, Ab: 1 } : { Ac: 1 };
  return command("CMD_RESUME", { StreamID: words[1]!, STAG: fieldOf(words, "STAG"), ...action });
}

/** Have a stalled transaction answered by whoever takes the faults of its stream; without anybody it is aborted. */
export function serveStall(
  words: Uint32Array,
  faults: Faults | null,
  run: (commands: readonly CommandWords[]) => void,
): void {
  if (faults === null) {
    run([resume(words, INVALID)]);
    return;
  }
  const direction = fieldOf(words, "RnW") === 1 ? READ : WRITE;
  const execute = fieldOf(words, "InD") === 1 ? EXECUTE : 0;
  const privileged = fieldOf(words, "PnU") === 1 ? PRIVILEGED : 0;
  const fault: PageFault = {
    pasid: pasidOf(words),
    group: fieldOf(words, "STAG"),
    last: true,
    permission: direction | execute | privileged,
    // InputAddr stands in the third and fourth word of 64 bits.
    address: (BigInt(words[5]!) << 32n) | BigInt(words[4]!),
  };
  faults([fault], (code) => run([resume(words, code)]));
}

/** The answer to a page request, which this driver serves nobody: the last one of a group is refused. */
export function refusePageRequest(words: Uint32Array): CommandWords | null {
  const { f } = PAGE_REQUEST;
  if (f.Last.get(words, 0) === 0) return null;
  return command("CMD_PRI_RESP", {
    StreamID: f.StreamID.get(words, 0),
    SSV: f.SSV.get(words, 0),
    SubstreamID: f.SSV.get(words, 0) === 1 ? f.SubstreamID.get(words, 0) : 0,
    PRGIndex: f.PRGIndex.get(words, 0),
    Resp: RESPONSE_FAILURE,
  });
}
