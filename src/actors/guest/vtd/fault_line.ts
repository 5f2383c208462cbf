/** Fault records of a VT-d unit in Linux's words (drivers/iommu/intel/dmar.c, dmar_fault_do_one). */
import { FRCD } from "../../../arch/vtd/fault_record.ts";
import { join } from "../../../base/halves.ts";
import type { FaultReport } from "../iommu_driver.ts";

const hex = (value: number | bigint, digits: number): string => value.toString(16).padStart(digits, "0");

export function faultReport(words: Uint32Array): FaultReport {
  const { f } = FRCD;
  const sid = f.SID.get(words, 0);
  const pasid = f.PP.get(words, 0) === 1 ? f.PV.get(words, 0) : null;
  const address = join(f.FI.addressHi(words, 0), f.FI.addressLo(words, 0));
  const bdf = `${hex(sid >>> 8, 2)}:${hex((sid >>> 3) & 31, 2)}.${sid & 7}`;
  const what = `DMA ${f.T1.get(words, 0) === 1 ? "Read" : "Write"} ${pasid === null ? "NO_PASID" : `PASID 0x${hex(pasid, 1)}`}`;
  const line = `DMAR: [${what}] Request device [${bdf}] fault addr 0x${hex(address, 1)} [fault reason 0x${hex(f.FR.get(words, 0), 2)}]`;
  return { sid, pasid, address, line };
}
