/** What an AMD IOMMU and its requesters keep in memory. */
import { DTE, DTE_BYTES } from "../../../arch/amdvi/dte.ts";
import { IRTE, IRTE_128 } from "../../../arch/amdvi/irte.ts";
import type { OwnerRow } from "../../../protocol/inspection.ts";
import { TRACE, TRACE_WORDS, TraceKind, traceAddress } from "../../../protocol/trace.ts";
import { join } from "../../halves.ts";
import { tableOwners } from "../../inspect/owners.ts";
import type { AmdviUnit } from "../amdvi_unit.ts";
import { contextOf } from "./context.ts";
import { amdQueues } from "./queues.ts";
import { listStreams } from "./streams.ts";
import { stageSource } from "./tables.ts";
import { inspectWalk } from "./walk.ts";

/** Most requesters that are followed. */
const MAX_REQUESTERS = 256;
const PAGE = 4096n;

/** Ranges of memory with what they are for; what requesters share is named once. */
export function* listOwners(unit: AmdviUnit): Generator<OwnerRow> {
  yield* deviceTables(unit);
  for (const { row } of amdQueues(unit)) {
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
  const { trace } = inspectWalk(unit, access, 0);
  for (let record = 0; record * TRACE_WORDS < trace.length; record++) {
    const at = record * TRACE_WORDS;
    if (TRACE.f.access.get(trace, at) === 0 || TRACE.f.kind.get(trace, at) !== TraceKind.GCR3) continue;
    const pa = traceAddress("pa", trace, record);
    const from = pa - (pa % PAGE);
    yield { from, to: from + PAGE, owner: "Guest CR3 table", group: "configuration", sid };
  }
  yield* tableOwners(stageSource(unit, sid, pasid, 1), "Guest tables", sid);
  yield* tableOwners(stageSource(unit, sid, pasid, 2), "Host tables", sid);
}
