/**
 * The recorder of translations in an AMD IOMMU's terms: levels from 1 for the smallest pages, reasons of its own for each
 * kind of table.
 */
import { R } from "../../arch/amdvi/reasons.ts";
import type { PageTableFormat } from "../../pagetable/format.ts";
import { type Cursor, WalkEnd } from "../../pagetable/walk.ts";
import { TraceVerdict } from "../../protocol/trace.ts";
import { TraceRecorder } from "../common/trace_recorder.ts";

/** A level as the architecture numbers it, from that of a format. */
export const amdLevel = (level: number): number => level + 1;

/** Why a guest (stage 1) or host walk ended at an entry, by how it ended; R.NONE where the entry is not to blame. */
export function entryReason(stage: number, end: WalkEnd | -1): number {
  if (end === WalkEnd.Empty) return stage === 1 ? R.GUEST_ABSENT : R.HOST_ABSENT;
  if (end === WalkEnd.Reserved) return stage === 1 ? R.GUEST_RESERVED : R.HOST_LEVEL;
  return end === WalkEnd.Skipped ? R.HOST_SKIPPED : R.NONE;
}

/** A recorder for one AMD IOMMU. */
export class AmdTraceRecorder extends TraceRecorder {
  constructor() {
    super({ levelOf: amdLevel, empty: R.NONE, reserved: R.NONE });
  }

  override entry(c: Cursor, fmt: PageTableFormat, end: WalkEnd | -1): void {
    super.entry(c, fmt, end);
    const reason = entryReason(c.stage, end);
    if (reason !== R.NONE) this.fail(TraceVerdict.Fault, reason);
  }
}
