/** Registers of a block, read as software reads them. */

import { high, low } from "../../base/halves.ts";
import type { Layout } from "../../base/layout.ts";
import type { RegisterEntry, WriteEffect } from "../../engine/common/register_file.ts";
import type { RegisterRow } from "../../protocol/inspection.ts";
import type { RegisterBlock } from "../unit.ts";
import { decodedFields } from "./decoded.ts";

/** A register as its architecture declares it. */
export interface DeclaredRegister {
  readonly name: string;
  readonly offset: number;
  readonly access: RegisterRow["access"];
  readonly layout: Layout;
}

/** What software may do with a register: what it may do with any of its fields. */
function accessOf({ write, fields = {} }: RegisterEntry): RegisterRow["access"] {
  const effects: readonly WriteEffect[] = [write, ...Object.values(fields).map((rule) => rule.write ?? write)];
  if (effects.every((effect) => effect === "RO")) return "RO";
  return effects.every((effect) => effect === "WO") ? "WO" : "RW";
}

const QUADWORD = 8;

/** A register of a register file as rows read it; one of 128 bits comes as two halves. */
export function declared(entry: RegisterEntry): DeclaredRegister[] {
  const { name, offset, layout } = entry;
  const access = accessOf(entry);
  if (layout.bits <= 64) return [{ name, offset, access, layout }];
  return ["LO", "HI"].map((half, i) => ({ name: `${name}_${half}`, offset: offset + QUADWORD * i, access, layout }));
}

/** Rows of registers by rising offset; a layout of more than 64 bits comes as several. @param name of the block */
export function registerRows(
  block: RegisterBlock,
  name: string,
  registers: readonly DeclaredRegister[],
): RegisterRow[] {
  return registers
    .map(({ offset, access, layout, ...register }): RegisterRow => {
      const width = layout.bits === 32 ? 4 : 8;
      const value = block.read(offset, width);
      const fields = layout.bits > 64 ? [] : decodedFields(layout, [low(value), high(value)]);
      return { block: name, name: register.name, offset, width, value, access, section: layout.section, fields };
    })
    .sort((a, b) => a.offset - b.offset);
}
