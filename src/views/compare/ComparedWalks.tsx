/** The walk of one request on both sides: steps that differ have a ring, and the first of them is named. */
import { useMemo } from "react";
import { structureOf } from "../../app/records.ts";
import type { WalkAnswer } from "../../protocol/engine.ts";
import { useApp } from "../common/use_app.ts";
import { traceSteps } from "../common/walk_reading.ts";
import { compareWalks } from "../walk_grid/compare_walks.ts";
import { Parting } from "../walk_grid/Parting.tsx";
import { WalkPlot } from "../walk_grid/WalkGrid.tsx";

interface ComparedWalksProps {
  readonly walks: readonly [WalkAnswer, WalkAnswer];
  readonly names: readonly [string, string];
}

export function ComparedWalks({ walks, names }: ComparedWalksProps) {
  const [left, right] = [traceSteps(walks[0]), traceSteps(walks[1])];
  const [one, other] = useMemo(() => [compareWalks(left, right), compareWalks(right, left)], [left, right]);
  return (
    <div className="compare-walks">
      <p className="compare-parting" role="status">
        <Parting first={one!.first} names={names} />
      </p>
      <div className="compare-plots">
        <OneWalk walk={walks[0]} name={names[0]} rings={one!.records} />
        <OneWalk walk={walks[1]} name={names[1]} rings={other!.records} />
      </div>
    </div>
  );
}

const NONE: ReadonlySet<number> = new Set();

function OneWalk(props: { readonly walk: WalkAnswer; readonly name: string; readonly rings: ReadonlySet<number> }) {
  const { walk, name, rings } = props;
  const inspect = useApp((app) => app.inspect);
  return (
    <section className="compare-walk" aria-label={`Walk, ${name}`}>
      <h3>{name}</h3>
      <WalkPlot
        walk={walk}
        shown={traceSteps(walk).length}
        selected={null}
        linked={rings}
        edited={NONE}
        label={`Grid of the walk, ${name}. Arrows move, Enter inspects what stands there now.`}
        onSelect={(record) => {
          const structure = structureOf(walk, record);
          if (structure !== null) inspect(structure);
        }}
      />
    </section>
  );
}
