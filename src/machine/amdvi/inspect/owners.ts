/** What an AMD IOMMU and its requesters keep in memory. */
import { DTE, DTE_BYTES } from "../../../arch/amdvi/dte.ts";
import { IRTE, IRTE_128 } from "../../../arch/amdvi/irte.ts";
import { join } from "../../../base/halves.ts";
import type { OwnerRow } from "../../../protocol/inspection.ts";
import { TraceKind } from "../../../protocol/trace.ts";
import { type OwnerParts, structureOwners } from "../../inspect/owners.ts";
import type { AmdviUnit } from "../amdvi_unit.ts";
import { contextOf } from "./context.ts";
import { inspectWalk } from "./walk.ts";

const PAGE = 4096n;

/** The segments of the device table. */
function* deviceTables({ translator: { controls } }: AmdviUnit): Generator<OwnerRow> {
  const segments = 1 << controls.segmentsLg2;
  for (let i = 0; i < segments; i++) {
    const from = join(controls.segmentHi[i]!, controls.segmentLo[i]!);
    const entries = Math.min(controls.segmentEntries[i]!, 65536 / segments);
    const owner = segments === 1 ? "Device table" : `Device table, segment ${i}`;
    yield { from, to: from + BigInt(entries * DTE_BYTES), owner, group: "configuration", sid: null };
  }
}

/** The tables that a requester's interrupts and, with its PASID, its requests are reached through. */
function* contextOwners(unit: AmdviUnit, sid: number, pasid: number | null): Generator<OwnerRow> {
  const { dte } = contextOf(unit, sid, pasid).config;
  if (DTE.f.IV.get(dte, 0) === 1) {
    const root = DTE.f.InterruptTableRootPtr;
    const from = join(root.addressHi(dte, 0), root.addressLo(dte, 0));
    const bytes = (unit.translator.controls.gaEn ? IRTE_128 : IRTE).bits / 8;
    const to = from + BigInt(bytes * 2 ** DTE.f.IntTabLen.get(dte, 0));
    yield { from, to, owner: "Interrupt remapping table", group: "configuration", sid };
  }
  const access = { sid, ssid: pasid, iova: 0n, write: false, privileged: false, instruction: false };
  yield* structureOwners(inspectWalk(unit, access, 0).trace, sid, (kind, pa) =>
    kind === TraceKind.GCR3 ? { from: pa - (pa % PAGE), bytes: Number(PAGE), owner: "Guest CR3 table" } : null,
  );
}

export const AMDVI_OWNERS: OwnerParts<AmdviUnit> = {
  shared: deviceTables,
  context: contextOwners,
  tables: ["Guest tables", "Host tables"],
};
