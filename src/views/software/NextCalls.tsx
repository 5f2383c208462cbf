/** What the kernel would answer to calls with the chosen object; a click makes the call the next step. */
import { useMemo } from "react";
import type { KernelObjectRow } from "../../protocol/software.ts";
import { Glyph } from "../common/Glyph.tsx";
import { useApp, useEngineQuery } from "../common/use_app.ts";
import { callText, nextCalls, refusalOf } from "./next_calls.ts";

interface NextCallsProps {
  readonly row: KernelObjectRow;
  readonly objects: readonly KernelObjectRow[];
}

export function NextCalls({ row, objects }: NextCallsProps) {
  const act = useApp((app) => app.act);
  const calls = useMemo(() => nextCalls(row, objects), [row, objects]);
  const { answer } = useEngineQuery(`what may follow with object ${row.id}`, (engine) => engine.trial(calls));
  if (answer === null) return <p className="objects-calls nw-2 nw-small">Asking the kernel…</p>;
  if (!answer.ok) return <p className="objects-calls nw-2 nw-small">{answer.error.detail}</p>;
  return (
    <ul className="objects-calls" aria-label={`Calls with ${row.type} ${row.id}`}>
      {calls.map((call, i) => {
        const result = answer.value[i];
        const about = result?.type === "software" ? result.about : "";
        const refusal = refusalOf(call.call, about);
        return (
          <li key={callText(call)}>
            <button type="button" title={`Make this call the next step. ${about}`} onClick={() => void act(call)}>
              <Glyph name={refusal === null ? "ok" : "fault"} />
              <span className="nw-mono">{callText(call)}</span>
              {refusal === null ? (
                <span className="nw-2">{about.replace(`${call.call} `, "")}</span>
              ) : (
                <span className="nw-fault">
                  {refusal.errno} <span className="nw-2">{refusal.why}</span>
                </span>
              )}
            </button>
          </li>
        );
      })}
    </ul>
  );
}
