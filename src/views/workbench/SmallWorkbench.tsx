/** The page on a narrow screen: one pane at a time, and a bar below to choose which; those it has no room for in a menu. */
import { lazy, Suspense } from "react";
import { useShallow } from "zustand/react/shallow";
import { PANES, type PaneId, type Preset } from "../../app/layout.ts";
import { hasContent } from "../../app/layout_slice.ts";
import { useApp } from "../common/use_app.ts";
import { PaneView } from "./PaneView.tsx";

/** Panes in the bar, with names that fit there. */
const SHORT: Readonly<Record<PaneId, string>> = {
  ...PANES,
  translations: "Leaves",
  inspector: "Inspect",
  maps: "Tables",
  decoder: "Decode",
  lanes: "Lanes",
  account: "Words",
};

const IN_BAR: readonly PaneId[] = ["streams", "translations", "walk", "inspector", "events", "maps", "timeline"];

/** What a preset shows before a pane is chosen. */
const FIRST: Readonly<Record<Preset, PaneId>> = {
  walk: "walk",
  tables: "maps",
  queues: "queues",
  software: "software",
  decode: "decoder",
  teach: "account",
  edit: "scenario",
  compare: "compare",
};

/** Menus are not needed for the first picture. */
const MorePanes = lazy(async () => ({ default: (await import("./MorePanes.tsx")).MorePanes }));

const ALL = Object.keys(PANES) as PaneId[];

export function SmallWorkbench() {
  const preset = useApp((app) => app.preset);
  const chosen = useApp((app) => app.maximised ?? app.asked);
  const show = useApp((app) => app.showPane);
  const panes = useApp(useShallow((app) => ALL.filter((pane) => hasContent(app, pane))));
  const notes = panes.includes("notes");
  // Notes take the place of the decoder, which does without a session.
  const bar: readonly PaneId[] = notes ? ["notes", ...IN_BAR] : [...IN_BAR, "decoder"];
  const others = panes.filter((pane) => !bar.includes(pane));
  const current = chosen ?? (preset === "teach" && notes ? "notes" : FIRST[preset]);
  return (
    <>
      <main className="wb-panes">
        <PaneView id={current} />
      </main>
      <nav className="wb-small-nav" aria-label="Panes">
        {bar.map((pane) => (
          <button
            key={pane}
            type="button"
            aria-current={pane === current ? "page" : undefined}
            onClick={() => show(pane)}
          >
            {SHORT[pane]}
          </button>
        ))}
        <Suspense fallback={null}>
          <MorePanes panes={others} current={current} />
        </Suspense>
      </nav>
    </>
  );
}
