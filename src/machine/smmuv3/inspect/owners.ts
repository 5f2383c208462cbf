/** What an SMMUv3 and its streams keep in memory. */

import { CD, L1CD } from "../../../arch/smmuv3/cd.ts";
import { L1STD, STE } from "../../../arch/smmuv3/ste.ts";
import { VMS } from "../../../arch/smmuv3/vms.ts";
import { fromHalves, highHalf, lowHalf } from "../../../base/address.ts";
import { join } from "../../../base/halves.ts";
import { MemoryStatus } from "../../../engine/memory/physical_memory.ts";
import { level2Array, readStreamTable } from "../../../engine/smmuv3/stream_table.ts";
import type { OwnerRow } from "../../../protocol/inspection.ts";
import { TraceKind } from "../../../protocol/trace.ts";
import { type OwnerParts, structureOwners } from "../../inspect/owners.ts";
import type { SmmuUnit } from "../smmu_unit.ts";
import { inspectWalk } from "./walk.ts";

/** Most descriptors of a two-level stream table that are followed. */
const MAX_L1STDS = 1 << 12;

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
    const at = fromHalves(table.baseHi, table.baseLo) + i * (L1STD.bits / 8);
    const status = memory.read64(highHalf(at), lowHalf(at));
    if (status !== MemoryStatus.Ok) continue;
    [words[0], words[1]] = [memory.lo, memory.hi];
    const span = L1STD.f.Span.get(words, 0);
    if (span === 0 || span > 11) continue;
    const array = join(...level2Array(words, 0));
    yield { ...row, from: array, to: array + BigInt((2 ** (span - 1) * STE.bits) / 8), owner: "Level-2 stream table" };
  }
}

/** The context descriptors a context is reached through. */
function contextOwners(unit: SmmuUnit, sid: number, ssid: number | null): Iterable<OwnerRow> {
  const access = { sid, ssid, iova: 0n, write: false, privileged: false, instruction: false };
  return structureOwners(inspectWalk(unit, access, 0).trace, sid, (kind, from) => {
    if (kind === TraceKind.VMS) return { from, bytes: VMS.bits / 8, owner: "Virtual machine structure" };
    if (kind === TraceKind.CD) return { from, bytes: CD.bits / 8, owner: "Context descriptor" };
    return kind === TraceKind.L1CD ? { from, bytes: L1CD.bits / 8, owner: "Level-1 context descriptor" } : null;
  });
}

export const SMMU_OWNERS: OwnerParts<SmmuUnit> = {
  shared: streamTable,
  context: contextOwners,
  tables: ["Stage 1 tables", "Stage 2 tables"],
};
