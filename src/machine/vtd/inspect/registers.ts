/** Registers of a VT-d unit. */
import type { RegisterEntry, WriteEffect } from "../../../engine/common/register_file.ts";
import type { RegisterRow } from "../../../protocol/inspection.ts";
import { type DeclaredRegister, registerRows } from "../../inspect/register_rows.ts";
import type { VtdUnit } from "../vtd_unit.ts";

/** What software may do with a register: what it may do with any of its fields. */
function accessOf({ write, fields = {} }: RegisterEntry): RegisterRow["access"] {
  const effects: readonly WriteEffect[] = [write, ...Object.values(fields).map((rule) => rule.write ?? write)];
  if (effects.every((effect) => effect === "RO")) return "RO";
  return effects.every((effect) => effect === "WO") ? "WO" : "RW";
}

const QUADWORD = 8;

/** A register as rows read it; one of 128 bits comes as two halves. */
function declared(entry: RegisterEntry): DeclaredRegister[] {
  const { name, offset, layout } = entry;
  const access = accessOf(entry);
  if (layout.bits <= 64) return [{ name, offset, access, layout }];
  return ["LO", "HI"].map((half, i) => ({ name: `${name}_${half}`, offset: offset + QUADWORD * i, access, layout }));
}

/** Every register by rising offset. */
export const listRegisters = (unit: VtdUnit): RegisterRow[] =>
  registerRows(unit, "", unit.control.registers.entries.flatMap(declared));
