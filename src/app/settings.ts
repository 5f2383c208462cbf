/**
 * What the page remembers from visit to visit, on this machine only: appearance, never content.
 */
import type { Theme } from "./state.ts";

/** A place to keep strings; the browser's localStorage fits. */
export interface Settings {
  readonly get: (key: string) => string | null;
  readonly set: (key: string, value: string) => void;
  /** Drop every key that begins so. */
  readonly forget: (prefix: string) => void;
}

/** localStorage, or nothing where the browser forbids it. */
export function browserSettings(): Settings {
  return {
    get: (key) => {
      try {
        return localStorage.getItem(`nestwalk.${key}`);
      } catch {
        return null;
      }
    },
    set: (key, value) => {
      try {
        localStorage.setItem(`nestwalk.${key}`, value);
      } catch {
        // A browser that keeps nothing still works for this visit.
      }
    },
    forget: (prefix) => {
      try {
        const keys = Object.keys(localStorage).filter((key) => key.startsWith(`nestwalk.${prefix}`));
        for (const key of keys) localStorage.removeItem(key);
      } catch {
        // Nothing is kept, so nothing has to go.
      }
    },
  };
}

export function readTheme(settings: Settings): Theme {
  const kept = settings.get("theme");
  return kept === "light" || kept === "dark" ? kept : "system";
}
