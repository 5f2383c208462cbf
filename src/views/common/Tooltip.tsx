/**
 * A tooltip below the thing it explains: after 400 ms under the pointer, at once when another was open a moment ago or
 * when the thing gets the focus. Escape closes it. It repeats the thing's name, so readers of the screen lose nothing.
 */
import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";

interface TooltipProps {
  readonly text: ReactNode;
  /** Key that does the same. */
  readonly keyName?: string | undefined;
  /** One element. */
  readonly children: ReactNode;
}

const DELAY_MS = 400;
/** For so long after one tooltip closed the next one opens at once. */
const SKIP_MS = 300;
/** When the last tooltip closed, as events tell time. */
let closedAt = Number.NEGATIVE_INFINITY;

export function Tooltip({ text, keyName, children }: TooltipProps) {
  const [target, setTarget] = useState<Element | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);

  function hide(time: number): void {
    clearTimeout(timer.current);
    if (target !== null) closedAt = time;
    setTarget(null);
  }
  function show(wrapper: Element, delay: number): void {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setTarget(wrapper.firstElementChild), delay);
  }
  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: it watches what happens to its child and does nothing itself. */}
      <span
        className="nw-tip"
        onPointerEnter={(event) => {
          const soon = event.timeStamp - closedAt < SKIP_MS;
          if (event.pointerType === "mouse") show(event.currentTarget, soon ? 0 : DELAY_MS);
        }}
        onPointerLeave={(event) => hide(event.timeStamp)}
        onPointerDown={(event) => hide(event.timeStamp)}
        onFocus={(event) => {
          if (event.target.matches(":focus-visible")) show(event.currentTarget, 0);
        }}
        onBlur={(event) => hide(event.timeStamp)}
      >
        {children}
      </span>
      {target !== null && <Tip target={target} text={text} keyName={keyName} onClose={() => setTarget(null)} />}
    </>
  );
}

interface TipProps extends Pick<TooltipProps, "text" | "keyName"> {
  readonly target: Element;
  readonly onClose: () => void;
}

/** Pixels between the thing and its tooltip, and between the tooltip and the window's edge. */
const GAP = 6;

function Tip({ target, text, keyName, onClose }: TipProps) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const tip = box.current;
    if (tip === null) return;
    const at = target.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = tip;
    const left = Math.max(GAP, Math.min(at.left + (at.width - width) / 2, window.innerWidth - width - GAP));
    const below = at.bottom + GAP;
    tip.style.left = `${left}px`;
    tip.style.top = `${below + height > window.innerHeight ? at.top - GAP - height : below}px`;
  }, [target]);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key === "Escape") onClose();
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  });
  return createPortal(
    <div ref={box} role="tooltip" className="nw-tooltip">
      <span>{text}</span>
      {keyName !== undefined && <kbd className="nw-kbd">{keyName}</kbd>}
    </div>,
    document.body,
  );
}
