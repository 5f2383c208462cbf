/** Overlaps as lines of a list: one for each address that is known to lead to a range. */
import type { Access } from "../../protocol/machine.ts";
import type { OverlapAnswer, OverlapReach, OverlapRow } from "../../protocol/overlaps.ts";

export interface OverlapLine {
  /** Index of the range. */
  readonly row: number;
  /** It is the first line of its range. */
  readonly first: boolean;
  readonly reach: OverlapReach;
  readonly input: bigint;
  /** Ways with the same rights that are not listed, after the last of those that are; 0 elsewhere. */
  readonly more: number;
}

export function overlapLines(rows: readonly OverlapRow[]): OverlapLine[] {
  return rows.flatMap(({ reaches }, row) =>
    reaches.flatMap((reach, n) =>
      reach.inputs.map((input, i): OverlapLine => {
        const last = i === reach.inputs.length - 1;
        return { row, first: n === 0 && i === 0, reach, input, more: last ? reach.count - reach.inputs.length : 0 };
      }),
    ),
  );
}

/** The access that shows a line: a read where reads may pass, else what may. */
export function lineAccess({ contexts }: OverlapAnswer, { reach, input }: OverlapLine): Access {
  const { sid, ssid } = contexts[reach.context]!;
  const read = (reach.permissions & 1) !== 0;
  const write = !read && (reach.permissions & 2) !== 0;
  return { sid, ssid, iova: input, write, privileged: false, instruction: !read && !write };
}

/** The line that shows an access, -1 for none. */
export function lineOf(answer: OverlapAnswer, lines: readonly OverlapLine[], access: Access | null): number {
  if (access === null) return -1;
  const context = answer.contexts.findIndex(({ sid, ssid }) => sid === access.sid && ssid === access.ssid);
  return lines.findIndex(({ row, reach, input }) => {
    const { from, to } = answer.rows[row]!;
    return reach.context === context && access.iova >= input && access.iova < input + (to - from);
  });
}
