/**
 * A list of any length of which only the rows in view exist. One tab stop: arrows, Page Up and Down, Home and End move
 * the active row, Enter chooses it.
 */
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";

interface VirtualListProps {
  /** Name for readers of the screen. */
  readonly label: string;
  readonly count: number;
  /** Row that is chosen, -1 for none. It is brought into view when `reveal` changes and it is not there. */
  readonly chosen: number;
  readonly reveal: unknown;
  /** Row to bring into view while none is chosen. */
  readonly near?: number;
  readonly onChoose: (row: number) => void;
  /** The pointer is over a row, or over none. */
  readonly onHover?: (row: number | null) => void;
  /** Content of a row. */
  readonly row: (row: number) => ReactNode;
  /** CSS grid columns of a row. */
  readonly columns: string;
  /** Height of a row in px. */
  readonly height?: number;
}

const ROW_PX = 22;
/** Rows drawn beyond each edge of the view, so that a fast scroll shows no gap. */
const SPARE = 12;
const MOVES: Readonly<Record<string, (at: number, page: number, last: number) => number>> = {
  ArrowDown: (at) => at + 1,
  ArrowUp: (at) => at - 1,
  PageDown: (at, page) => at + page,
  PageUp: (at, page) => at - page,
  Home: () => 0,
  End: (_at, _page, last) => last,
};

export function VirtualList(props: VirtualListProps) {
  const { label, count, chosen, reveal, near = -1, onChoose, onHover, row, columns, height = ROW_PX } = props;
  const box = useRef<HTMLDivElement>(null);
  const id = useId();
  const [moved, setMoved] = useState<Moved | null>(null);
  const rows = useVirtualizer({
    count,
    getScrollElement: () => box.current,
    estimateSize: () => height,
    overscan: SPARE,
  });
  const kept = moved !== null && moved.chosen === chosen && moved.reveal === reveal;
  const active = Math.min(kept ? moved.row : Math.max(chosen, 0), count - 1);
  const laidOut = (rows.scrollRect?.height ?? 0) > 0;

  // biome-ignore lint/correctness/useExhaustiveDependencies: `reveal` says when to look again.
  useEffect(() => {
    const target = chosen >= 0 ? chosen : near;
    const { startIndex = 0, endIndex = -1 } = rows.range ?? {};
    if (laidOut && target >= 0 && (target < startIndex || target > endIndex)) {
      // To the middle, by whole rows: the first in view is not cut.
      const above = Math.floor((rows.scrollRect?.height ?? 0) / height / 2);
      rows.scrollToOffset(Math.max(0, target - above) * height);
    }
  }, [rows, chosen, near, reveal, laidOut, height]);

  function onKeyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const move = MOVES[event.key];
    if (move !== undefined) {
      const page = Math.max(1, Math.floor((rows.scrollRect?.height ?? height) / height) - 1);
      const to = Math.max(0, Math.min(count - 1, move(active, page, count - 1)));
      setMoved({ row: to, chosen, reveal });
      rows.scrollToIndex(to, { align: "auto" });
    } else if (event.key === "Enter" || event.key === " ") onChoose(active);
    else return;
    event.preventDefault();
  }

  const items = rows.getVirtualItems();
  return (
    <div
      ref={box}
      className="nw-list"
      role="listbox"
      aria-label={label}
      // A row out of view is no element that could be named.
      aria-activedescendant={items.some(({ index }) => index === active) ? `${id}-${active}` : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onPointerLeave={() => onHover?.(null)}
    >
      <div style={{ height: rows.getTotalSize() }} role="presentation">
        {items.map(({ index, start }) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the list handles keys; rows are reached by aria-activedescendant.
          // biome-ignore lint/a11y/useFocusableInteractive: focus stays on the list.
          <div
            key={index}
            id={`${id}-${index}`}
            className="nw-row"
            role="option"
            aria-selected={index === chosen}
            aria-setsize={count}
            aria-posinset={index + 1}
            data-active={index === active}
            style={{ height, transform: `translateY(${start}px)`, gridTemplateColumns: columns }}
            onPointerEnter={() => onHover?.(index)}
            onClick={() => {
              setMoved({ row: index, chosen, reveal });
              onChoose(index);
            }}
          >
            {row(index)}
          </div>
        ))}
      </div>
    </div>
  );
}

/** Where keys have moved to since a row was chosen. */
interface Moved {
  readonly row: number;
  readonly chosen: number;
  readonly reveal: unknown;
}
