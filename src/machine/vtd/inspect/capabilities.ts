/** What a session's VT-d unit offers, and what the session asks for that the model leaves out, in words. */
import { CAP, ECAP } from "../../../arch/vtd/capability_registers.ts";
import type { FieldAccess, Layout } from "../../../base/layout.ts";
import type { SessionSummary } from "../../../protocol/engine.ts";
import type { VtdUnit } from "../vtd_unit.ts";

/** Fields of the capability registers worth a line. */
const SHOWN: readonly (readonly [register: Layout, fields: readonly string[]])[] = [
  [CAP, ["ND", "SAGAW", "MGAW", "SSLPS", "FS1GP", "FS5LP", "CM", "NFR", "ZLR", "PSI"]],
  [ECAP, ["SMTS", "FSTS", "SSTS", "NEST", "PT", "PASID", "PSS", "RPS", "SSADS", "EAFS", "ERS", "SRS"]],
  [ECAP, ["SC", "DT", "PRS", "QI", "IR", "EIM", "ADMS"]],
];

/** Capabilities as rows: field, what its code means, and the register it comes from. */
export function capabilityRows({ control }: VtdUnit): SessionSummary["capabilities"] {
  const { registers } = control;
  return SHOWN.flatMap(([layout, fields]) =>
    fields.map((name) => {
      const code = (layout.f as Readonly<Record<string, FieldAccess>>)[name]!.get(
        registers.words,
        registers.at(layout.name),
      );
      const declared = layout.fields.find((d) => d.name === name);
      return { name, value: declared?.values?.[code] ?? String(code), from: layout.name };
    }),
  );
}

/** Sentences for the status line: what this session may ask for and the model does not do. */
export function notModelled({ control }: VtdUnit): string[] {
  const { registers } = control;
  const said = [
    "Memory types: what EMT, PAT, PWT and PCD make of an access.",
    "Performance monitoring (PERFINTRSTS and its like).",
    "Interrupt controllers: what becomes of a remapped interrupt, or of a notification.",
  ];
  if (registers.get("ECAP", "DT") === 1) said.push("Invalidation completions that nobody asked for (FSTS.ICE).");
  if (registers.get("CAP", "ECMDS") === 1) said.push("Enhanced commands: each is answered as one that is not offered.");
  if (registers.get("CAP", "AFL") === 1) said.push("Advanced fault logging (CAP.AFL).");
  return said;
}
