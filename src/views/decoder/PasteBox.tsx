/**
 * The box for anything pasted: a plain text field over a layer that sets off the lines of the chosen record and the
 * digits of the chosen field. Only the lines in view are drawn.
 */
import { useRef, useState } from "react";
import { useSize } from "../common/use_size.ts";
import type { Mark } from "./text_marks.ts";

interface PasteBoxProps {
  readonly text: string;
  readonly lines: readonly string[];
  readonly onChange: (text: string) => void;
  /** First and last line of each record, from 1, and which record is chosen. */
  readonly ranges: readonly (readonly [number, number])[];
  readonly chosen: number;
  readonly mark: Mark | null;
}

/** Height of a line, as in the style sheet. */
const LINE_PX = 17;

export function PasteBox({ text, lines, onChange, ranges, chosen, mark }: PasteBoxProps) {
  const [box, size] = useSize<HTMLDivElement>();
  const [scroll, setScroll] = useState({ top: 0, left: 0 });
  const field = useRef<HTMLTextAreaElement>(null);
  const first = Math.floor(scroll.top / LINE_PX);
  const count = Math.ceil((size?.height ?? 0) / LINE_PX) + 1;
  const inView = lines.slice(first, first + count).map((content, i) => ({ content, line: first + i }));
  const owner = (line: number): number => ranges.findIndex(([from, to]) => line + 1 >= from && line + 1 <= to);
  return (
    <div className="paste" ref={box}>
      <div className="paste-layer" aria-hidden="true">
        <div style={{ transform: `translateY(${first * LINE_PX - scroll.top}px)` }}>
          {inView.map(({ content, line }) => {
            const record = text === "" ? -1 : owner(line);
            return (
              <div
                key={line}
                className="paste-line"
                data-record={record < 0 ? "none" : record === chosen ? "chosen" : "other"}
              >
                <span className="paste-number">{text === "" ? "" : line + 1}</span>
                <span className="paste-bar" />
                <span className="paste-back">
                  <span style={{ marginLeft: -scroll.left }}>
                    {mark !== null && mark.line === line ? (
                      <>
                        {content.slice(0, mark.from)}
                        <em>{content.slice(mark.from, mark.to)}</em>
                        {content.slice(mark.to)}
                      </>
                    ) : null}
                  </span>
                </span>
              </div>
            );
          })}
        </div>
      </div>
      <textarea
        ref={field}
        value={text}
        onChange={(event) => onChange(event.target.value)}
        onScroll={(event) => setScroll({ top: event.currentTarget.scrollTop, left: event.currentTarget.scrollLeft })}
        aria-label="Log, words or trace to decode"
        placeholder="Paste a kernel log, hex words, a dump of an STE or CD, or a QEMU trace."
        wrap="off"
        spellCheck={false}
        autoComplete="off"
      />
    </div>
  );
}
