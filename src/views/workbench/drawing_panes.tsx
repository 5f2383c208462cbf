/** The panes around the drawings. All but the walk are fetched after the page; each is there a moment later. */
import { lazy, type ReactNode, Suspense } from "react";
import { Pane } from "../common/Pane.tsx";
import { useApp } from "../common/use_app.ts";
import { WalkCaption, WalkGrid } from "../walk_grid/WalkGrid.tsx";

const Inspector = lazy(async () => ({ default: (await import("../inspector/Inspector.tsx")).Inspector }));
const TableMaps = lazy(async () => ({ default: (await import("../table_map/TableMaps.tsx")).TableMaps }));
const Events = lazy(async () => ({ default: (await import("../events/Events.tsx")).Events }));
const EventsCaption = lazy(async () => ({ default: (await import("../events/Events.tsx")).EventsCaption }));
const Decoder = lazy(async () => ({ default: (await import("../decoder/Decoder.tsx")).Decoder }));

/** By whether stage 1 and stage 2 translate. */
const WALK_TITLES: Readonly<Record<string, string>> = {
  "true true": "Nested walk",
  "true false": "Stage 1 walk",
  "false true": "Stage 2 walk",
};

export function WalkPane() {
  const stages = useApp((app) => app.walk && `${app.walk.stage1 !== null} ${app.walk.stage2 !== null}`);
  return (
    <Pane title={WALK_TITLES[stages ?? ""] ?? "Walk"} about={<WalkCaption />}>
      <WalkGrid />
    </Pane>
  );
}

export function TablesPane() {
  return (
    <Pane title="Table maps">
      <Fetched>
        <TableMaps />
      </Fetched>
    </Pane>
  );
}

export function InspectorPane() {
  const kind = useApp((app) => app.structure?.kind);
  return (
    <Pane title="Inspector" about={kind}>
      <Fetched>
        <Inspector />
      </Fetched>
    </Pane>
  );
}

export function EventsPane() {
  return (
    <Pane
      title="Events"
      about={
        <Suspense>
          <EventsCaption />
        </Suspense>
      }
    >
      <Fetched>
        <Events />
      </Fetched>
    </Pane>
  );
}

export function DecoderPanes() {
  return (
    <Fetched>
      <Decoder />
    </Fetched>
  );
}

function Fetched({ children }: { readonly children: ReactNode }) {
  return <Suspense fallback={<p className="nw-empty">Fetching this part of the page…</p>}>{children}</Suspense>;
}
