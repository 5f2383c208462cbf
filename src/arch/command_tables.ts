/** The commands of every architecture in one shape: for whoever types one, and whoever puts it into words. */
import type { Layout } from "../base/layout.ts";
import { COMMANDS as AMD_COMMANDS } from "./amdvi/commands.ts";
import { COMMANDS as SMMU_COMMANDS } from "./smmuv3/commands.ts";
import { DESCRIPTORS } from "./vtd/commands.ts";

/** A command that software may send. */
export interface CommandFacts {
  /** As the specification spells it. */
  readonly name: string;
  readonly section: string;
  /** One plain sentence. */
  readonly about: string;
  /** The longest form of the command; where a queue's entries are shorter, the rest is reserved. */
  readonly layout: Layout;
  /** Fields that make it this command. */
  readonly fixed: Readonly<Record<string, number>>;
  /** A field by which software says that only leaf entries need go, and the value that has all entries go. */
  readonly leafOnly: { readonly field: string; readonly all: number } | null;
}

const LEAF_ONLY = [
  { field: "Leaf", all: 0 },
  { field: "IH", all: 0 },
  { field: "PDE", all: 1 },
] as const;

const leafOnly = ({ f }: Layout): CommandFacts["leafOnly"] =>
  LEAF_ONLY.find(({ field }) => Object.hasOwn(f, field)) ?? null;

/** Commands of an architecture, in order of their codes. */
export const COMMAND_TABLES: Readonly<Record<"smmuv3" | "vtd" | "amdvi", readonly CommandFacts[]>> = {
  smmuv3: SMMU_COMMANDS.map(({ opcode, ...command }) => ({
    ...command,
    fixed: { Opcode: opcode },
    leafOnly: leafOnly(command.layout),
  })),
  vtd: DESCRIPTORS.map(({ name, section, about, layout, type }) => ({
    name,
    section,
    about,
    layout,
    fixed: { Type: type & 0xf, TypeHi: type >>> 4 },
    leafOnly: leafOnly(layout),
  })),
  amdvi: AMD_COMMANDS.map(({ opcode, ...command }) => ({
    ...command,
    fixed: { Opcode: opcode },
    leafOnly: leafOnly(command.layout),
  })),
};
