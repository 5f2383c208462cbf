/** Registers of an AMD IOMMU. */
import type { RegisterRow } from "../../../protocol/inspection.ts";
import { declared, registerRows } from "../../inspect/register_rows.ts";
import type { AmdviUnit } from "../amdvi_unit.ts";

/** Every register by rising offset; those of PCI configuration space stand behind the MMIO ones. */
export const listRegisters = (unit: AmdviUnit): RegisterRow[] =>
  registerRows(unit, "", unit.control.registers.entries.flatMap(declared));
