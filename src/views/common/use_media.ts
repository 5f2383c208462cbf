/** Whether a media query holds, kept up to date. */
import { useEffect, useState } from "react";

/** Below this width one pane shows at a time. */
export const NARROW = "(max-width: 899px)";

export function useMedia(query: string): boolean {
  const [holds, setHolds] = useState(() => window.matchMedia(query).matches);
  useEffect(() => {
    const list = window.matchMedia(query);
    const onChange = (): void => setHolds(list.matches);
    onChange();
    list.addEventListener("change", onChange);
    return () => list.removeEventListener("change", onChange);
  }, [query]);
  return holds;
}
