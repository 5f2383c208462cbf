/**
 * A field of a structure: bits, name, value with its meaning; the value can be typed over. Chosen, it says more.
 */
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { FieldDeclaration, FieldValue } from "../../base/layout.ts";
import type { LintFinding } from "../../protocol/engine.ts";
import { Glyph } from "../common/Glyph.tsx";
import { Hex } from "../common/Hex.tsx";
import { fieldText, isBinary, parseField } from "./field_text.ts";

function bitsText(f: FieldDeclaration): string {
  return f.hi === f.lo ? String(f.hi) : `${f.hi}:${f.lo}`;
}

interface FieldRowProps {
  readonly field: FieldValue;
  readonly edited: boolean;
  readonly hot: boolean;
  readonly open: boolean;
  readonly findings: readonly LintFinding[];
  readonly onHot: (name: string | null) => void;
  readonly onOpen: () => void;
  readonly onWrite: (field: FieldDeclaration, value: bigint) => void;
}

export function FieldRow(props: FieldRowProps) {
  const { field, edited, hot, open, findings, onHot, onOpen, onWrite } = props;
  const { declaration: d, value, meaning } = field;
  const [typing, setTyping] = useState(false);
  const reserved = d.form === "reserved";
  const worst = findings.find((f) => f.severity === "illegal") ?? findings[0];
  return (
    <li
      className="field"
      data-edited={edited}
      data-hot={hot}
      data-lint={worst?.severity ?? "none"}
      onPointerEnter={() => onHot(d.name)}
      onPointerLeave={() => onHot(null)}
    >
      <span className="field-bits">{bitsText(d)}</span>
      <button type="button" className="field-name" aria-expanded={open} onClick={onOpen}>
        {worst !== undefined && <Glyph name={worst.severity === "illegal" ? "fault" : "stale"} />}
        {edited && <Glyph name="edited" />}
        <span>{reserved ? d.about : d.name}</span>
        {meaning !== undefined && <span className="field-mean">{meaning}</span>}
      </button>
      {typing ? (
        <ValueInput field={field} onDone={() => setTyping(false)} onWrite={onWrite} />
      ) : (
        <button type="button" className="field-value" title="Type a new value" onClick={() => setTyping(true)}>
          <span className="nw-sr">Edit {reserved ? `bits ${bitsText(d)}` : d.name}, now </span>
          {isBinary(d) ? <span className="nw-mono">{fieldText(d, value)}</span> : <Hex value={value} />}
        </button>
      )}
      {open && (
        <div className="field-more">
          {!reserved && <p>{sentence(d.about)}</p>}
          {d.when !== undefined && <p>{sentence(d.when)}</p>}
          {d.section !== undefined && <p className="nw-3">{d.section}</p>}
        </div>
      )}
      {(open ? findings : []).map((f) => (
        <p key={f.text} className="field-lint">
          {f.text} <span className="nw-3 nw-nowrap">{f.section}</span>
        </p>
      ))}
    </li>
  );
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function ValueInput(props: {
  readonly field: FieldValue;
  readonly onDone: () => void;
  readonly onWrite: (field: FieldDeclaration, value: bigint) => void;
}) {
  const { field, onDone, onWrite } = props;
  const { declaration: d, value } = field;
  const [text, setText] = useState(fieldText(d, value));
  const ref = useRef<HTMLInputElement>(null);
  useEffect(() => ref.current?.select(), []);
  const typed = parseField(d, text);

  function onKeyDown(e: KeyboardEvent): void {
    e.stopPropagation();
    if (e.key === "Escape") onDone();
    if (e.key !== "Enter" || !typed.ok) return;
    if (typed.value !== value) onWrite(d, typed.value);
    onDone();
  }

  return (
    <span className="field-typing">
      <input
        ref={ref}
        className="nw-field nw-mono"
        aria-label={`New value of ${d.form === "reserved" ? `bits ${bitsText(d)}` : d.name}`}
        aria-invalid={!typed.ok}
        spellCheck={false}
        autoComplete="off"
        size={Math.max(6, text.length + 1)}
        value={text}
        onChange={(e) => setText(e.target.value)}
        onKeyDown={onKeyDown}
        onBlur={onDone}
      />
      <span className="field-why" role="status">
        {typed.ok ? "Enter writes, Escape leaves it." : typed.why}
      </span>
    </span>
  );
}
