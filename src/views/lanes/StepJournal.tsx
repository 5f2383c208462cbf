/** What the software did in the newest action of the step: as lanes or as a list, with its causes folded and unfolded. */
import { useMemo, useState } from "react";
import { readActionJournal } from "../../app/journal_reader.ts";
import type { JournalEntry } from "../../protocol/journal.ts";
import { Button } from "../common/Button.tsx";
import { DrawTip } from "../common/DrawTip.tsx";
import { Hex } from "../common/Hex.tsx";
import { KeyedBox } from "../common/KeyedBox.tsx";
import { Tabs } from "../common/Tabs.tsx";
import { useEngineQuery } from "../common/use_app.ts";
import { useSize } from "../common/use_size.ts";
import { type JournalSpans, journalSpans, type SpanShape } from "../geometry/journal_spans.ts";
import { deedText } from "./deed_text.ts";
import { valueText } from "./entry_text.ts";
import { type HoveredSpan, JournalDrawing } from "./JournalDrawing.tsx";
import { JournalList } from "./JournalList.tsx";
import { plotWidth, useLaneView } from "./use_lane_view.ts";

const SHOWN = [
  { id: "order", text: "In order" },
  { id: "time", text: "To scale" },
  { id: "list", text: "List" },
] as const;
type Shown = (typeof SHOWN)[number]["id"];

type Prices = Readonly<Record<string, number>>;

/** @param prices nanoseconds for each deed */
export function StepJournal({ step, prices }: { readonly step: number; readonly prices: Prices }) {
  const { answer } = useEngineQuery(`journal of step ${step}`, (engine) => readActionJournal(engine, step - 1));
  const [shown, setShown] = useState<Shown>("order");
  const [folded, setFolded] = useState<ReadonlySet<number>>(new Set());
  const entries = answer?.entries ?? NO_ENTRIES;
  const spans = useMemo(
    () => journalSpans(entries, folded, shown === "time" ? (deed) => prices[deed] ?? 0 : null),
    [entries, folded, shown, prices],
  );
  const fold = (id: number): void => {
    const next = new Set(folded);
    if (!next.delete(id)) next.add(id);
    setFolded(next);
  };
  const causes = useMemo(() => new Set(entries.flatMap(({ cause }) => cause ?? [])), [entries]);
  return (
    <section className="step-journal" aria-label="What the software did in this step">
      <div className="step-journal-head">
        <Tabs label="How it is shown" tabs={SHOWN} chosen={shown} onChoose={setShown} />
        <p className="nw-2 nw-small nw-ellipsis">{answer === null ? "" : summary(step, entries, answer.cut)}</p>
        <span className="nw-grow" />
        <Button size="small" kind="quiet" disabled={causes.size === 0} onClick={() => setFolded(causes)}>
          Fold all
        </Button>
        <Button size="small" kind="quiet" disabled={folded.size === 0} onClick={() => setFolded(new Set())}>
          Unfold all
        </Button>
      </div>
      {answer !== null && entries.length === 0 ? (
        <p className="nw-empty">No software acted in this step.</p>
      ) : shown === "list" ? (
        <JournalList entries={entries} spans={spans} onFold={fold} />
      ) : (
        // Another step or another scale begins with all of it in view.
        <Plot key={`${step} ${shown}`} entries={entries} spans={spans} scaled={shown === "time"} onFold={fold} />
      )}
    </section>
  );
}

const NO_ENTRIES: readonly JournalEntry[] = [];

function summary(step: number, entries: readonly JournalEntry[], cut: boolean): string {
  const count = (one: string, ...deeds: readonly string[]): string[] => {
    const found = entries.filter(({ deed }) => deeds.includes(deed)).length;
    return found === 0 ? [] : [`${found} ${one}${found === 1 ? "" : "s"}`];
  };
  const parts = [
    step === 0 ? "Before the first action" : `Action ${step}`,
    `${entries.length} ${entries.length === 1 ? "thing" : "things"} happened`,
    ...count("VM exit", "trapped read", "trapped write"),
    ...count("ioctl", "ioctl"),
    ...count("command", "command"),
    ...(cut ? ["older ones are not kept"] : []),
  ];
  return parts.join(" · ");
}

/** A time of the model in the unit that suits a view `span` ns wide. */
const timeText = (ns: number, span: number): string => (span < 2000 ? `${ns}\u2009ns` : `${ns / 1000}\u2009µs`);

interface PlotProps {
  readonly entries: readonly JournalEntry[];
  readonly spans: JournalSpans;
  readonly scaled: boolean;
  readonly onFold: (id: number) => void;
}

function Plot({ entries, spans, scaled, onFold }: PlotProps) {
  const [ref, size] = useSize<HTMLDivElement>();
  const [hovered, setHovered] = useState<HoveredSpan | null>(null);
  const length = Math.max(1, spans.length);
  const width = plotWidth(size?.width);
  const { view, zoom, onKeyDown } = useLaneView({ box: ref, width, length, scrolls: true });

  /** Things too narrow to tell apart come nearer; of others the effects fold. */
  function open(shape: SpanShape): void {
    const { entry, from, below } = spans.spans[shape.span]!;
    setHovered(null);
    if (shape.count > 1) zoom(0.2, from);
    else if (below > 0) onFold(entries[entry]!.id);
  }
  const hoveredEntry = hovered === null ? undefined : entries[spans.spans[hovered.span]?.entry ?? -1];
  return (
    <>
      <KeyedBox
        box={ref}
        className="lanes-plot"
        label="This step in lanes. Plus and minus zoom, arrows move, 0 shows all; the list says the same in words."
        onKeyDown={onKeyDown}
      >
        {size !== null && (
          <JournalDrawing
            entries={entries}
            spans={spans}
            width={width}
            height={size.height}
            view={view}
            tick={(at) => (scaled ? timeText(at, view.to - view.from) : String(at))}
            onOpen={open}
            onHover={setHovered}
          />
        )}
      </KeyedBox>
      {hovered !== null && hoveredEntry !== undefined && (
        <EntryTip entry={hoveredEntry} hovered={hovered} below={spans.spans[hovered.span]?.below ?? 0} />
      )}
    </>
  );
}

function EntryTip(props: { readonly entry: JournalEntry; readonly hovered: HoveredSpan; readonly below: number }) {
  const { entry, hovered, below } = props;
  const value = valueText(entry);
  if (hovered.count > 1) {
    return (
      <DrawTip box={hovered.box}>
        <h4>{hovered.count} things</h4>
        <p className="draw-tip-keys">Click to come nearer</p>
      </DrawTip>
    );
  }
  return (
    <DrawTip box={hovered.box}>
      <h4>{entry.about === "" ? deedText(entry.deed) : entry.about}</h4>
      <dl>
        <dt>Deed</dt>
        <dd>
          {deedText(entry.deed)}, by the {entry.actor}
        </dd>
        {entry.at >= 0 && (
          <>
            <dt>{entry.deed.startsWith("memory") ? "Address" : "At"}</dt>
            <dd>
              <Hex value={entry.at} />
            </dd>
          </>
        )}
        {value !== null && (
          <>
            <dt>Value</dt>
            <dd>
              <Hex value={BigInt(value)} />
            </dd>
          </>
        )}
        {below > 0 && (
          <>
            <dt>Causes</dt>
            <dd>{below} more</dd>
          </>
        )}
      </dl>
      {below > 0 && <p className="draw-tip-keys">Click to fold or unfold</p>}
    </DrawTip>
  );
}
