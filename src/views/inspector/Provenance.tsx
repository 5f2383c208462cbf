/**
 * Who wrote a structure, which accesses of the walk read it, and where it is defined.
 */
import type { StructureAnswer } from "../../protocol/engine.ts";
import { Button } from "../common/Button.tsx";
import { useApp } from "../common/use_app.ts";
import { WriterText } from "../common/WriterText.tsx";
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
  const action = writtenBy === null || writtenBy.by === "earlier" ? null : writtenBy.action;
  const undone = summary === null || action === null ? 0 : summary.step - action;
  return (
    <div className="inspector-part">
      <dl className="inspector-kv">
        <dt>Written by</dt>
        <dd>
          <WriterText writer={writtenBy} />
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
        {action !== null && (
          <>
            <Button onClick={() => void seek(action)}>
              Take back action {action + 1}
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
