import { useEffect, useState } from "react";

/**
 * For what comes over the page: when it goes, the focus is again where it was when it came. A command that it ran may move
 * the focus afterwards.
 */
export function useFocusBack(): void {
  const [before] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      if (document.activeElement === document.body && before instanceof HTMLElement) before.focus();
    },
    [before],
  );
}
