/**
 * The nested walk pane: the drawing with its pointer and keyboard, the outcome, and the count of accesses.
 */
import "../common/drawing.css";
import "./walk_grid.css";
import {
  type KeyboardEvent,
  lazy,
  type PointerEvent,
  type RefObject,
  Suspense,
  useEffect,
  useMemo,
  useState,
} from "react";
import { currentRecord } from "../../app/records.ts";
import { WORDS } from "../../arch/words.ts";
import type { WalkAnswer } from "../../protocol/engine.ts";
import { KeyedBox } from "../common/KeyedBox.tsx";
import { useApp } from "../common/use_app.ts";
import { useMedia } from "../common/use_media.ts";
import { useSize } from "../common/use_size.ts";
import { traceSteps, walkStages } from "../common/walk_reading.ts";
import { layoutWalk, recordBoxes, type WalkLayout } from "../geometry/walk_layout.ts";
import { walkModel } from "../geometry/walk_model.ts";
import { moveCursor } from "./move_cursor.ts";
import { type Hover, recordUnder, useTip } from "./use_tip.ts";
import { WalkDrawing } from "./WalkDrawing.tsx";
import { WalkFoot } from "./WalkFoot.tsx";
import { WalkTable } from "./WalkTable.tsx";
import { WalkTip } from "./WalkTip.tsx";
import { editedRecords, linkedRecords, type WalkView } from "./walk_view.ts";

/** The pane's body. */
export function WalkGrid() {
  const walk = useApp((app) => app.walk);
  const summary = useApp((app) => app.summary);
  if (walk !== null) return <Walk walk={walk} />;
  return (
    <div className="walk-grid">
      <p className="walk-empty">
        {summary === null ? "No session is open." : "Choose a stream and a translation to walk it."}
      </p>
    </div>
  );
}

/** The caption of the walk of now. */
export function WalkCaption() {
  const walk = useApp((app) => app.walk);
  const made = useApp((app) => app.made);
  return walk === null ? null : `${captionOf(walk)}${made ? " · as the action found it" : ""}`;
}

/** One line about the context of a walk. */
export function captionOf(walk: WalkAnswer): string {
  const hex = (n: number): string => `0x${n.toString(16)}`;
  const { stage1, stage2, access } = walk;
  const { requester, context } = WORDS[walk.arch];
  const parts = [`${requester} ${hex(access.sid)}`];
  if (access.ssid !== null) parts.push(`${context} ${hex(access.ssid)}`);
  for (const { name, value } of walk.tags) parts.push(`${name} ${hex(value)}`);
  const kib = (lg2: number): string => `${2 ** (lg2 - 10)} KiB`;
  const stage = (n: number, s: NonNullable<WalkAnswer["stage1"]>, granule: boolean): string => {
    const tables = s.concatenated > 1 ? `, ${s.concatenated} root tables` : "";
    const base = n === 1 ? `${s.base}, ` : "";
    return `${s.name.toLowerCase()}: ${base}${s.inputBits} bits, ${s.levels} level${s.levels === 1 ? "" : "s"}${tables}${granule ? `, ${kib(s.granuleLg2)}` : ""}`;
  };
  const same = stage1 === null || stage2 === null || stage1.granuleLg2 === stage2.granuleLg2;
  if (stage1 !== null) parts.push(stage(1, stage1, !same));
  if (stage2 !== null) parts.push(stage(2, stage2, !same));
  const granule = stage1?.granuleLg2 ?? stage2?.granuleLg2;
  if (same && granule !== undefined) parts.push(`${kib(granule)} granules`);
  return parts.join(" · ");
}

function Walk({ walk }: { readonly walk: WalkAnswer }) {
  const shown = useApp((app) => app.shown);
  const selected = useApp((app) => app.selected);
  const structure = useApp((app) => app.structure);
  const summary = useApp((app) => app.summary);
  const select = useApp((app) => app.select);
  const showRecord = useApp((app) => app.showRecord);
  const steps = traceSteps(walk);
  const edited = useMemo(
    () => editedRecords(steps, summary === null ? [] : summary.actions.slice(0, summary.step)),
    [steps, summary],
  );
  return (
    <WalkPlot
      walk={walk}
      shown={shown}
      selected={selected}
      linked={linkedRecords(steps, selected, structure?.pa ?? null)}
      edited={edited}
      label="Grid of accesses. Arrows move, Enter selects, Shift Enter steps there."
      onSelect={select}
      onShow={showRecord}
    />
  );
}

interface WalkPlotProps {
  readonly walk: WalkAnswer;
  /** How many records are shown, and which is selected. */
  readonly shown: number;
  readonly selected: number | null;
  /** Records with a thin ring, and records that an action wrote. */
  readonly linked: ReadonlySet<number>;
  readonly edited: ReadonlySet<number>;
  /** Name for readers of the screen. */
  readonly label: string;
  readonly onSelect: (record: number) => void;
  /** Show the walk up to a count of records; absent where it is always shown whole. */
  readonly onShow?: (count: number) => void;
}

/** A walk with its pointer and keyboard, and what stands below it. */
export function WalkPlot(props: WalkPlotProps) {
  const { walk, shown, selected, linked, edited, label, onSelect: select, onShow: showRecord } = props;
  const [ref, size] = useSize<HTMLDivElement>();
  const [configOpen, setConfigOpen] = useState(false);
  const roomy = useMedia(ROOMY);
  const [combines, setCombines] = useState<boolean | null>(null);
  const combinesOpen = combines ?? roomy;
  const [cursor, setCursor] = useState<number | null>(null);
  const [hover, setHover] = useState<Hover | null>(null);

  const steps = traceSteps(walk);
  const model = useMemo(() => walkModel(steps, walkStages(walk)), [steps, walk]);
  const layout = useMemo(() => {
    if (size === null) return null;
    const strips = (model.stage1 === null ? 0 : 1) + (model.stage2 === null ? 0 : 1);
    return layoutWalk(model, { ...size, strips, configOpen });
  }, [model, size, configOpen]);
  const view: WalkView = { shown, current: currentRecord(walk.trace, shown), selected, cursor, linked, edited };
  const tip = useTip(setHover);
  useScrollTo(ref, layout, selected);

  function onKeyDown(e: KeyboardEvent): void {
    if (layout === null || e.ctrlKey || e.altKey || e.metaKey) return;
    const from = cursor ?? selected ?? view.current;
    if (e.key === "Enter" && cursor !== null) {
      if (e.shiftKey) showRecord?.(cursor + 1);
      else if (cursor < shown) select(cursor);
    } else {
      const to = moveCursor(recordBoxes(layout), from, e.key);
      if (to === undefined) return;
      setCursor(to);
    }
    e.preventDefault();
    e.stopPropagation();
  }

  function onClick(e: PointerEvent | React.MouseEvent): void {
    const record = recordUnder(e.target);
    if (record === null) return;
    if (e.detail === 2) showRecord?.(record + 1);
    else if (record < shown) select(record);
    setCursor(null);
  }

  return (
    <div className="walk-grid">
      <KeyedBox
        box={ref}
        className="walk-scroll"
        label={label}
        onKeyDown={onKeyDown}
        onBlur={() => setCursor(null)}
        onClick={onClick}
        onPointerMove={(e) => tip.over(e, shown)}
        onPointerLeave={tip.out}
      >
        {layout !== null && (
          <WalkDrawing
            steps={steps}
            model={model}
            layout={layout}
            view={view}
            arch={walk.arch}
            iova={walk.access.iova}
            sizeLg2={walk.outcome.type === "ok" && !walk.outcome.bypass ? walk.outcome.sizeLg2 : null}
          />
        )}
        <WalkTable model={model} view={view} walk={walk} />
        <p className="nw-sr" aria-live="polite">
          {cursor === null ? "" : cursorText(steps[cursor], shown)}
        </p>
      </KeyedBox>
      {combinesOpen && (
        <Suspense fallback={null}>
          <CombinedStages walk={walk} />
        </Suspense>
      )}
      <WalkFoot
        model={model}
        walk={walk}
        view={view}
        steps={steps}
        configOpen={configOpen}
        onConfigOpen={model.configRows.length > 0 ? setConfigOpen : null}
        combinesOpen={combinesOpen}
        onCombinesOpen={setCombines}
      />
      {hover !== null && (
        <WalkTip steps={steps} record={hover.record} box={hover.box} model={model} edited={edited.has(hover.record)} />
      )}
    </div>
  );
}

/** Not needed for the first picture. */
const CombinedStages = lazy(async () => ({ default: (await import("./CombinedStages.tsx")).CombinedStages }));

/** A window in which the grid has room above how both stages combine. */
const ROOMY = "(min-height: 960px) and (min-width: 900px)";

/** Room for the ring around a cell. */
const RING = 5;

function cursorText(step: ReturnType<typeof traceSteps>[number] | undefined, shown: number): string {
  if (step === undefined) return "";
  return step.record < shown ? step.name : `${step.name}, not yet read`;
}

/** Scroll as little as shows the selected cell whole. */
function useScrollTo(ref: RefObject<HTMLElement | null>, layout: WalkLayout | null, record: number | null): void {
  useEffect(() => {
    const box = ref.current;
    if (layout === null || record === null || box === null) return;
    const cell = recordBoxes(layout).get(record)?.[0];
    if (cell === undefined) return;
    const [top, bottom] = [cell.y - RING, cell.y + cell.height + RING];
    if (top < box.scrollTop) box.scrollTop = top;
    else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight;
  }, [ref, layout, record]);
}
