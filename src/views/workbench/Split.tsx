/**
 * Panes side by side or above each other, parted by a line that can be dragged or moved with the arrow keys.
 *
 * One part takes what the others leave; the others have a size in pixels, which is remembered on this machine. Sizes
 * give way when the window is too small for all of them.
 */
import {
  Children,
  Fragment,
  isValidElement,
  type KeyboardEvent,
  type PointerEvent,
  type ReactElement,
  type ReactNode,
  useState,
} from "react";

interface SplitProps {
  /** The sizes are remembered by this name. */
  readonly id: string;
  readonly direction: "horizontal" | "vertical";
  /** {@link Part} elements; all but one have a size. */
  readonly children: ReactNode;
}

interface PartProps {
  readonly id: string;
  /** Name of what stands here, for the line beside it. */
  readonly name: string;
  /** Pixels at first; without it the part takes what the others leave. */
  readonly size?: number;
  /** Least pixels. */
  readonly least: number;
  readonly children: ReactNode;
}

/** One part of a {@link Split}, which reads its properties. */
export function Part({ children }: PartProps) {
  return children;
}

/** Pixels by part. */
type Sizes = Readonly<Record<string, number>>;

/** Pixels that an arrow key moves a line. */
const KEY_PX = 16;

export function Split({ id, direction, children }: SplitProps) {
  const parts = Children.toArray(children).filter((c): c is ReactElement<PartProps> => isValidElement(c));
  const [sizes, setSizes] = useState<Sizes>(() => remembered(id));
  const change = (part: string, size: number | null): void => {
    const { [part]: _, ...others } = sizes;
    const next = size === null ? others : { ...others, [part]: Math.round(size) };
    setSizes(next);
    remember(id, next);
  };
  return (
    <div className="wb-group" data-direction={direction}>
      {parts.map(({ props: part }, i) => (
        <Fragment key={part.id}>
          {i > 0 && (
            <Line direction={direction} before={parts[i - 1]?.props} after={part} sizes={sizes} onChange={change} />
          )}
          <div
            className="wb-part"
            style={{
              [direction === "horizontal" ? "minWidth" : "minHeight"]: part.least,
              flex: part.size === undefined ? "1 1 0" : `0 1 ${sizes[part.id] ?? part.size}px`,
            }}
          >
            {part.children}
          </div>
        </Fragment>
      ))}
    </div>
  );
}

interface LineProps {
  readonly direction: SplitProps["direction"];
  readonly before: PartProps | undefined;
  readonly after: PartProps;
  readonly sizes: Sizes;
  /** Give a part another size, or with null the one it had at first. */
  readonly onChange: (part: string, size: number | null) => void;
}

/** What a line can do, measured when it is taken hold of. */
interface Grip {
  /** Of the part whose size the line changes. */
  readonly size: number;
  readonly least: number;
  readonly most: number;
  /** Where the pointer was. */
  readonly from: number;
}

function Line({ direction, before, after, sizes, onChange }: LineProps) {
  const [grip, setGrip] = useState<Grip | null>(null);
  // The line changes the part that has a size: the one before it, which grows along with the pointer, or the one after.
  const first = before?.size !== undefined;
  const part = first ? before : after;
  const other = first ? after : before;
  const sign = first ? 1 : -1;
  const across = direction === "horizontal";

  function measure(line: HTMLElement, from: number): Grip {
    const own = first ? line.previousElementSibling : line.nextElementSibling;
    const beside = first ? line.nextElementSibling : line.previousElementSibling;
    const extent = (e: Element | null): number => {
      const box = e?.getBoundingClientRect();
      return (across ? box?.width : box?.height) ?? 0;
    };
    const size = extent(own);
    return { size, least: part.least, most: size + extent(beside) - (other?.least ?? 0), from };
  }
  const move = ({ size, least, most }: Grip, by: number): void =>
    onChange(part.id, Math.max(least, Math.min(most, size + sign * by)));
  const along = (event: PointerEvent): number => (across ? event.clientX : event.clientY);

  function onKeyDown(event: KeyboardEvent<HTMLElement>): void {
    const [back, on] = across ? ["ArrowLeft", "ArrowRight"] : ["ArrowUp", "ArrowDown"];
    const by = event.key === back ? -KEY_PX : event.key === on ? KEY_PX : 0;
    if (event.key === "Enter") onChange(part.id, null);
    else if (by !== 0) move(measure(event.currentTarget, 0), by);
    else return;
    event.preventDefault();
  }

  return (
    // biome-ignore lint/a11y/useSemanticElements: a rule that can be moved is a separator with a value, not an <hr>.
    <div
      className="wb-split"
      data-direction={direction}
      data-held={grip !== null}
      role="separator"
      aria-label={`Border between ${before?.name} and ${after.name}`}
      aria-orientation={across ? "vertical" : "horizontal"}
      aria-valuenow={sizes[part.id] ?? part.size ?? 0}
      aria-valuemin={part.least}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onDoubleClick={() => onChange(part.id, null)}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setGrip(measure(event.currentTarget, along(event)));
      }}
      onPointerMove={(event) => {
        if (grip !== null) move(grip, along(event) - grip.from);
      }}
      onPointerUp={() => setGrip(null)}
      onPointerCancel={() => setGrip(null)}
    />
  );
}

const key = (id: string): string => `nestwalk.panes.${id}`;

/** Sizes of an earlier visit; anything that is no list of sizes counts as none. */
function remembered(id: string): Sizes {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(key(id)) ?? "{}");
    if (typeof kept !== "object" || kept === null) return {};
    return Object.fromEntries(Object.entries(kept).filter(([, px]) => typeof px === "number" && px > 0 && px < 10_000));
  } catch {
    return {};
  }
}

function remember(id: string, sizes: Sizes): void {
  try {
    localStorage.setItem(key(id), JSON.stringify(sizes));
  } catch {
    // Sizes then last as long as the page.
  }
}
