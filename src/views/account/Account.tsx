/**
 * The walk in words, for reading along: each access that was made so far, the newest in view, in prose size.
 */
import "./account.css";
import { useEffect, useRef } from "react";
import { WORDS } from "../../arch/words.ts";
import type { WalkAnswer } from "../../protocol/engine.ts";
import { Glyph, type GlyphName } from "../common/Glyph.tsx";
import { Hex } from "../common/Hex.tsx";
import { useApp } from "../common/use_app.ts";
import { traceSteps } from "../common/walk_reading.ts";
import type { TraceStep } from "../geometry/trace_step.ts";
import { outcomeText } from "../walk_grid/outcome_text.ts";
import { ordinalText, stepMeaning } from "../walk_grid/walk_text.ts";

export function Account() {
  const walk = useApp((app) => app.walk);
  if (walk === null) return <p className="nw-empty">Choose a translation to read what happens in it.</p>;
  return <Told walk={walk} />;
}

function Told({ walk }: { readonly walk: WalkAnswer }) {
  const shown = useApp((app) => app.shown);
  const selected = useApp((app) => app.selected);
  const select = useApp((app) => app.select);
  const steps = traceSteps(walk);
  const told = steps.filter((s) => s.record < shown && (s.access > 0 || s.kind === "Check" || s.verdict === "fault"));
  const newest = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `shown` says when there is a new last line.
  useEffect(() => {
    newest.current?.scrollIntoView({ block: "nearest" });
  }, [shown]);
  const { access } = walk;
  const { context } = WORDS[walk.arch];
  const kind = access.instruction ? "fetches an instruction" : access.write ? "writes" : "reads";
  const end = shown >= steps.length;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard.
    <section className="account" aria-label="What happens, in words" tabIndex={0}>
      <p>
        Device <Hex value={access.sid} /> {kind} at IOVA <Hex value={access.iova} />
        {access.ssid !== null && (
          <>
            {" "}
            with {context} <Hex value={access.ssid} />
          </>
        )}
        .
      </p>
      <ol>
        {told.map((step) => (
          <li key={step.record}>
            <button type="button" data-selected={step.record === selected} onClick={() => select(step.record)}>
              <Glyph name={glyphOf(step)} />
              <span>
                <span className="account-name">{step.name}</span>{" "}
                <span className="nw-3">{ordinalText(steps, step.record)}</span>
                <br />
                {step.access > 0 && (
                  <span className="nw-2">
                    read at PA <Hex value={step.pa} />:{" "}
                  </span>
                )}
                <span className={step.verdict === "fault" ? "nw-fault" : ""}>{stepMeaning(step)}</span>
              </span>
            </button>
          </li>
        ))}
      </ol>
      <div ref={newest}>
        {end ? <Ending walk={walk} /> : <p className="nw-3">The walk goes on: → makes the next access.</p>}
      </div>
    </section>
  );
}

function Ending({ walk }: { readonly walk: WalkAnswer }) {
  const { title, cause, section } = outcomeText(walk);
  return (
    <p className="account-end" data-tone={walk.outcome.type}>
      <strong>{title}</strong>{" "}
      {walk.outcome.type === "ok" && (
        <>
          PA <Hex value={walk.outcome.pa} />.{" "}
        </>
      )}
      {cause} <span className="nw-3">{section}</span>
    </p>
  );
}

function glyphOf(step: TraceStep): GlyphName {
  if (step.verdict === "fault") return "fault";
  if (step.verdict === "unknown") return "unknown";
  if (step.kind !== "Descriptor") return "config";
  return step.stage === 1 ? "stage1" : "stage2";
}
