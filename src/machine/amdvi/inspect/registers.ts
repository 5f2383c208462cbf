/** Registers of an AMD IOMMU. */
import { guestRegisters } from "../../../arch/amdvi/registers.ts";
import type { RegisterRow } from "../../../protocol/inspection.ts";
import { type DeclaredRegister, declared, registerRows } from "../../inspect/register_rows.ts";
import type { AmdviUnit } from "../amdvi_unit.ts";

/**
 * Every register by rising offset: those of PCI configuration space stand behind the MMIO ones, then come those of
 * guests that have a virtualized IOMMU in use.
 */
export const listRegisters = (unit: AmdviUnit): RegisterRow[] =>
  registerRows(unit, "", [...unit.control.registers.entries.flatMap(declared), ...ofGuests(unit)]);

const ofGuests = ({ control }: AmdviUnit): DeclaredRegister[] =>
  (control.guests?.all() ?? []).flatMap(({ guestId }) =>
    guestRegisters(guestId).map((register) => ({ ...register, access: "RW" as const })),
  );
