/** What a VT-d unit and its requesters keep in memory. */

import { join } from "../../../base/halves.ts";
import type { OwnerRow } from "../../../protocol/inspection.ts";
import { TraceKind } from "../../../protocol/trace.ts";
import { type OwnerParts, structureOwners } from "../../inspect/owners.ts";
import type { VtdUnit } from "../vtd_unit.ts";
import { inspectWalk } from "./walk.ts";

const PAGE = 4096n;

/** Tables of structures, by the kind of the structure that was read from them. */
const TABLES: Readonly<Record<number, string>> = {
  [TraceKind.ContextEntry]: "Context table",
  [TraceKind.PasidDirectoryEntry]: "PASID directory",
  [TraceKind.PasidEntry]: "PASID table",
};

function* rootTable({ remapper: { state } }: VtdUnit): Generator<OwnerRow> {
  const from = join(state.rootHi, state.rootLo);
  yield { from, to: from + PAGE, owner: "Root table", group: "configuration", sid: null };
}

/** The tables a requester and its PASID are reached through, by the page. */
function contextOwners(unit: VtdUnit, sid: number, pasid: number | null): Iterable<OwnerRow> {
  const access = { sid, ssid: pasid, iova: 0n, write: false, privileged: false, instruction: false };
  return structureOwners(inspectWalk(unit, access, 0).trace, sid, (kind, pa) => {
    const owner = TABLES[kind];
    return owner === undefined ? null : { from: pa - (pa % PAGE), bytes: Number(PAGE), owner };
  });
}

export const VTD_OWNERS: OwnerParts<VtdUnit> = {
  shared: rootTable,
  context: contextOwners,
  tables: ["First-stage tables", "Second-stage tables"],
};
