/** A pane by its name. All but the first ones are fetched after the page; each is there a moment later. */
import { type ComponentType, lazy, type ReactNode, Suspense } from "react";
import { PANES, type PaneId } from "../../app/layout.ts";
import { Pane } from "../common/Pane.tsx";
import { useApp } from "../common/use_app.ts";
import { Streams } from "../streams/Streams.tsx";
import { Translations } from "../translations/Translations.tsx";
import { WalkCaption, WalkGrid } from "../walk_grid/WalkGrid.tsx";

const Inspector = lazy(async () => ({ default: (await import("../inspector/Inspector.tsx")).Inspector }));
const InspectorCaption = lazy(async () => ({
  default: (await import("../inspector/Inspector.tsx")).InspectorCaption,
}));
const PinnedWalk = lazy(async () => ({ default: (await import("../walk_grid/PinnedWalk.tsx")).PinnedWalk }));
const PinnedCaption = lazy(async () => ({ default: (await import("../walk_grid/PinnedWalk.tsx")).PinnedCaption }));
const TableMaps = lazy(async () => ({ default: (await import("../table_map/TableMaps.tsx")).TableMaps }));
const TableMapsCaption = lazy(async () => ({
  default: (await import("../table_map/TableMaps.tsx")).TableMapsCaption,
}));
const Events = lazy(async () => ({ default: (await import("../events/Events.tsx")).Events }));
const EventsCaption = lazy(async () => ({ default: (await import("../events/Events.tsx")).EventsCaption }));
const Decoder = lazy(async () => ({ default: (await import("../decoder/Decoder.tsx")).Decoder }));
const Timeline = lazy(async () => ({ default: (await import("../timeline/Timeline.tsx")).Timeline }));
const Lanes = lazy(async () => ({ default: (await import("../lanes/Lanes.tsx")).Lanes }));
const Software = lazy(async () => ({ default: (await import("../software/Software.tsx")).Software }));
const Queues = lazy(async () => ({ default: (await import("../queues/Queues.tsx")).Queues }));
const Registers = lazy(async () => ({ default: (await import("../registers/Registers.tsx")).Registers }));
const Caches = lazy(async () => ({ default: (await import("../caches/Caches.tsx")).Caches }));
const Memory = lazy(async () => ({ default: (await import("../memory/Memory.tsx")).Memory }));
const Account = lazy(async () => ({ default: (await import("../account/Account.tsx")).Account }));
const Notes = lazy(async () => ({ default: (await import("../teach/Notes.tsx")).Notes }));
const Editor = lazy(async () => ({ default: (await import("../editor/Editor.tsx")).Editor }));
const EditorCaption = lazy(async () => ({ default: (await import("../editor/Editor.tsx")).EditorCaption }));
const Compare = lazy(async () => ({ default: (await import("../compare/Compare.tsx")).Compare }));
const NotesCaption = lazy(async () => ({ default: (await import("../teach/Notes.tsx")).NotesCaption }));

const VIEWS: Readonly<Record<PaneId, () => ReactNode>> = {
  streams: () => <Streams />,
  translations: () => <Translations />,
  walk: () => <WalkPane />,
  pinned: () => <Fetched id="pinned" of={PinnedWalk} about={<PinnedCaption />} />,
  inspector: () => <Fetched id="inspector" of={Inspector} about={<InspectorCaption />} />,
  events: () => <Fetched id="events" of={Events} about={<EventsCaption />} />,
  maps: () => <Fetched id="maps" of={TableMaps} about={<TableMapsCaption />} />,
  timeline: () => <Fetched id="timeline" of={Timeline} />,
  lanes: () => <Fetched id="lanes" of={Lanes} />,
  software: () => <Fetched id="software" of={Software} />,
  account: () => <Fetched id="account" of={Account} />,
  notes: () => <Fetched id="notes" of={Notes} about={<NotesCaption />} />,
  scenario: () => <Fetched id="scenario" of={Editor} about={<EditorCaption />} />,
  compare: () => <Fetched id="compare" of={Compare} />,
  queues: () => <Fetched id="queues" of={Queues} />,
  registers: () => <Fetched id="registers" of={Registers} />,
  caches: () => <Fetched id="caches" of={Caches} />,
  memory: () => <Fetched id="memory" of={Memory} />,
  decoder: () => (
    <Suspense fallback={FETCHING}>
      <Decoder />
    </Suspense>
  ),
};

export function PaneView({ id }: { readonly id: PaneId }) {
  return VIEWS[id]();
}

/** By what the stages that translate are called. */
function walkTitle(stage1: string | undefined, stage2: string | undefined): string {
  if (stage1 !== undefined && stage2 !== undefined) return "Nested walk";
  const only = stage1 ?? stage2;
  return only === undefined ? PANES.walk : `${only} walk`;
}

function WalkPane() {
  const title = useApp(({ walk }) => walkTitle(walk?.stage1?.name, walk?.stage2?.name));
  return (
    <Pane id="walk" title={title} about={<WalkCaption />}>
      <WalkGrid />
    </Pane>
  );
}

const FETCHING = <p className="nw-empty">Fetching this part of the page…</p>;

/** A pane whose body, and what its head says about it, are fetched. */
function Fetched(props: { readonly id: PaneId; readonly of: ComponentType; readonly about?: ReactNode }) {
  const { id, of: Body, about } = props;
  return (
    <Pane id={id} title={PANES[id]} about={about === undefined ? undefined : <Suspense>{about}</Suspense>}>
      <Suspense fallback={FETCHING}>
        <Body />
      </Suspense>
    </Pane>
  );
}
