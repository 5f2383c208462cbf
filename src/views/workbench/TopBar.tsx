/** Name of the session and where it came from, presets, sharing and the look of the page. */
import { lazy, Suspense, useMemo } from "react";
import { keyFor } from "../../app/commands.ts";
import { isEdited } from "../../app/edits.ts";
import { PRESETS } from "../../app/layout.ts";
import type { Theme } from "../../app/state.ts";
import { Button, IconButton } from "../common/Button.tsx";
import { Chip } from "../common/Chip.tsx";
import { Icon } from "../common/Icon.tsx";
import { useApp } from "../common/use_app.ts";

// What opens over the page is fetched after the page.
const SessionMenu = lazy(async () => ({ default: (await import("./SessionMenu.tsx")).SessionMenu }));
const Capabilities = lazy(async () => ({ default: (await import("./Capabilities.tsx")).Capabilities }));
const PaneMenu = lazy(async () => ({ default: (await import("./PaneMenu.tsx")).PaneMenu }));
const SharePanel = lazy(async () => ({ default: (await import("../share/SharePanel.tsx")).SharePanel }));

export function TopBar() {
  const summary = useApp((app) => app.summary);
  const edited = useMemo(() => summary !== null && isEdited(summary), [summary]);
  const source = useApp((app) => app.source);
  return (
    <header className="wb-bar">
      <span className="wb-brand">
        <svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true">
          <rect x="1.5" y="1.5" width="15" height="15" rx="3" fill="none" stroke="var(--nw-s2)" strokeWidth="2" />
          <rect x="5.5" y="5.5" width="7" height="7" rx="1" fill="var(--nw-s1)" />
        </svg>
        <h1 className="wb-name">Nestwalk</h1>
      </span>
      <span className="wb-sep" />
      <Suspense fallback={<SessionName />}>
        <SessionMenu />
      </Suspense>
      {edited && (
        <Chip tone="stale" glyph="edited">
          edited
        </Chip>
      )}
      <span className="wb-source nw-3 nw-ellipsis">{source}</span>
      <Suspense>
        <Capabilities />
      </Suspense>
      <span className="nw-grow" />
      <PresetTabs />
      <span className="nw-grow" />
      <FindButton />
      <Suspense>
        <PaneMenu />
      </Suspense>
      <Suspense
        fallback={
          <Button disabled>
            <Icon name="share" />
            Share
          </Button>
        }
      >
        <SharePanel />
      </Suspense>
      <ThemeButton />
    </header>
  );
}

function PresetTabs() {
  const preset = useApp((app) => app.preset);
  const choose = useApp((app) => app.choosePreset);
  return (
    <nav className="nw-tabs wb-presets" aria-label="Presets">
      {PRESETS.map(({ id, text, about }) => (
        <button
          key={id}
          type="button"
          className="nw-tab"
          title={about}
          aria-current={id === preset ? "page" : undefined}
          onClick={() => choose(id)}
        >
          {text}
        </button>
      ))}
    </nav>
  );
}

function FindButton() {
  const show = useApp((app) => app.showOver);
  return (
    <Button kind="quiet" className="wb-find" onClick={() => show("palette")}>
      <Icon name="find" />
      <span className="nw-2">Find or run</span>
      <kbd className="nw-kbd">{keyFor("page.palette")}</kbd>
    </Button>
  );
}

const NEXT_THEME: Readonly<Record<Theme, Theme>> = { system: "light", light: "dark", dark: "system" };

function ThemeButton() {
  const theme = useApp((app) => app.theme);
  const choose = useApp((app) => app.chooseTheme);
  const words = theme === "system" ? "as the system" : theme;
  return (
    <IconButton label={`Theme: ${words}`} onClick={() => choose(NEXT_THEME[theme])}>
      <Icon name="theme" />
    </IconButton>
  );
}

/** The session's name while its menu is on the way. */
function SessionName() {
  const title = useApp((app) => app.summary?.title);
  return (
    <Button kind="quiet" className="wb-session" disabled>
      <span className="nw-strong nw-ellipsis">{title ?? "Open…"}</span>
      <Icon name="menu" />
    </Button>
  );
}
