/** The chosen theme on the document; the style sheets do the rest. */
import type { Theme } from "../../app/state.ts";

export function wear(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
