/** Registers that a VMM answers for an AMD IOMMU of its own making. 48882 chapter 3. */
import { EFR } from "../../arch/amdvi/feature_registers.ts";
import { PCICAP_HEADER } from "../../arch/amdvi/pci_registers.ts";
import { encodeFields, type FieldNumbers } from "../../base/encode.ts";
import { registerTable } from "../../engine/amdvi/register_table.ts";
import { RegisterFile } from "../../engine/common/register_file.ts";

/** What such an IOMMU offers. */
export interface AmdOffer {
  /** Fields of EFR. */
  readonly features: FieldNumbers;
  /** Devices may have IOTLBs. */
  readonly deviceTlbs: boolean;
}

const CAPABILITY = { CapId: 15, CapType: 3, CapRev: 1, EFRSup: 1 };
const NOTHING = new Uint32Array(2);

export function virtualRegisters({ features, deviceTlbs }: AmdOffer): RegisterFile {
  const efr = encodeFields(EFR, features);
  const capability = encodeFields(PCICAP_HEADER, { ...CAPABILITY, IotlbSup: deviceTlbs ? 1 : 0 });
  const file = new RegisterFile(registerTable({ efr, efr2: NOTHING, capability }));
  file.load("EFR", efr[1]!, efr[0]!);
  file.load("PCICAP_HEADER", 0, capability[0]!);
  return file;
}
