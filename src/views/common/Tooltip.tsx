/**
 * A tooltip below the thing it explains: after 400 ms under the pointer, at once when another was open a moment ago or
 * when the thing gets the focus. Escape closes it.
 */
import {
  cloneElement,
  type ReactElement,
  type ReactNode,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { createPortal } from "react-dom";

interface TooltipProps {
  readonly text: ReactNode;
  /** Key that does the same. */
  readonly keyName?: string | undefined;
  /** One element that takes events and `aria-describedby`. */
  readonly children: ReactElement<TargetProps>;
}

interface TargetProps {
  readonly onPointerEnter?: (event: React.PointerEvent<HTMLElement>) => void;
  readonly onPointerLeave?: () => void;
  readonly onPointerDown?: () => void;
  readonly onFocus?: (event: React.FocusEvent<HTMLElement>) => void;
  readonly onBlur?: () => void;
  readonly "aria-describedby"?: string | undefined;
}

const DELAY_MS = 400;
/** For so long after one tooltip closed the next one opens at once. */
const SKIP_MS = 300;
let closedAt = Number.NEGATIVE_INFINITY;

export function Tooltip({ text, keyName, children }: TooltipProps) {
  const id = useId();
  const [target, setTarget] = useState<HTMLElement | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const hide = (): void => {
    clearTimeout(timer.current);
    setTarget((was) => {
      if (was !== null) closedAt = performance.now();
      return null;
    });
  };
  const show = (element: HTMLElement, delay: number): void => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setTarget(element), delay);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <>
      {cloneElement(children, {
        onPointerEnter: (event) => {
          if (event.pointerType === "mouse")
            show(event.currentTarget, performance.now() - closedAt < SKIP_MS ? 0 : DELAY_MS);
        },
        onPointerLeave: hide,
        onPointerDown: hide,
        onFocus: (event) => {
          if (event.currentTarget.matches(":focus-visible")) show(event.currentTarget, 0);
        },
        onBlur: hide,
        "aria-describedby": target === null ? undefined : id,
      })}
      {target !== null && <Tip id={id} target={target} text={text} keyName={keyName} onClose={hide} />}
    </>
  );
}

interface TipProps extends Pick<TooltipProps, "text" | "keyName"> {
  readonly id: string;
  readonly target: HTMLElement;
  readonly onClose: () => void;
}

/** Pixels between the thing and its tooltip, and between the tooltip and the window's edge. */
const GAP = 6;

function Tip({ id, target, text, keyName, onClose }: TipProps) {
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
    <div ref={box} id={id} role="tooltip" className="nw-tooltip">
      <span>{text}</span>
      {keyName !== undefined && <kbd className="nw-kbd">{keyName}</kbd>}
    </div>,
    document.body,
  );
}
