/** What a list of mapped leaves gives a device to work over. */
import { type LeafColumns, LeafStatus } from "../../protocol/engine.ts";
import { READ, WRITE } from "./ground.ts";
import type { Run } from "./mapped_ground.ts";

/** Runs that a device is given; there is no use in more. */
const MOST_RUNS = 4096;

/** Leaves that a device can read or write, those in a row with the same permissions as one run. */
export function runsOf(leaves: LeafColumns): Run[] {
  const runs: Run[] = [];
  for (let row = 0; row < leaves.count && runs.length < MOST_RUNS; row++) {
    const permissions = leaves.permissions[row]! & (READ | WRITE);
    if (leaves.status[row] !== LeafStatus.Ok || permissions === 0) continue;
    const iova = (BigInt(leaves.iovaHi[row]!) << 32n) | BigInt(leaves.iovaLo[row]!);
    const bytes = 2 ** leaves.sizeLg2[row]!;
    const last = runs.at(-1);
    const joins = last !== undefined && last.iova + BigInt(last.bytes) === iova && last.permissions === permissions;
    if (joins) runs[runs.length - 1] = { ...last, bytes: last.bytes + bytes };
    else runs.push({ iova, bytes, permissions });
  }
  return runs;
}
