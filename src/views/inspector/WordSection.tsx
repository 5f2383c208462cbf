/**
 * One 64-bit word of a structure: its value, its ruler and its fields. A word of zeros is folded to a line.
 */
import { useMemo } from "react";
import type { FieldDeclaration, FieldValue } from "../../base/layout.ts";
import type { LintFinding } from "../../protocol/engine.ts";
import { Hex } from "../common/Hex.tsx";
import { BitRulerView } from "./BitRulerView.tsx";
import { FieldRow } from "./FieldRow.tsx";

export interface SectionProps {
  readonly declared: readonly FieldDeclaration[];
  readonly fields: readonly FieldValue[];
  readonly words: Uint32Array;
  readonly word: number;
  /** Whether the structure has more than this word, so that it needs a head. */
  readonly headed: boolean;
  readonly folded: boolean;
  readonly onFold: () => void;
  readonly width: number;
  readonly hue: "s1" | "s2" | "config";
  readonly edited: ReadonlySet<number>;
  readonly lint: readonly LintFinding[];
  readonly hot: string | null;
  readonly open: string | null;
  readonly onHot: (name: string | null) => void;
  readonly onOpen: (name: string) => void;
  readonly onToggle: (bit: number) => void;
  readonly onWrite: (field: FieldDeclaration, value: bigint) => void;
}

/** The 64 bits of word `word`. */
export function wordValue(words: Uint32Array, word: number): bigint {
  return (BigInt(words[2 * word + 1]!) << 32n) | BigInt(words[2 * word]!);
}

export function WordSection(props: SectionProps) {
  const { fields, words, word, headed, folded, width, hue, edited, lint, hot, open } = props;
  const from = 64 * word;
  const here = fields.filter((f) => f.declaration.lo >= from && f.declaration.lo < from + 64);
  const layoutFields = props.declared;
  const declarations = useMemo(
    () => layoutFields.filter((f) => f.lo >= from && f.lo < from + 64),
    [layoutFields, from],
  );
  const value = wordValue(words, word);
  // Reserved bits are listed only where they are not what they should be.
  const listed = here.filter((f) => f.declaration.form !== "reserved" || f.value !== 0n).reverse();
  return (
    <section className="word" aria-label={`Word ${word}`}>
      {headed && (
        <button type="button" className="word-head" aria-expanded={!folded} onClick={props.onFold}>
          <span className="word-mark" data-open={!folded} aria-hidden="true" />
          <span className="nw-strong">Word {word}</span>
          <span className="nw-3">
            [{from + 63}:{from}]
          </span>
          <span className="nw-grow" />
          {value === 0n && folded ? <span className="nw-3">zero</span> : <Hex value={value} digits={16} />}
        </button>
      )}
      {!folded && (
        <>
          <div className="word-ruler">
            <BitRulerView
              fields={declarations}
              words={words}
              from={from}
              width={width}
              hue={hue}
              edited={edited}
              hot={hot}
              bad={new Set(lint.filter((l) => l.severity === "illegal").map((l) => l.field))}
              onHot={props.onHot}
              onToggle={props.onToggle}
            />
          </div>
          <ul className="fields">
            {listed.map((f) => (
              <FieldRow
                key={f.declaration.name}
                field={f}
                edited={bitsBetween(f.declaration.lo, f.declaration.hi).some((b) => edited.has(b))}
                hot={hot === f.declaration.name}
                open={open === f.declaration.name}
                findings={lint.filter((l) => l.field === f.declaration.name)}
                onHot={props.onHot}
                onOpen={() => props.onOpen(f.declaration.name)}
                onWrite={props.onWrite}
              />
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function bitsBetween(lo: number, hi: number): number[] {
  return Array.from({ length: hi - lo + 1 }, (_, i) => lo + i);
}
