/**
 * Structures of Arm SMMUv3 that words can be read as. IHI 0070 issue G.b; descriptors DDI 0487 §D8.3.
 */

import { SMMU_GATOS_PAR, SMMU_GATOS_PAR_FAULT } from "../../arch/smmuv3/atos_registers.ts";
import { CD, L1CD } from "../../arch/smmuv3/cd.ts";
import { commandByOpcode, RESERVED_COMMAND } from "../../arch/smmuv3/commands.ts";
import { descriptorKind } from "../../arch/smmuv3/descriptor_kind.ts";
import { descriptorLayout } from "../../arch/smmuv3/descriptors.ts";
import { eventByNumber, RESERVED_EVENT } from "../../arch/smmuv3/events.ts";
import { registerByName } from "../../arch/smmuv3/registers.ts";
import { L1STD, STE } from "../../arch/smmuv3/ste.ts";
import type { Layout } from "../../base/layout.ts";
import { type FieldsByName, fieldHex, type StructureKind } from "../structure_kind.ts";

/** Bits [1:0] of a block; of a page and of a table they are 0b11. */
const BLOCK = 1;

/** A descriptor's words do not tell its level: a block is read as one of level 2, the others as pages of 4 KiB. */
const descriptor = (stage: 1 | 2): StructureKind => ({
  id: `s${stage}-descriptor`,
  name: `Stage ${stage} descriptor`,
  layoutOf: ([lo = 0]) => descriptorLayout(stage, descriptorKind(lo, (lo & 3) === BLOCK ? 2 : 3), 12, false, false),
  summary: (layout, fields) => {
    const at = fields.get("OAB") ?? fields.get("NLTA");
    return at === undefined ? "An invalid descriptor." : `${layout.name}, address 0x${at.value.toString(16)}.`;
  },
});

const valid = (fields: FieldsByName): boolean => fields.get("V")?.value === 1n;

/** Kinds of the architecture, an event record first. */
export const SMMUV3_KINDS: readonly StructureKind[] = [
  {
    id: "event",
    name: "Event record",
    layoutOf: ([lo = 0]) => eventByNumber(lo & 0xff)?.layout ?? RESERVED_EVENT,
    summary: (layout) => `An event record: ${layout.name}.`,
  },
  {
    id: "ste",
    name: "STE",
    layoutOf: () => STE,
    summary: (_, fields) =>
      valid(fields)
        ? `The STE is valid: ${fields.get("Config")?.meaning}; S1ContextPtr ${fieldHex(fields, "S1ContextPtr")}, S2TTB ${fieldHex(fields, "S2TTB")}.`
        : "The STE is not valid: using it is C_BAD_STE.",
  },
  {
    id: "cd",
    name: "CD",
    layoutOf: () => CD,
    summary: (_, fields) =>
      valid(fields)
        ? `The CD is valid: ASID ${fieldHex(fields, "ASID")}, TTB0 ${fieldHex(fields, "TTB0")}, TTB1 ${fieldHex(fields, "TTB1")}.`
        : "The CD is not valid: using it is C_BAD_CD.",
  },
  {
    id: "command",
    name: "Command",
    layoutOf: ([lo = 0]) => commandByOpcode(lo & 0xff)?.layout ?? RESERVED_COMMAND,
    summary: (layout) => `A command: ${layout.name}.`,
  },
  { id: "l1std", name: "L1STD", layoutOf: () => L1STD },
  { id: "l1cd", name: "L1CD", layoutOf: () => L1CD },
  descriptor(1),
  descriptor(2),
];

/** Layout of a register by name; `lo` is its first word. Null for a name that the architecture does not have. */
export function smmuv3RegisterLayout(name: string, lo: number): Layout | null {
  const layout = registerByName(name)?.layout ?? null;
  // SMMU_GATOS_PAR.FAULT selects between two forms, §6.3.40.
  return layout === SMMU_GATOS_PAR && (lo & 1) === 1 ? SMMU_GATOS_PAR_FAULT : layout;
}
