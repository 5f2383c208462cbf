/**
 * What the bits of a leaf descriptor allow (DDI 0487 §D8.4 permissions, §D8.5 Access flag, §D8.6 memory types).
 * A writable-clean leaf counts as writable where hardware manages the dirty state (§D8.5.2.2).
 *
 * Bit positions come from the layouts; sets of permissions are sets of {@link Want}.
 */
import { S1_PAGE, S1_TABLE, S2_PAGE } from "../../arch/smmuv3/descriptors.ts";
import { R } from "../../arch/smmuv3/reasons.ts";
import { locate } from "../../base/layout.ts";
import type { Cursor } from "../../pagetable/walk.ts";
import { clean1, clean2 } from "./hardware_update.ts";
import { Want } from "./translation.ts";

const AF = 1 << locate(S1_PAGE, "AF").shift;
const TYPE = 1 << locate(S1_PAGE, "Type").shift;
const AP_SHIFT = locate(S1_PAGE, "AP").shift;
const PXN_SHIFT = locate(S1_PAGE, "PXN").shift;
const UXN_SHIFT = locate(S1_PAGE, "UXN").shift;
const APTABLE_SHIFT = locate(S1_TABLE, "APTable").shift;
const PXNTABLE_SHIFT = locate(S1_TABLE, "PXNTable").shift;
const UXNTABLE_SHIFT = locate(S1_TABLE, "UXNTable").shift;
const S2AP_SHIFT = locate(S2_PAGE, "S2AP").shift;
const XN_SHIFT = locate(S2_PAGE, "XN").shift;
const MEMATTR_SHIFT = locate(S2_PAGE, "MemAttr").shift;

/** The low half of a leaf has its Access flag set. */
export const accessed = (lo: number): boolean => (lo & AF) !== 0;

/** The low half of a valid entry above the last level points to a table. */
export const isTableType = (lo: number): boolean => (lo & TYPE) !== 0;

/** Which of the two address size rules the entry under the cursor breaks. */
export const addressSizeReason = (c: Cursor): number =>
  c.level > 0 && isTableType(c.lo) ? R.TABLE_ADDRESS_SIZE : R.OUTPUT_ADDRESS_SIZE;

/** Who may not execute by XN[1:0]: bit 0 unprivileged, bit 1 privileged. Without XNX only XN[1] counts. */
const XN_WITH_XNX = [0b00, 0b10, 0b11, 0b01];
const XN_WITHOUT_XNX = [0b00, 0b00, 0b11, 0b11];

/**
 * What a stage-2 leaf allows. Executing is apart from reading: a page may be execute-only (IHI 0070 §5.2, S2AA64).
 * @param hd hardware manages the dirty state of stage 2
 */
export function stage2Permissions(lo: number, hi: number, privileged: boolean, xnx: boolean, hd = false): number {
  const data = ((lo >>> S2AP_SHIFT) & 3) | (hd && clean2(lo, hi) ? Want.Write : 0);
  const never = (xnx ? XN_WITH_XNX : XN_WITHOUT_XNX)[(hi >>> XN_SHIFT) & 3]!;
  return ((never >>> (privileged ? 1 : 0)) & 1) === 0 ? data | Want.Execute : data;
}

/** A stage-2 leaf has a Device type: MemAttr[3:2] is 0b00, or MemAttr[2] is 0 with S2FWB. */
export function stage2IsDevice(lo: number, fwb: boolean): boolean {
  const memAttr = (lo >>> MEMATTR_SHIFT) & 15;
  return fwb ? (memAttr & 4) === 0 : memAttr < 4;
}

/** Controls that bend stage-1 permissions. */
export interface Stage1Controls {
  /** All accesses count as privileged: a regime with one privilege level (EL2 without E2H). */
  readonly onePrivilege: boolean;
  readonly wxn: boolean;
  readonly pan: boolean;
  readonly epan: boolean;
  /** Hardware manages the dirty state of stage 1. */
  readonly hd: boolean;
}

/** What a stage-1 leaf allows, `inherited` being the bits [63:32] that the tables above it impose. */
export function stage1Permissions(
  lo: number,
  hi: number,
  inherited: number,
  privileged: boolean,
  controls: Stage1Controls,
): number {
  const ap = (lo >>> AP_SHIFT) & 3;
  const apTable = (inherited >>> APTABLE_SHIFT) & 3;
  const writable = ((ap & 2) === 0 || (controls.hd && clean1(lo, hi))) && (apTable & 2) === 0;
  const uxn = (((hi >>> UXN_SHIFT) | (inherited >>> UXNTABLE_SHIFT)) & 1) !== 0;
  const data = Want.Read | (writable ? Want.Write : 0);
  if (controls.onePrivilege) return data | (uxn || (controls.wxn && writable) ? 0 : Want.Execute);
  const open = (ap & 1) !== 0 && (apTable & 1) === 0;
  const unprivilegedExecutes = !uxn && !(controls.wxn && open && writable);
  if (!privileged) return (open ? data : 0) | (unprivilegedExecutes ? Want.Execute : 0);
  const pxn = (((hi >>> PXN_SHIFT) | (inherited >>> PXNTABLE_SHIFT)) & 1) !== 0;
  // What the unprivileged may write, the privileged never execute.
  const executes = !pxn && !(controls.wxn && writable) && !(open && writable);
  const kept = controls.pan && (open || (controls.epan && unprivilegedExecutes));
  return (kept ? 0 : data) | (executes ? Want.Execute : 0);
}
