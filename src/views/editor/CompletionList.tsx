/** What may stand at the caret, below it. Keys belong to the text. */
import type { TextCompletion } from "../../app/texts.ts";

interface CompletionListProps {
  readonly offers: readonly TextCompletion[];
  /** The one that Enter takes, -1 for none. */
  readonly active: number;
  /** Line and column of what is typed, from 0, and how far the text is scrolled. */
  readonly line: number;
  readonly column: number;
  readonly field: HTMLTextAreaElement;
  readonly onTake: (offer: TextCompletion) => void;
}

/** Of the text, as in its style sheet. */
const LINE_PX = 17;
const LEFT_PX = 52;
/** Room that the list wants below its line. */
const HEIGHT_PX = 190;

export function CompletionList({ offers, active, line, column, field, onTake }: CompletionListProps) {
  const top = (line + 1) * LINE_PX - field.scrollTop;
  const above = top + HEIGHT_PX > field.clientHeight && top > HEIGHT_PX;
  const place = above ? { bottom: field.clientHeight - top + LINE_PX } : { top };
  return (
    <div
      className="editor-offers nw-pop"
      role="listbox"
      aria-label="What may stand here"
      style={{ ...place, left: `calc(${LEFT_PX - field.scrollLeft}px + ${column}ch)` }}
    >
      {offers.map((offer, i) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the text handles keys.
        // biome-ignore lint/a11y/useFocusableInteractive: focus stays in the text.
        <div
          key={offer.text}
          role="option"
          aria-selected={i === active}
          ref={i === active ? (row) => row?.scrollIntoView({ block: "nearest" }) : undefined}
          // The text keeps the focus, and the list stays until it is clicked.
          onPointerDown={(event) => {
            event.preventDefault();
            event.stopPropagation();
          }}
          onClick={() => onTake(offer)}
        >
          <span>{offer.text.replace(/: $/, "")}</span> <span className="nw-3">{offer.about}</span>
        </div>
      ))}
    </div>
  );
}
