/**
 * A walk that was pinned, beside the one of now: the steps that differ have a ring, and the first of them is named.
 */
import { useMemo } from "react";
import { structureOf } from "../../app/records.ts";
import type { PinnedWalk as Pinned } from "../../app/state.ts";
import { Button } from "../common/Button.tsx";
import { useApp } from "../common/use_app.ts";
import { traceSteps } from "../common/walk_reading.ts";
import { compareWalks } from "./compare_walks.ts";
import { Parting } from "./Parting.tsx";
import { captionOf, WalkPlot } from "./WalkGrid.tsx";

/** Which walk it is, for the pane's head. */
export function PinnedCaption() {
  const pinned = useApp((app) => app.pinned);
  return pinned === null ? null : `after action ${pinned.step} · ${captionOf(pinned.walk)}`;
}

export function PinnedWalk() {
  const pinned = useApp((app) => app.pinned);
  return pinned === null ? <p className="nw-empty">No walk is pinned.</p> : <Compared pinned={pinned} />;
}

function Compared({ pinned }: { readonly pinned: Pinned }) {
  const walk = useApp((app) => app.walk);
  const inspect = useApp((app) => app.inspect);
  const unpin = useApp((app) => app.unpinWalk);
  const steps = traceSteps(pinned.walk);
  const now = traceSteps(walk);
  const difference = useMemo(() => compareWalks(steps, now), [steps, now]);
  return (
    <div className="pinned">
      <div className="pinned-difference" role="status">
        <Parting first={difference.first} names={["Pinned", "Now"]} />
        <span className="nw-grow" />
        <Button size="small" onClick={unpin}>
          Unpin
        </Button>
      </div>
      <WalkPlot
        walk={pinned.walk}
        shown={steps.length}
        selected={null}
        linked={difference.records}
        edited={NONE}
        label="Grid of the pinned walk. Arrows move, Enter inspects what stands there now."
        onSelect={(record) => {
          const structure = structureOf(pinned.walk, record);
          if (structure !== null) inspect(structure);
        }}
      />
    </div>
  );
}

const NONE: ReadonlySet<number> = new Set();
