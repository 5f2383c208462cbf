/** Registers of an SMMUv3 and of the virtual Command queues beside it. */
import { cmdqvRegisterAt } from "../../../arch/smmuv3/cmdqv.ts";
import { PE_REGISTERS } from "../../../arch/smmuv3/pe.ts";
import { REGISTERS, VATOS_REGISTERS } from "../../../arch/smmuv3/registers.ts";
import type { RegisterRow } from "../../../protocol/inspection.ts";
import { registerRows } from "../../inspect/register_rows.ts";
import type { SmmuUnit } from "../smmu_unit.ts";

/** Bytes of the CMDQV that are listed: configuration, and the VCMDQs by their own numbers. */
const CMDQV_LISTED = 0x3_0000;
/** Registers of the CMDQV beyond those that every one has are listed when they are not zero. */
const ALWAYS = /^CMDQV_(CONFIG|PARAM|STATUS)$/;

/** Every register by rising offset, then those of the CMDQV that hold something, then those of a PE. */
export function listRegisters(unit: SmmuUnit): RegisterRow[] {
  const { registers } = unit.control;
  const vatos = registers.field("SMMU_IDR0", "VATOS") === 1 ? VATOS_REGISTERS : [];
  const own = [...REGISTERS, ...vatos].map((r) => ({ ...r, offset: registers.offsetOf(r) }));
  const { pe } = unit.blocks;
  return [
    ...registerRows(unit, "", own),
    ...listCmdqv(unit),
    ...(pe === undefined ? [] : registerRows(pe, "pe", PE_REGISTERS)),
  ];
}

function listCmdqv({ blocks: { cmdqv } }: SmmuUnit): RegisterRow[] {
  if (cmdqv === undefined) return [];
  const found = new Map<number, NonNullable<ReturnType<typeof cmdqvRegisterAt>>>();
  for (let offset = 0; offset < CMDQV_LISTED; offset += 4) {
    const register = cmdqvRegisterAt(offset);
    if (register === undefined || found.has(register.offset)) continue;
    const holds = cmdqv.read(register.offset, register.layout.bits === 64 ? 8 : 4) !== 0n;
    if (holds || ALWAYS.test(register.name)) found.set(register.offset, register);
  }
  const rows = [...found.values()].map((r) => ({ ...r, access: "RW" as const }));
  return registerRows(cmdqv, "cmdqv", rows);
}
