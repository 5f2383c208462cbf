/**
 * The structure inspector: where a structure stands, its bits, its fields, the rules it breaks, and who wrote it.
 */
import "../common/drawing.css";
import "./inspector.css";
import { useMemo, useState } from "react";
import { decodeFields, type FieldDeclaration } from "../../base/layout.ts";
import type { StructureAnswer, StructureQuery } from "../../protocol/engine.ts";
import { Button } from "../common/Button.tsx";
import { Chip } from "../common/Chip.tsx";
import { Glyph, type GlyphName } from "../common/Glyph.tsx";
import { Hex } from "../common/Hex.tsx";
import { NoticeBox } from "../common/NoticeBox.tsx";
import { useApp } from "../common/use_app.ts";
import { useFacts } from "../common/use_facts.ts";
import { useSize } from "../common/use_size.ts";
import { traceSteps } from "../common/walk_reading.ts";
import { CopyMenu } from "./CopyMenu.tsx";
import { HexEditor } from "./HexEditor.tsx";
import { LintSummary } from "./LintSummary.tsx";
import { Provenance } from "./Provenance.tsx";
import { stageOf, structureLayout, structureName } from "./structure_layout.ts";
import { WordSection, wordValue } from "./WordSection.tsx";

/** What the inspected structure is, for the pane's head. */
export function InspectorCaption() {
  const structure = useApp((app) => app.structure);
  const answer = useApp((app) => app.structureAnswer);
  const facts = useFacts();
  return structure === null ? null : structureName(facts, structure, answer?.words ?? null);
}

/** The pane's body. */
export function Inspector() {
  const structure = useApp((app) => app.structure);
  const answer = useApp((app) => app.structureAnswer);
  const [ref, size] = useSize<HTMLDivElement>();
  return (
    <div ref={ref} className="inspector">
      {structure === null ? (
        <p className="nw-empty">Select an access, a stream or a translation to see the structure it reads.</p>
      ) : (
        <>
          <Head structure={structure} answer={answer} />
          {answer !== null && size !== null && (
            // A fresh view for each structure: what was folded or open belongs to the one before.
            <Structure key={`${structure.kind} ${structure.pa}`} answer={answer} width={size.width} />
          )}
        </>
      )}
    </div>
  );
}

type Hue = "s1" | "s2" | "config";

function hueOf(kind: StructureQuery["kind"]): Hue {
  const stage = stageOf(kind);
  return stage === null ? "config" : stage === 1 ? "s1" : "s2";
}

const GLYPHS: Record<Hue, GlyphName> = { s1: "stage1", s2: "stage2", config: "config" };

interface HeadProps {
  readonly structure: StructureQuery;
  readonly answer: StructureAnswer | null;
}

function Head({ structure, answer }: HeadProps) {
  const words = answer?.words ?? null;
  const edited = answer?.editedBits ?? [];
  const writeWords = useApp((app) => app.writeWords);
  const facts = useFacts();
  // The structure whose words are being typed; another one that is shown meanwhile has none.
  const [typing, setTyping] = useState<StructureQuery | null>(null);
  const walk = useApp((app) => app.walk);
  const step = useMemo(() => traceSteps(walk).find((s) => s.access > 0 && s.pa === structure.pa), [walk, structure.pa]);
  const single = words?.length === 2;
  const named = edited.length === 1 ? `bit ${edited[0]}` : `${edited.length} bits`;
  return (
    <div className="inspector-head">
      <div className="inspector-title">
        <Glyph name={GLYPHS[hueOf(structure.kind)]} />
        {single && words !== null ? <Hex value={wordValue(words, 0)} digits={16} /> : <strong>{structure.kind}</strong>}
        {edited.length > 0 && (
          <Chip tone="stale" glyph="edited">
            {named}
          </Chip>
        )}
        <span className="nw-grow" />
        {answer !== null && words !== null && (
          <>
            <Button
              size="small"
              aria-pressed={typing === structure}
              onClick={() => setTyping(typing === structure ? null : structure)}
            >
              Edit hex
            </Button>
            <CopyMenu of={{ layout: structureLayout(facts, structure, words, answer.wide), words, pa: structure.pa }} />
          </>
        )}
      </div>
      {typing === structure && words !== null && (
        <HexEditor words={words} onWrite={(next) => void writeWords(next)} onDone={() => setTyping(null)} />
      )}
      <div className="nw-2 nw-small">
        at{" "}
        {step !== undefined && step.at !== step.pa && (
          <>
            IPA <Hex value={step.at} /> ·{" "}
          </>
        )}
        PA <Hex value={structure.pa} />
        {step?.kind === "Descriptor" && (
          <>
            {" "}
            · entry <Hex value={step.entry} digits={3} />
          </>
        )}
      </div>
    </div>
  );
}

function Structure({ answer, width }: { readonly answer: StructureAnswer; readonly width: number }) {
  const toggleBit = useApp((app) => app.toggleBit);
  const writeField = useApp((app) => app.writeField);
  const [hot, setHot] = useState<string | null>(null);
  const [open, setOpen] = useState<string | null>(null);
  const [turned, setTurned] = useState<ReadonlySet<number>>(new Set());
  const { words, query, lint } = answer;
  const facts = useFacts();
  const edited = useMemo(() => new Set(answer.editedBits), [answer]);
  if (words === null) {
    return (
      <div className="inspector-part">
        <NoticeBox
          tone="warning"
          title="The session does not hold this memory."
          place={`PA 0x${query.pa.toString(16)}`}
          detail="What stands there is not known, so nothing can be shown or edited."
        />
      </div>
    );
  }
  const layout = structureLayout(facts, query, words, answer.wide);
  const fields = decodeFields(layout, words);
  const count = layout.bits / 64;
  const turn = (word: number): void => {
    const next = new Set(turned);
    if (!next.delete(word)) next.add(word);
    setTurned(next);
  };
  return (
    <>
      <LintSummary lint={lint} />
      {Array.from({ length: count }, (_, word) => word).map((word) => (
        <WordSection
          key={word}
          word={word}
          headed={count > 1}
          // Words of zeros start folded, unless an edit made them so.
          folded={count > 1 && (wordValue(words, word) === 0n && !editedIn(edited, word)) !== turned.has(word)}
          onFold={() => turn(word)}
          declared={layout.fields}
          fields={fields}
          words={words}
          width={width - 24}
          hue={hueOf(query.kind)}
          edited={edited}
          lint={lint}
          hot={hot}
          open={open}
          onHot={setHot}
          onOpen={(name) => setOpen(open === name ? null : name)}
          onToggle={(bit) => void toggleBit(bit)}
          onWrite={(field: FieldDeclaration, value) => void writeField(field, value)}
        />
      ))}
      <Provenance answer={answer} section={layout.section} name={layout.name} />
    </>
  );
}

function editedIn(edited: ReadonlySet<number>, word: number): boolean {
  return [...edited].some((bit) => bit >> 6 === word);
}
