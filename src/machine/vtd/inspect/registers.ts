/** Registers of a VT-d unit. */
import type { RegisterRow } from "../../../protocol/inspection.ts";
import { declared, registerRows } from "../../inspect/register_rows.ts";
import type { VtdUnit } from "../vtd_unit.ts";

/** Every register by rising offset. */
export const listRegisters = (unit: VtdUnit): RegisterRow[] =>
  registerRows(unit, "", unit.control.registers.entries.flatMap(declared));
