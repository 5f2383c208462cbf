/** The queues of the IOMMU: each as a ring with its ends, and its entries decoded. */
import "./queues.css";
import { useState } from "react";
import type { QueueRow } from "../../protocol/inspection.ts";
import { CommandBox } from "../common/CommandBox.tsx";
import { useApp, useEngineQuery } from "../common/use_app.ts";
import { useSize } from "../common/use_size.ts";
import { QueueView } from "./QueueView.tsx";

const NONE: readonly QueueRow[] = [];
/** Width that a queue needs for its ring and the words beside it. */
const LEAST_PX = 400;

export function Queues() {
  const open = useApp((app) => app.summary !== null);
  return open ? <OpenQueues /> : <p className="nw-empty">No session is open.</p>;
}

function OpenQueues() {
  const { answer } = useEngineQuery("queues", (engine) => engine.queues());
  const all = answer?.queues ?? NONE;
  const [ref, size] = useSize<HTMLDivElement>();
  const [first, setFirst] = useState(0);
  const room = Math.max(1, Math.min(4, Math.floor((size?.width ?? 0) / LEAST_PX)));
  // Those that are set up come first.
  const queues = [...all].sort((a, b) => Number(b.enabled) - Number(a.enabled));
  const from = Math.min(first, Math.max(0, queues.length - room));
  const shown = queues.slice(from, from + room);
  return (
    <div ref={ref} className="queues">
      {answer !== null && answer.commands.length > 0 && (
        <div className="queues-commands" role="toolbar" aria-label="Commands">
          <CommandBox label="Command to enqueue" />
        </div>
      )}
      {queues.length > room && (
        <nav className="nw-tabs nw-tabs-pane" aria-label="Queues">
          {queues.map((q, i) => (
            <button
              key={q.id}
              type="button"
              className="nw-tab"
              data-size="small"
              aria-current={shown.includes(q) ? "true" : undefined}
              onClick={() => setFirst(i)}
            >
              {q.title}
              {q.waiting > 0 && <span className="nw-3">{q.waiting}</span>}
            </button>
          ))}
        </nav>
      )}
      <div className="queues-row">
        {shown.map((queue) => (
          <QueueView key={queue.id} queue={queue} reader={answer?.readers[queue.id]} />
        ))}
        {answer !== null && queues.length === 0 && <p className="nw-empty">No queue is set up.</p>}
      </div>
    </div>
  );
}
