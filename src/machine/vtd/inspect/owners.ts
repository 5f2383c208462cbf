/** What a VT-d unit and its requesters keep in memory. */
import type { OwnerRow } from "../../../protocol/inspection.ts";
import { TRACE, TRACE_WORDS, TraceKind, traceAddress } from "../../../protocol/trace.ts";
import { join } from "../../halves.ts";
import { tableOwners } from "../../inspect/owners.ts";
import type { VtdUnit } from "../vtd_unit.ts";
import { vtdQueues } from "./queues.ts";
import { listStreams } from "./streams.ts";
import { stageSource } from "./tables.ts";
import { inspectWalk } from "./walk.ts";

/** Most requesters that are followed. */
const MAX_REQUESTERS = 256;
const PAGE = 4096n;

/** Tables of structures, by the kind of the structure that was read from them. */
const TABLES: Readonly<Record<number, string>> = {
  [TraceKind.ContextEntry]: "Context table",
  [TraceKind.PasidDirectoryEntry]: "PASID directory",
  [TraceKind.PasidEntry]: "PASID table",
};

/** Ranges of memory with what they are for; what requesters share is named once. */
export function* listOwners(unit: VtdUnit): Generator<OwnerRow> {
  const { state } = unit.remapper;
  const root = join(state.rootHi, state.rootLo);
  yield { from: root, to: root + PAGE, owner: "Root table", group: "configuration", sid: null };
  for (const { row } of vtdQueues(unit)) {
    const bytes = BigInt(row.entries * row.entryBytes);
    if (row.base !== 0n) yield { from: row.base, to: row.base + bytes, owner: row.title, group: "queue", sid: null };
  }
  const seen = new Set<string>();
  for (const { sid, ssids } of listStreams(unit, [], new Map()).slice(0, MAX_REQUESTERS)) {
    for (const pasid of [null, ...ssids]) {
      for (const row of contextOwners(unit, sid, pasid)) {
        const key = `${row.owner} ${row.from} ${row.to}`;
        if (!seen.has(key)) yield row;
        seen.add(key);
      }
    }
  }
}

/** The tables a requester and its PASID are reached through, by the page, and those of its stages. */
function* contextOwners(unit: VtdUnit, sid: number, pasid: number | null): Generator<OwnerRow> {
  const access = { sid, ssid: pasid, iova: 0n, write: false, privileged: false, instruction: false };
  const { trace } = inspectWalk(unit, access, 0);
  for (let record = 0; record * TRACE_WORDS < trace.length; record++) {
    const at = record * TRACE_WORDS;
    const owner = TABLES[TRACE.f.kind.get(trace, at)];
    if (TRACE.f.access.get(trace, at) === 0 || owner === undefined) continue;
    const pa = traceAddress("pa", trace, record);
    const from = pa - (pa % PAGE);
    yield { from, to: from + PAGE, owner, group: "configuration", sid };
  }
  yield* tableOwners(stageSource(unit, sid, pasid, 1), "First-stage tables", sid);
  yield* tableOwners(stageSource(unit, sid, pasid, 2), "Second-stage tables", sid);
}
