/** The page on a narrow screen: one pane at a time, and a bar below to choose which. */
import { type ReactNode, useState } from "react";
import type { Preset } from "../../app/state.ts";
import { useApp } from "../common/use_app.ts";
import { Streams } from "../streams/Streams.tsx";
import { Translations } from "../translations/Translations.tsx";
import { DecoderPanes, EventsPane, InspectorPane, TablesPane, WalkPane } from "./drawing_panes.tsx";

interface SmallPane {
  readonly text: string;
  readonly preset: Preset;
  readonly pane: () => ReactNode;
}

const PANES: readonly SmallPane[] = [
  { text: "Streams", preset: "walk", pane: () => <Streams /> },
  { text: "Leaves", preset: "walk", pane: () => <Translations /> },
  { text: "Walk", preset: "walk", pane: () => <WalkPane /> },
  { text: "Inspect", preset: "walk", pane: () => <InspectorPane /> },
  { text: "Events", preset: "walk", pane: () => <EventsPane /> },
  { text: "Tables", preset: "tables", pane: () => <TablesPane /> },
  { text: "Decode", preset: "decode", pane: () => <DecoderPanes /> },
];

export function SmallWorkbench() {
  const preset = useApp((app) => app.preset);
  const choosePreset = useApp((app) => app.choosePreset);
  const [walkPane, setWalkPane] = useState("Walk");
  const current = PANES.find((p) => p.preset === preset && (preset !== "walk" || p.text === walkPane));
  return (
    <>
      <main className="wb-panes">{current?.pane()}</main>
      <nav className="wb-small-nav" aria-label="Panes">
        {PANES.map((p) => (
          <button
            key={p.text}
            type="button"
            aria-current={p === current ? "page" : undefined}
            onClick={() => {
              choosePreset(p.preset);
              // Whatever leads back from the other presets leads to the walk.
              setWalkPane(p.preset === "walk" ? p.text : "Walk");
            }}
          >
            {p.text}
          </button>
        ))}
      </nav>
    </>
  );
}
