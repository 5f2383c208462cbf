/** Which words of an SMMUv3's register pages hold a register: all that a saved state needs of them. */
import { REGISTERS, VATOS_REGISTERS } from "../../arch/smmuv3/registers.ts";
import { registerIndex } from "../../engine/smmuv3/register_file.ts";

/** Indexes into `RegisterFile.words`. */
export const REGISTER_WORDS: Uint32Array = Uint32Array.from(
  [...REGISTERS, ...VATOS_REGISTERS].flatMap(({ name, widthBytes }) => {
    const first = registerIndex(name);
    return widthBytes === 8 ? [first, first + 1] : [first];
  }),
);
