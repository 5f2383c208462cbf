/**
 * The walk as a table for readers that do not see the drawing. Off screen, always in step with it.
 */
import type { WalkAnswer } from "../../protocol/engine.ts";
import type { TraceStep } from "../geometry/trace_step.ts";
import { isHit, type WalkModel } from "../geometry/walk_model.ts";
import { outcomeText } from "./outcome_text.ts";
import { ordinalText, stepMeaning } from "./walk_text.ts";
import type { WalkView } from "./walk_view.ts";

const hex = (value: bigint): string => `0x${value.toString(16)}`;

export function WalkTable({
  model,
  view,
  walk,
}: {
  readonly model: WalkModel;
  readonly view: WalkView;
  readonly walk: WalkAnswer;
}) {
  const steps = new Map<number, { step: TraceStep; ordinal: string }>();
  for (const item of model.config) {
    for (const step of [...item.beneath, item.step]) steps.set(step.record, { step, ordinal: "configuration" });
  }
  for (const cell of model.rows.flatMap((r) => r.cells)) {
    if (cell.type === "access")
      steps.set(cell.step.record, {
        step: cell.step,
        ordinal: isHit(cell) ? ordinalText([cell.step], 0) : String(cell.ordinal),
      });
    else if (cell.type === "check") steps.set(cell.step.record, { step: cell.step, ordinal: "check" });
  }
  const rows = [...steps.values()]
    .filter((s) => s.step.record < view.shown)
    .sort((a, b) => a.step.record - b.step.record);
  const missed = model.rows.flatMap((r) => r.cells).filter((c) => c.type === "missed").length;
  return (
    <div className="nw-sr">
      <table>
        <caption>
          Accesses of the walk so far. {view.shown >= 1 && missed > 0 ? `${missed} would have followed.` : ""}{" "}
          {outcomeText(walk).title}
        </caption>
        <thead>
          <tr>
            <th scope="col">Access</th>
            <th scope="col">What</th>
            <th scope="col">PA read</th>
            <th scope="col">Value</th>
            <th scope="col">Meaning</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ step, ordinal }) => (
            <tr key={step.record} aria-current={step.record === view.current ? "step" : undefined}>
              <th scope="row">{ordinal}</th>
              <td>{step.name}</td>
              <td>{step.access === 0 ? "none" : hex(step.pa)}</td>
              <td>{step.access === 0 || step.verdict === "unknown" ? "none" : hex(step.value)}</td>
              <td>{stepMeaning(step)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
