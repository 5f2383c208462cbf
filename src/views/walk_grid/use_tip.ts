/**
 * The tooltip of a drawing: after a rest on a cell; at once while another one is open.
 */
import { type PointerEvent, useEffect, useRef } from "react";

/** The cell under the pointer, and where it stands in the window. */
export interface Hover {
  readonly record: number;
  readonly box: DOMRect;
}

const DELAY_MS = 400;

/** Record of the cell under the pointer, or null. */
export function recordUnder(target: EventTarget): number | null {
  const cell = target instanceof Element ? target.closest("[data-record]") : null;
  const record = cell?.getAttribute("data-record");
  return record === null || record === undefined ? null : Number(record);
}

/** Tooltip after a rest on a cell; at once while another one is open. */
export function useTip(setHover: (h: Hover | null) => void) {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const at = useRef<number | null>(null);
  const open = useRef(false);
  useEffect(() => () => clearTimeout(timer.current), []);
  const out = (): void => {
    clearTimeout(timer.current);
    at.current = null;
    open.current = false;
    setHover(null);
  };
  const over = (e: PointerEvent, shown: number): void => {
    const record = recordUnder(e.target);
    if (record === null || record >= shown || e.pointerType === "touch") {
      out();
      return;
    }
    if (record === at.current) return;
    at.current = record;
    const box = (e.target as Element).closest("[data-record]")!.getBoundingClientRect();
    const show = (): void => {
      open.current = true;
      setHover({ record, box });
    };
    clearTimeout(timer.current);
    if (open.current) show();
    else timer.current = setTimeout(show, DELAY_MS);
  };
  return { over, out };
}
