/** What a session's IOMMU offers, and what the session asks for that the model leaves out, in words. */
import { EFR, EFR2 } from "../../../arch/amdvi/feature_registers.ts";
import { high, low } from "../../../base/halves.ts";
import type { FieldAccess, Layout } from "../../../base/layout.ts";
import type { SessionSummary } from "../../../protocol/engine.ts";
import type { AmdviUnit } from "../amdvi_unit.ts";

/** Fields of feature registers worth a line. */
const SHOWN: readonly (readonly [register: string, layout: Layout, fields: readonly string[]])[] = [
  [
    "EFR",
    EFR,
    ["HATS", "GTSup", "GATS", "GLXSup", "PASmax", "NXSup", "USSup", "GIoSup", "HASup", "HDSup", "PPRSup", "XTSup"],
  ],
  ["EFR", EFR, ["GASup", "IASup", "DevTblSegSup", "vIommuSup", "SNPSup"]],
  ["EFR2", EFR2, ["GCR3TRPModeSup", "HtRangeIgnore"]],
];

/** Words of a register that the unit may not have. */
function wordsOf(unit: AmdviUnit, name: string): Uint32Array {
  const place = unit.register(name);
  const value = place === null ? 0n : unit.read(place.offset, place.width);
  return Uint32Array.of(low(value), high(value));
}

/** Capabilities as rows: field, what its code means, and the register it comes from. */
export function capabilityRows(unit: AmdviUnit): SessionSummary["capabilities"] {
  return SHOWN.flatMap(([register, layout, fields]) => {
    const words = wordsOf(unit, register);
    return fields.map((field) => {
      const code = (layout.f as Readonly<Record<string, FieldAccess>>)[field]!.get(words, 0);
      const declared = layout.fields.find((d) => d.name === field);
      return { name: field, value: declared?.values?.[code] ?? String(code), from: register };
    });
  });
}

/** What the model leaves out of features, by the field of EFR that offers them. */
const LEFT_OUT: readonly (readonly [field: keyof typeof EFR.f, what: string])[] = [
  ["SNPSup", "Secure nested paging: the reverse map table"],
  ["MarcSup", "Memory access routing and control apertures"],
  ["SmiFSup", "SMI filters"],
  ["PCSup", "Performance counters: EVENT_COUNTER_ZERO comes where a transaction asks for it"],
  ["PerfOptSup", "What PERF_OPT does"],
  ["GAMSup", "The guest virtual APIC log, and interrupts posted to guests: they are told apart, and end there"],
  [
    "vIommuSup",
    "Of virtualized IOMMUs: interrupts to guests, INSERT_GUEST_EVENT, the dirty status of buffers, second logs, " +
      "VIOMMU_STATUS, guests from GuestID 256 on",
  ],
];

/** Sentences for the status line: what this session may ask for and the model does not do. */
export function notModelled(unit: AmdviUnit): string[] {
  const efr = wordsOf(unit, "EFR");
  const offered = LEFT_OUT.filter(([field]) => EFR.f[field].get(efr, 0) !== 0);
  return [
    "Memory attributes besides No Snoop, FC and Mode0FC: SD, SnoopAttribute, the U bit of host entries.",
    ...offered.map(([field, what]) => `${what} (EFR.${field}).`),
  ];
}
