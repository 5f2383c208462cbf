/** Registers of a block, read as software reads them. */
import type { Layout } from "../../base/layout.ts";
import type { RegisterRow } from "../../protocol/inspection.ts";
import { high, low } from "../halves.ts";
import type { RegisterBlock } from "../unit.ts";
import { decodedFields } from "./decoded.ts";

/** A register as its architecture declares it. */
export interface DeclaredRegister {
  readonly name: string;
  readonly offset: number;
  readonly access: RegisterRow["access"];
  readonly layout: Layout;
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
