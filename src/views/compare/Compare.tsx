/**
 * Two states side by side: steps of the session, or of it and another that was opened beside it. What differs is listed
 * part by part; the walk of the chosen access stands on both sides, with the place where they part.
 */
import "./compare.css";
import { useState } from "react";
import { useShallow } from "zustand/react/shallow";
import { sideQuery } from "../../app/compare_slice.ts";
import { COMPARED_PARTS, type ComparedPart, type ComparisonAnswer, type SideQuery } from "../../protocol/comparison.ts";
import type { Result } from "../../protocol/engine.ts";
import { NoticeBox } from "../common/NoticeBox.tsx";
import { Tabs } from "../common/Tabs.tsx";
import { useApp, useEngineQuery } from "../common/use_app.ts";
import { ComparedWalks } from "./ComparedWalks.tsx";
import { Differences } from "./Differences.tsx";
import { Sides } from "./Sides.tsx";
import { type ListedPart, outcomePart, tracePart } from "./walk_parts.ts";

export function Compare() {
  const open = useApp((app) => app.summary !== null);
  return open ? <OpenCompare /> : <p className="nw-empty">No session is open.</p>;
}

function OpenCompare() {
  const left = useApp(useShallow((app) => sideQuery(app.comparison.left, app)));
  const right = useApp(useShallow((app) => sideQuery(app.comparison.right, app)));
  const beside = useApp((app) => app.comparison.beside);
  const access = useApp((app) => app.access);
  const last = useApp((app) => app.summary?.actionCount);
  const key = `compare ${sideKey(left)} ${sideKey(right)} ${beside?.title} ${access?.sid} ${access?.ssid} ${access?.iova} ${access?.write}`;
  const { answer, stale } = useEngineQuery(left === null || right === null ? null : key, (engine) =>
    engine.compare(left!, right!, access),
  );
  return (
    <div className="compare" data-stale={stale}>
      <Sides />
      {left === null || right === null ? (
        <p className="nw-empty">Choose what stands on each side.</p>
      ) : sideKey(left) === sideKey(right) ? (
        <Same alone={right.of === "session" && right.step === 0 && last === 0} />
      ) : answer === null ? (
        <p className="nw-empty">Comparing…</p>
      ) : (
        <Answer answer={answer} names={[sideName(left), sideName(right)]} />
      )}
    </div>
  );
}

/** Both sides are one state. */
function Same({ alone }: { readonly alone: boolean }) {
  const why = alone
    ? "The session has no actions: do something in it, or compare it with a scenario of the library."
    : "Choose another step on one side, or another session.";
  return <p className="nw-empty">The two states are the same. {why}</p>;
}

const sideKey = (side: SideQuery | null): string => (side === null ? "" : `${side.of} ${side.step}`);

const sideName = ({ of, step }: SideQuery): string => `${of === "session" ? "" : "Other, "}step ${step}`;

interface AnswerProps {
  readonly answer: Result<ComparisonAnswer>;
  /** What the sides are called. */
  readonly names: readonly [string, string];
}

function Answer({ answer, names }: AnswerProps) {
  const [chosen, setChosen] = useState<string | null>(null);
  if (!answer.ok) return <NoticeBox tone="fault" title={answer.error.title} detail={answer.error.detail} />;
  const { parts, walks, digests } = answer.value;
  const listed: readonly ListedPart[] = [...(walks === null ? [] : [outcomePart(walks), tracePart(walks)]), ...parts];
  const tabs = [{ id: "walk", text: "Walk" }, ...listed.map((part) => ({ id: part.id, text: tabText(part) }))];
  const first = listed.find(({ differing }) => differing > 0)?.id ?? "walk";
  const at = tabs.some(({ id }) => id === chosen) ? chosen! : first;
  const part = listed.find(({ id }) => id === at);
  return (
    <>
      <div className="compare-tools">
        <Tabs label="What is compared" tabs={tabs} chosen={at} onChoose={setChosen} />
        <span className="nw-grow" />
        <span role="status" className="nw-small nw-2">
          {digests[0] === digests[1] ? "The two states are the same." : totalText(parts)}
        </span>
      </div>
      {part !== undefined ? (
        <Differences key={part.id} part={part} names={names} />
      ) : walks === null ? (
        <p className="nw-empty">Choose an access to see its walk on both sides.</p>
      ) : (
        <ComparedWalks walks={walks} names={names} />
      )}
    </>
  );
}

const TITLES: Readonly<Record<string, string>> = { outcome: "Outcome", trace: "Trace", ...COMPARED_PARTS };

const tabText = ({ id, differing }: ListedPart): string =>
  `${TITLES[id]}${differing === 0 ? "" : ` ${differing.toLocaleString("en").replaceAll(",", "\u2009")}`}`;

/** Of two architectures some parts are not compared. */
const isApart = (parts: readonly ComparedPart[]): boolean => parts.some(({ why }) => why !== undefined);

function totalText(parts: readonly ComparedPart[]): string {
  if (isApart(parts)) return "Two architectures: what each has of its own is not compared.";
  const total = parts.reduce((sum, { differing }) => sum + differing, 0);
  return total === 0 ? "They differ in memory alone." : `${total} ${total === 1 ? "difference" : "differences"}`;
}
