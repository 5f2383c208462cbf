/**
 * A text that is too long for a text field, to be looked at, with its line numbers. A field lays all of its lines out,
 * which takes seconds for half a million; here only those in view exist.
 */
import "./numbered_text.css";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useRef } from "react";
import { KeyedBox } from "./KeyedBox.tsx";

/** Height of a line, as in the style sheet. */
const LINE_PX = 17;
/** Lines drawn beyond each edge of the view. */
const SPARE = 20;
/** Lines up to which a browser scrolls to each, for boxes are only so high. */
const MOST_LINES = 1_500_000;
/** Characters of a line that are drawn. */
const MOST_CHARACTERS = 4000;

interface LongTextProps {
  readonly label: string;
  readonly lines: readonly string[];
}

export function LongText({ label, lines }: LongTextProps) {
  const box = useRef<HTMLDivElement>(null);
  const shown = Math.min(lines.length, MOST_LINES);
  const rows = useVirtualizer({
    count: shown,
    getScrollElement: () => box.current,
    estimateSize: () => LINE_PX,
    overscan: SPARE,
  });
  const left = lines.length - shown;
  return (
    <KeyedBox box={box} className="long-text" label={label} onKeyDown={keep}>
      <div style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map(({ index, start }) => (
          <div key={index} className="numbered-line" style={{ transform: `translateY(${start}px)` }}>
            <span className="numbered-number">{index + 1}</span>
            <span className="long-text-line">{drawn(lines[index] ?? "")}</span>
          </div>
        ))}
      </div>
      {left > 0 && <p className="nw-2">and {left} more lines</p>}
    </KeyedBox>
  );
}

/** Keys that scroll do nothing else. */
function keep(event: KeyboardEvent): void {
  if (/^(Arrow|Page|Home|End)/.test(event.key)) event.stopPropagation();
}

/** A line, cut where it is very long. */
function drawn(line: string): string {
  const left = line.length - MOST_CHARACTERS;
  return left <= 0 ? line : `${line.slice(0, MOST_CHARACTERS)}… and ${left} more characters`;
}
