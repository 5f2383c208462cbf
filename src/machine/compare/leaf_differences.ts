/** What two lists of mapped ranges do not have in common. Ranges that follow on each other and differ alike are one. */
import { join } from "../../base/halves.ts";
import { type DifferenceRow, MAX_DIFFERENCES } from "../../protocol/comparison.ts";
import { type LeafColumns, LeafStatus } from "../../protocol/engine.ts";
import type { Access } from "../../protocol/machine.ts";
import { type Context, rightsText } from "./items.ts";

interface LeafDifferences {
  readonly alike: number;
  readonly differing: number;
  readonly rows: readonly DifferenceRow[];
}

/** A leaf on a side: where it leads and what it allows. */
interface Leaf {
  readonly iova: bigint;
  readonly sizeLg2: number;
  readonly status: number;
  readonly permissions: number;
  readonly reason: number;
  readonly pa: bigint;
}

/** A run of leaves that differ in the same way. */
interface Run {
  readonly left: Leaf | null;
  readonly right: Leaf | null;
  readonly from: bigint;
  to: bigint;
  leaves: number;
}

function leafAt(columns: LeafColumns, i: number): Leaf | null {
  if (i >= columns.count) return null;
  return {
    iova: join(columns.iovaHi[i]!, columns.iovaLo[i]!),
    sizeLg2: columns.sizeLg2[i]!,
    status: columns.status[i]!,
    permissions: columns.permissions[i]!,
    reason: columns.reason[i]!,
    pa: join(columns.paHi[i]!, columns.paLo[i]!),
  };
}

/** Whether what stands at the first leaf's address plus `offset` goes on as it began. */
function follows(first: Leaf | null, next: Leaf | null, offset: bigint): boolean {
  if (first === null || next === null) return first === next;
  if (first.status !== next.status || first.permissions !== next.permissions || first.sizeLg2 !== next.sizeLg2)
    return false;
  return first.status === LeafStatus.Ok ? next.pa === first.pa + offset : next.reason === first.reason;
}

/** Put a difference to the run before it, or begin a run while there is room for one. */
function addTo(runs: Run[], left: Leaf | null, right: Leaf | null): void {
  const { iova: from, sizeLg2 } = (left ?? right)!;
  const to = from + (1n << BigInt(Math.max(sizeLg2, right?.sizeLg2 ?? 0)));
  const last = runs.at(-1);
  const offset = last === undefined ? 0n : from - last.from;
  if (last?.to === from && follows(last.left, left, offset) && follows(last.right, right, offset)) {
    last.to = to;
    last.leaves++;
  } else if (runs.length < MAX_DIFFERENCES) runs.push({ left, right, from, to, leaves: 1 });
}

/** What a reason comes to, by its index in an architecture's list. */
export type ReasonText = (reason: number) => string;

/**
 * Compare by rising address.
 * @param reasonTexts of the left and of the right side
 */
export function leafDifferences(
  left: LeafColumns,
  right: LeafColumns,
  { sid, ssid }: Context,
  name: string,
  reasonTexts: readonly [ReasonText, ReasonText],
): LeafDifferences {
  const runs: Run[] = [];
  let [same, differing] = [0, 0];
  for (let i = 0, j = 0; ; ) {
    const [one, other] = [leafAt(left, i), leafAt(right, j)];
    if (one === null && other === null) break;
    // Of two that begin at different addresses, the lower comes first and stands alone.
    const a = one !== null && (other === null || one.iova <= other.iova) ? one : null;
    const b = other !== null && (one === null || other.iova <= one.iova) ? other : null;
    if (a !== null) i++;
    if (b !== null) j++;
    if (a !== null && b !== null && follows(a, b, 0n)) same++;
    else {
      differing++;
      addTo(runs, a, b);
    }
  }
  const rows = runs.map((run): DifferenceRow => {
    const access: Access = { sid, ssid, iova: run.from, write: false, privileged: false, instruction: false };
    const [left, right] = [leafText(run.left, reasonTexts[0]), leafText(run.right, reasonTexts[1])];
    return { what: `${name}, ${rangeText(run)}`, left, right, fields: [], access };
  });
  return { alike: same, differing, rows };
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

const rangeText = ({ from, to, leaves }: Run): string =>
  `${hex(from)} to ${hex(to - 1n)}${leaves === 1 ? "" : `, ${leaves} leaves`}`;

function leafText(leaf: Leaf | null, reasonText: ReasonText): string | null {
  if (leaf === null) return null;
  const { status, pa, permissions, sizeLg2, reason } = leaf;
  if (status === LeafStatus.Ok) return `to ${hex(pa)} ${rightsText(permissions)} in leaves of 2^${sizeLg2} bytes`;
  return status === LeafStatus.Unknown ? "leads to memory that the session lacks" : reasonText(reason);
}
