/** The same things as a list: a row for each, set in by its depth. Enter folds and unfolds. */
import { useState } from "react";
import type { JournalEntry } from "../../protocol/journal.ts";
import { Hex } from "../common/Hex.tsx";
import { VirtualList } from "../common/VirtualList.tsx";
import type { JournalSpans } from "../geometry/journal_spans.ts";
import { deedText } from "./deed_text.ts";
import { valueText } from "./entry_text.ts";

interface JournalListProps {
  readonly entries: readonly JournalEntry[];
  readonly spans: JournalSpans;
  /** Fold an entry's effects, or unfold them. */
  readonly onFold: (id: number) => void;
}

export function JournalList({ entries, spans: { spans }, onFold }: JournalListProps) {
  const [chosen, setChosen] = useState(-1);
  const depths: number[] = [];
  for (const { cause } of spans) depths.push(cause < 0 ? 0 : depths[cause]! + 1);
  return (
    <VirtualList
      label="What happened in this step"
      count={spans.length}
      chosen={chosen}
      reveal={entries}
      columns="52px minmax(0, 1fr) 96px 150px"
      onChoose={(row) => {
        setChosen(row);
        const span = spans[row];
        if (span !== undefined && span.below > 0) onFold(entries[span.entry]!.id);
      }}
      row={(row) => {
        const span = spans[row];
        const entry = entries[span?.entry ?? -1];
        if (span === undefined || entry === undefined) return null;
        const value = valueText(entry);
        const mark = span.below === 0 ? "" : spans[row + 1]?.cause === row ? "▾" : "▸";
        return (
          <>
            <span className="nw-3">{entry.actor}</span>
            <span className="nw-ellipsis" style={{ paddingLeft: Math.min(depths[row] ?? 0, 12) * 14 }}>
              <span className="journal-fold">{mark}</span>
              {deedText(entry.deed)} <span className="nw-2">{entry.about}</span>
              {mark === "▸" && <span className="nw-3"> and {span.below} more</span>}
            </span>
            <span className="nw-mono journal-number">{entry.at >= 0 && <Hex value={entry.at} />}</span>
            <span className="nw-mono journal-number">{value !== null && <Hex value={BigInt(value)} />}</span>
          </>
        );
      }}
    />
  );
}
