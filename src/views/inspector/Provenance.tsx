/**
 * Who wrote a structure, which accesses of the walk read it, and where it is defined.
 */
import type { StructureAnswer } from "../../protocol/engine.ts";
import { actionText } from "../common/action_text.ts";
import { Button } from "../common/Button.tsx";
import { useApp } from "../common/use_app.ts";
import { traceSteps } from "../common/walk_reading.ts";
import { ordinalText } from "../walk_grid/walk_text.ts";

export function Provenance({
  answer,
  section,
  name,
}: {
  readonly answer: StructureAnswer;
  readonly section: string;
  readonly name: string;
}) {
  const summary = useApp((app) => app.summary);
  const walk = useApp((app) => app.walk);
  const shown = useApp((app) => app.shown);
  const select = useApp((app) => app.select);
  const seek = useApp((app) => app.seek);
  const show = useApp((app) => app.showPane);
  const watch = useApp((app) => app.addWatch);
  const { writtenBy, query } = answer;
  const bytes = answer.words?.byteLength ?? 8;
  const steps = traceSteps(walk);
  const readers = steps.filter((s) => s.access > 0 && s.pa === query.pa && s.record < shown);
  const writer = writtenBy === null ? undefined : summary?.actions[writtenBy];
  const undone = summary === null || writtenBy === null ? 0 : summary.step - writtenBy;
  return (
    <div className="inspector-part">
      <dl className="inspector-kv">
        <dt>Written by</dt>
        <dd>
          {writtenBy === null ? (
            "as the session began"
          ) : (
            <>
              action {writtenBy + 1}
              {writer !== undefined && `, ${actionText(writer)}`}
            </>
          )}
        </dd>
        <dt>Read by</dt>
        <dd>
          {readers.length === 0
            ? "no access of this walk so far"
            : readers.map((s) => (
                <button key={s.record} type="button" className="inspector-link" onClick={() => select(s.record)}>
                  {ordinalText(steps, s.record)}
                </button>
              ))}
        </dd>
        <dt>Defined in</dt>
        <dd>
          {section}, {name}
        </dd>
      </dl>
      <span className="inspector-actions">
        {writtenBy !== null && (
          <>
            <Button onClick={() => void seek(writtenBy)}>
              Take back action {writtenBy + 1}
              {undone > 1 && <span className="nw-3"> and {undone - 1} after it</span>}
            </Button>
            <Button kind="quiet" onClick={() => show("timeline")}>
              Show in the timeline
            </Button>
          </>
        )}
        <Button
          kind="quiet"
          title="Playing and running stop where it changes"
          onClick={() => watch({ on: "memory", from: query.pa, to: query.pa + BigInt(bytes), label: name })}
        >
          Watch it
        </Button>
      </span>
    </div>
  );
}
