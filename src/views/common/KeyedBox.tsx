/** A box with a drawing or another view that keys drive: one tab stop, whose name says which keys. */
import type { HTMLAttributes, ReactNode, RefObject } from "react";

interface KeyedBoxProps extends Omit<HTMLAttributes<HTMLDivElement>, "role" | "tabIndex"> {
  readonly box: RefObject<HTMLDivElement | null>;
  /** What it is and what keys do, for readers of the screen. */
  readonly label: string;
  readonly children: ReactNode;
}

export function KeyedBox({ box, label, children, ...rest }: KeyedBoxProps) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: not a set of form fields.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it is driven by keys.
    <div ref={box} role="group" aria-label={label} tabIndex={0} {...rest}>
      {children}
    </div>
  );
}
