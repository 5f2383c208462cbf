/** What an SMMUv3 and its streams keep in memory. */
import { CD, L1CD } from "../../../arch/smmuv3/cd.ts";
import { L1STD, STE } from "../../../arch/smmuv3/ste.ts";
import { MemoryStatus } from "../../../engine/memory/physical_memory.ts";
import { level2Array, readStreamTable } from "../../../engine/smmuv3/stream_table.ts";
import type { OwnerRow } from "../../../protocol/inspection.ts";
import { TRACE, TRACE_WORDS, TraceKind, traceAddress } from "../../../protocol/trace.ts";
import { join } from "../../halves.ts";
import { tableOwners } from "../../inspect/owners.ts";
import type { SmmuUnit } from "../smmu_unit.ts";
import { smmuQueues } from "./queues.ts";
import { listStreams } from "./streams.ts";
import { stageSource } from "./tables.ts";
import { inspectWalk } from "./walk.ts";

/** Most descriptors of a two-level stream table that are followed, and most streams. */
const MAX_L1STDS = 1 << 12;
const MAX_STREAMS = 256;

/** Ranges of memory with what they are for; tables of a stage that streams share are named once. */
export function* listOwners(unit: SmmuUnit): Generator<OwnerRow> {
  yield* streamTable(unit);
  for (const { row } of smmuQueues(unit)) {
    const bytes = BigInt(row.entries * row.entryBytes);
    if (row.base !== 0n) yield { from: row.base, to: row.base + bytes, owner: row.title, group: "queue", sid: null };
  }
  const seen = new Set<string>();
  for (const { sid, ssids } of listStreams(unit, [], new Map()).slice(0, MAX_STREAMS)) {
    for (const ssid of [null, ...ssids]) {
      for (const row of contextOwners(unit, sid, ssid)) {
        const key = `${row.owner} ${row.from} ${row.to}`;
        if (!seen.has(key)) yield row;
        seen.add(key);
      }
    }
  }
}

function* streamTable({ smmu, memory }: SmmuUnit): Generator<OwnerRow> {
  const table = readStreamTable(smmu.registers, smmu.caps);
  const from = join(table.baseHi, table.baseLo);
  const row = { group: "configuration", sid: null } as const;
  if (table.split === null) {
    yield { ...row, from, to: from + BigInt((2 ** table.log2Size * STE.bits) / 8), owner: "Stream table" };
    return;
  }
  const count = 2 ** Math.max(0, table.log2Size - table.split);
  yield { ...row, from, to: from + BigInt((count * L1STD.bits) / 8), owner: "Level-1 stream table" };
  const words = new Uint32Array(2);
  for (let i = 0; i < Math.min(count, MAX_L1STDS); i++) {
    const at = table.baseHi * 0x1_0000_0000 + table.baseLo + i * (L1STD.bits / 8);
    const status = memory.read64(Math.floor(at / 0x1_0000_0000), (at % 0x1_0000_0000) >>> 0);
    if (status !== MemoryStatus.Ok) continue;
    [words[0], words[1]] = [memory.lo, memory.hi];
    const span = L1STD.f.Span.get(words, 0);
    if (span === 0 || span > 11) continue;
    const array = join(...level2Array(words, 0));
    yield { ...row, from: array, to: array + BigInt((2 ** (span - 1) * STE.bits) / 8), owner: "Level-2 stream table" };
  }
}

/** The configuration a context is reached through, and the tables of its stages. */
function* contextOwners(unit: SmmuUnit, sid: number, ssid: number | null): Generator<OwnerRow> {
  const access = { sid, ssid, iova: 0n, write: false, privileged: false, instruction: false };
  const { trace } = inspectWalk(unit, access, 0);
  for (let record = 0; record * TRACE_WORDS < trace.length; record++) {
    const at = record * TRACE_WORDS;
    const kind = TRACE.f.kind.get(trace, at);
    if (TRACE.f.access.get(trace, at) === 0 || (kind !== TraceKind.L1CD && kind !== TraceKind.CD)) continue;
    const from = traceAddress("pa", trace, record);
    const [layout, owner] = kind === TraceKind.CD ? [CD, "Context descriptor"] : [L1CD, "Level-1 context descriptor"];
    yield { from, to: from + BigInt(layout.bits / 8), owner, group: "configuration", sid };
  }
  for (const stage of [1, 2] as const) {
    yield* tableOwners(stageSource(unit, sid, ssid, stage), `Stage ${stage} tables`, sid);
  }
}
