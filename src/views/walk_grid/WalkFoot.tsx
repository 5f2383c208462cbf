/**
 * Below the drawing: what became of the access, and how many memory accesses it took, with the formula.
 */
import type { WalkAnswer } from "../../protocol/engine.ts";
import { Button } from "../common/Button.tsx";
import { Glyph } from "../common/Glyph.tsx";
import { Hex } from "../common/Hex.tsx";
import type { TraceStep } from "../geometry/trace_step.ts";
import { isHit, type WalkModel } from "../geometry/walk_model.ts";
import { outcomeText } from "./outcome_text.ts";
import type { WalkView } from "./walk_view.ts";

interface FootProps {
  readonly walk: WalkAnswer;
  readonly model: WalkModel;
  readonly view: WalkView;
  readonly steps: readonly TraceStep[];
  readonly configOpen: boolean;
  /** Null where no configuration was fetched through stage 2. */
  readonly onConfigOpen: ((open: boolean) => void) | null;
  readonly combinesOpen: boolean;
  readonly onCombinesOpen: (open: boolean) => void;
}

export function WalkFoot(props: FootProps) {
  return (
    <div className="walk-foot">
      <OutcomeLine {...props} />
      <Count {...props} />
    </div>
  );
}

function OutcomeLine({ walk, view, steps }: FootProps) {
  const { outcome, access } = walk;
  const text = outcomeText(walk);
  const kind = `${access.privileged ? "privileged " : ""}${access.instruction ? "instruction fetch" : access.write ? "write" : "read"}`;
  if (view.shown < steps.length) {
    return (
      <div className="walk-outcome" data-tone="pending">
        <span className="nw-2">
          {view.shown === 0 ? "Nothing has been read yet." : "The walk is under way."} The device asks for a {kind} at
          IOVA <Hex value={access.iova} />.
        </span>
      </div>
    );
  }
  return (
    <div className="walk-outcome" data-tone={text.tone}>
      <Glyph name={text.tone === "ok" ? "physical" : text.tone === "fault" ? "fault" : "unknown"} />
      <span>
        <strong>{outcome.type === "ok" ? `The ${kind} goes through.` : text.title}</strong>{" "}
        {outcome.type === "ok" ? (
          <>
            IOVA <Hex value={access.iova} /> is PA <Hex value={outcome.pa} />.{" "}
            <span className="nw-2">{text.cause}</span>
          </>
        ) : (
          <span className="nw-2">
            {text.cause} {text.section !== "" && <span className="nw-3 nw-nowrap">{text.section}</span>}
          </span>
        )}
      </span>
    </div>
  );
}

function Count({ model, view, configOpen, onConfigOpen, combinesOpen, onCombinesOpen }: FootProps) {
  const { counts } = model;
  const shown = (s: TraceStep): boolean => s.record < view.shown;
  const cells = model.rows.flatMap((r) => r.cells);
  const done = cells.filter((c) => c.type === "access" && !isHit(c) && shown(c.step)).length;
  const checked = cells.filter((c) => c.type === "missed" || c.type === "check").length;
  const config = model.config.flatMap((i) => [...i.beneath, i.step]).filter((s) => s.access > 0 && shown(s)).length;
  const { stage1, stage2 } = counts.levels;
  const known = !model.stage1Unread && stage1 + stage2 > 0;
  return (
    <div className="walk-count">
      <span className="walk-count-n">
        {done}
        <span> / {counts.total}</span>
      </span>
      <span className="nw-2">
        accesses{known && <>, </>}
        {known && (
          <code>
            ({stage1} + 1) × ({stage2} + 1) − 1 = {counts.full}
          </code>
        )}
        {known && counts.total < counts.full && ", fewer by blocks"}
        {known && counts.kept > 0 && `, ${counts.made} with caches`}
        {model.stage1Unread && ", stage 1 not known without a valid CD"}
        {!known && !model.stage1Unread && " to tables"}
      </span>
      {counts.kept > 0 && (
        <span className="walk-count-k">
          <span className="walk-kept" aria-hidden="true" />
          <b>{counts.kept}</b> spared by caches
        </span>
      )}
      {checked > 0 && (
        <span className="walk-count-k">
          <Glyph name="missed" />
          <b>{checked}</b> not reached
        </span>
      )}
      <span className="walk-count-k">
        <Glyph name="config" />
        <b>{config}</b> {counts.config > config && <>/ {counts.config}</>} for configuration
        {onConfigOpen !== null && (
          <Button size="small" aria-pressed={configOpen} onClick={() => onConfigOpen(!configOpen)}>
            {configOpen ? "Fold CD fetch" : "Show CD fetch"}
          </Button>
        )}
      </span>
      <span className="nw-grow" />
      <Button
        size="small"
        aria-pressed={combinesOpen}
        title="Rights and attributes of both stages, and where each bit of the address comes from"
        onClick={() => onCombinesOpen(!combinesOpen)}
      >
        Rights
      </Button>
    </div>
  );
}
