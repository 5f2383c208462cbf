/**
 * The software of the session: what it did in a wrong order, the host kernel's objects, calls that were refused, what the
 * guest logged, and what everything costs.
 */
import "./software.css";
import type { Hazard, SoftwareAnswer } from "../../protocol/software.ts";
import { Button } from "../common/Button.tsx";
import { Glyph } from "../common/Glyph.tsx";
import { useApp, useEngineQuery } from "../common/use_app.ts";
import { EraLink } from "../eras/EraLink.tsx";
import { Costs } from "./Costs.tsx";
import { Objects } from "./Objects.tsx";

export function Software() {
  const open = useApp((app) => app.summary !== null);
  return open ? <OpenSoftware /> : <p className="nw-empty">No session is open.</p>;
}

function OpenSoftware() {
  const { answer } = useEngineQuery("software", async (engine) => ({ software: await engine.software() }));
  if (answer === null) return null;
  return answer.software === null ? <HardwareOnly /> : <Whole answer={answer.software} />;
}

function HardwareOnly() {
  const openLibrary = useApp((app) => app.openLibrary);
  return (
    <div className="software-none">
      <p>This session is a machine without software: its actions are writes and transactions, as hardware sees them.</p>
      <p className="nw-2">The library has machines with a host, a VMM and a guest, whose kernel maps and unmaps.</p>
      <Button onClick={() => void openLibrary()}>Open the library…</Button>
    </div>
  );
}

function Whole({ answer }: { readonly answer: SoftwareAnswer }) {
  const late = useApp(({ summary }) => summary !== null && summary.step < summary.actions.length);
  const { hazards, refused, guestLog, objects } = answer;
  return (
    <div className="software">
      {hazards.length > 0 && <Hazards hazards={hazards} />}
      <div className="software-parts" data-kernel={objects.length > 0}>
        {objects.length > 0 ? (
          <Objects objects={objects} late={late} />
        ) : (
          <p className="objects nw-empty">This session has no host kernel.</p>
        )}
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard. */}
        <section className="software-facts" aria-label="Costs and logs" tabIndex={0}>
          <EraLink />
          <Costs answer={answer} />
          <Lines title="Refused calls" none="No call was refused." lines={refused} fault />
          <Lines title="Guest log" none="The guest's kernel logged nothing." lines={guestLog} />
        </section>
      </div>
    </div>
  );
}

function Hazards({ hazards }: { readonly hazards: readonly Hazard[] }) {
  const seek = useApp((app) => app.seek);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard.
    <section className="hazards" aria-label="Hazards" tabIndex={0}>
      {hazards.map(({ action, text }, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: hazards are only ever added at the end, and may be equal.
        <button key={i} type="button" className="hazard" onClick={() => void seek(action + 1)}>
          <Glyph name="stale" />
          <span className="nw-strong nw-nowrap">{action < 0 ? "At the start" : `Action ${action + 1}`}</span>
          <span>{text}</span>
        </button>
      ))}
    </section>
  );
}

/** Most lines that are listed, the newest. */
const MOST = 200;

interface LinesProps {
  readonly title: string;
  readonly none: string;
  readonly lines: readonly string[];
  readonly fault?: boolean;
}

function Lines({ title, none, lines, fault = false }: LinesProps) {
  const first = Math.max(0, lines.length - MOST);
  return (
    <section aria-label={title} className="software-lines">
      <h3>
        {title} <span className="nw-3 nw-small">{lines.length > 0 && lines.length}</span>
      </h3>
      {lines.length === 0 && <p className="nw-2">{none}</p>}
      {first > 0 && <p className="nw-2">The first {first} are not shown.</p>}
      <ol start={first + 1}>
        {lines.slice(first).map((line, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines are only ever added at the end, and may be equal.
          <li key={first + i} className={fault ? "nw-fault" : "nw-mono"}>
            {fault && <Glyph name="fault" />}
            {line}
          </li>
        ))}
      </ol>
    </section>
  );
}
