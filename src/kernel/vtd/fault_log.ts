/** What Linux logs of faults behind a VT-d unit. Linux 7.2, drivers/iommu/intel/dmar.c (dmar_fault, dmar_fault_do_one). */
import { bdfOf } from "../../arch/requester_id.ts";
import { FRCD } from "../../arch/vtd/fault_record.ts";
import { join } from "../../base/halves.ts";

/** Who did what, as a fault record says it. */
export interface VtdFault {
  readonly sid: number;
  /** Null without. */
  readonly pasid: number | null;
  readonly address: bigint;
  readonly read: boolean;
  /** Fault reason code. */
  readonly code: number;
}

export function readFault(words: Uint32Array): VtdFault {
  const { f } = FRCD;
  return {
    sid: f.SID.get(words, 0),
    pasid: f.PP.get(words, 0) === 1 ? f.PV.get(words, 0) : null,
    address: join(f.FI.addressHi(words, 0), f.FI.addressLo(words, 0)),
    read: f.T1.get(words, 0) === 1,
    code: f.FR.get(words, 0),
  };
}

/** The line before those of records. @param status FSTS as it was found */
export const statusLine = (status: number): string => `DMAR: DRHD: handling fault status reg ${status.toString(16)}`;

/** A record's line, without Linux's words for the reason at its end. */
export function faultLine({ sid, pasid, address, read, code }: VtdFault): string {
  const what = `DMA ${read ? "Read" : "Write"} ${pasid === null ? "NO_PASID" : `PASID 0x${pasid.toString(16)}`}`;
  const reason = `fault reason 0x${code.toString(16).padStart(2, "0")}`;
  return `DMAR: [${what}] Request device [${bdfOf(sid)}] fault addr 0x${address.toString(16)} [${reason}]`;
}
