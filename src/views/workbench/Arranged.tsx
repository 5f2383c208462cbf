/** The panes of the open preset as it arranges them, without those that are closed; or one pane that has all the room. */
import { useMemo } from "react";
import { useShallow } from "zustand/react/shallow";
import { type Part as ArrangedPart, type Arrangement, presetLayout, withoutPanes } from "../../app/layout.ts";
import { emptyPanes } from "../../app/layout_slice.ts";
import { Part, Split } from "../common/Split.tsx";
import { useApp } from "../common/use_app.ts";
import { PaneView } from "./PaneView.tsx";

const NONE: readonly never[] = [];

export function PresetPanes() {
  const preset = useApp((app) => app.preset);
  const closed = useApp((app) => app.closed[preset] ?? NONE);
  const maximised = useApp((app) => app.maximised);
  const round = useApp((app) => app.layoutRound);
  const empty = useApp(useShallow(emptyPanes));
  const left = useMemo(() => withoutPanes(presetLayout(preset), [...closed, ...empty]), [preset, closed, empty]);
  if (maximised !== null) return <PaneView id={maximised} />;
  return left === null ? null : <Arranged key={`${preset} ${round}`} of={left} group={preset} />;
}

/** `group` names the place of the arrangement in the preset. */
function Arranged({ of, group }: { readonly of: Arrangement; readonly group: string }) {
  if (typeof of === "string") return <PaneView id={of} />;
  return (
    <Split id={group} direction={of.direction === "row" ? "horizontal" : "vertical"}>
      {of.parts.map((part) => (
        <Part key={part.id} id={part.id} name={part.name} least={part.least} {...firstSize(part)}>
          <Arranged of={part.of} group={`${group}.${part.id}`} />
        </Part>
      ))}
    </Split>
  );
}

function firstSize({ size }: ArrangedPart): { readonly size?: number } {
  if (size === undefined) return {};
  const { innerWidth: width } = window;
  return { size: size[width <= 1360 ? 0 : width < 1800 ? 1 : 2] };
}
