/** Ranges worth going to: what is known of their use, and what the session holds besides. */
import { useMemo } from "react";
import type { ExtentRow, OwnerRow } from "../../protocol/inspection.ts";
import { bytesText } from "../common/bytes_text.ts";
import { Hex } from "../common/Hex.tsx";
import { VirtualList } from "../common/VirtualList.tsx";

interface RangeListProps {
  readonly owners: readonly OwnerRow[];
  readonly extents: readonly ExtentRow[];
  readonly cursor: bigint;
  readonly onChoose: (at: bigint) => void;
}

interface Listed {
  readonly from: bigint;
  readonly to: bigint;
  readonly name: string;
  readonly group: OwnerRow["group"] | "held";
}

export function RangeList({ owners, extents, cursor, onChoose }: RangeListProps) {
  const rows = useMemo(() => {
    const used = owners.map(({ from, to, owner, group, sid }): Listed => {
      const name = sid === null ? owner : `${owner} 0x${sid.toString(16)}`;
      return { from, to, name, group };
    });
    // Where a use begins, that is what stands there.
    const plain = extents.filter((e) => !owners.some((o) => o.from <= e.from && e.from < o.to));
    const held = plain.map(({ from, to }): Listed => ({ from, to, name: "use not known", group: "held" }));
    return [...used, ...held].sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : b.to > a.to ? 1 : -1));
  }, [owners, extents]);
  const at = rows.findLastIndex((r) => r.from <= cursor && cursor < r.to);
  return (
    <div className="memory-ranges">
      <VirtualList
        label="Ranges of memory"
        count={rows.length}
        chosen={at}
        reveal={at}
        columns="10px auto minmax(0, 1fr) auto"
        onChoose={(row) => {
          const range = rows[row];
          if (range !== undefined) onChoose(range.from);
        }}
        row={(row) => {
          const range = rows[row];
          return range === undefined ? null : (
            <>
              <span className="memory-swatch" data-group={range.group} />
              <Hex value={range.from} />
              <span className={`nw-ellipsis ${range.group === "held" ? "nw-3" : ""}`}>{range.name}</span>
              <span className="nw-3 nw-small memory-size">{bytesText(Number(range.to - range.from))}</span>
            </>
          );
        }}
      />
    </div>
  );
}
