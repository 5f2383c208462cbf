/**
 * The lines of text in a grid cell: where it read, what it read, what that means. Less room folds digits, never type.
 */
import { SvgGlyph } from "../common/SvgGlyph.tsx";
import { HexSpans, SvgHex } from "../common/SvgHex.tsx";
import { digitsWidth, fitText, hexWidth, textWidth } from "../geometry/text_fit.ts";
import type { TraceStep } from "../geometry/trace_step.ts";
import { leadsTo, shortReason } from "./walk_text.ts";

/** First line: the table and the index of the entry, or the physical address of the stage-1 descriptor. */
export function Where(props: {
  readonly step: TraceStep;
  readonly own: boolean;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}) {
  const { step, own, x, y, width } = props;
  if (own) {
    const wide = hexWidth(step.pa, 10.5);
    const named = wide + textWidth("PA ", 11.5) <= width;
    return (
      <text x={x} y={y} className="d-mono-s d-3">
        {named ? "PA " : ""}
        {wide <= width ? (
          <HexSpans value={step.pa} />
        ) : (
          <Folded value={step.pa} digits={digitsWidth(9, 10.5) <= width ? 8 : 4} />
        )}
      </text>
    );
  }
  const table = step.at - BigInt(step.entry) * 8n;
  const index = `[${step.entry.toString(16).padStart(3, "0")}]`;
  const indexWidth = digitsWidth(index.length, 10.5) + 4;
  const full = hexWidth(table, 10.5) + indexWidth <= width;
  const folded = full ? 0 : ([8, 4].find((n) => digitsWidth(n + 1, 10.5) + indexWidth <= width) ?? 0);
  return (
    <text x={x} y={y} className="d-mono-s d-3">
      {full ? <HexSpans value={table} /> : folded > 0 ? <Folded value={table} digits={folded} /> : ""}
      <tspan className="d-2" {...(full || folded > 0 ? { dx: ".3em" } : {})}>
        {index}
      </tspan>
    </text>
  );
}

/** The low digits of a value, marked as folded. */
function Folded({ value, digits }: { readonly value: bigint; readonly digits: number }) {
  return (
    <>
      …<HexSpans value={value & ((1n << BigInt(4 * digits)) - 1n)} digits={digits} />
    </>
  );
}

/** Second line: the value, whole where it fits; a narrow cell folds the high half. */
export function Value({
  step,
  x,
  y,
  width,
}: {
  readonly step: TraceStep;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}) {
  const whole = digitsWidth(16, 11);
  if (whole + digitsWidth(2, 11) <= width) return <SvgHex x={x} y={y} value={step.value} digits={16} prefix />;
  if (whole <= width + 1) return <SvgHex x={x} y={y} value={step.value} digits={16} />;
  const high = step.value >> 32n !== 0n;
  return (
    <text x={x} y={y} className="d-mono">
      {high ? <tspan className="d-2">…</tspan> : null}
      <HexSpans value={step.value & 0xffffffffn} digits={8} />
    </text>
  );
}

/** Third line: what the value means, or why it stops here. */
export function Verdict({
  step,
  x,
  y,
  width,
}: {
  readonly step: TraceStep;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}) {
  if (step.verdict === "fault") {
    return (
      <>
        <SvgGlyph name="fault" x={x} y={y - 9} cut="var(--nw-fault-wash)" />
        <text x={x + 15} y={y} className="d-fault d-b">
          {fitText([...shortReason(step.why), "refused", "no"], width - 13, 11.5)}
        </text>
      </>
    );
  }
  if (step.verdict === "unknown") {
    return (
      <>
        <SvgGlyph name="unknown" x={x} y={y - 9} />
        <text x={x + 15} y={y} className="d-2">
          {fitText(["not in the session", "not in session", "not known", "?"], width - 13, 11.5)}
        </text>
      </>
    );
  }
  const words = leadsTo(step);
  const digits = hexWidth(step.out, 10.5);
  const named = textWidth(`${words} `, 11.5) + digits <= width;
  const whole = named || digits <= width;
  return (
    <text x={x} y={y} className="d-2">
      {named ? `${words} ` : ""}
      <tspan className="d-mono-s">
        {whole ? (
          <HexSpans value={step.out} />
        ) : (
          <Folded value={step.out} digits={digitsWidth(9, 10.5) <= width ? 8 : 4} />
        )}
      </tspan>
    </text>
  );
}

/** A phone's cell: ordinal and the low digits, or the shortest word for a fault. */
export function SmallLines(props: {
  readonly step: TraceStep;
  readonly ordinal: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly edited: boolean;
}) {
  const { step, ordinal, x, y, width, height, edited } = props;
  const low = (step.value & 0xffffn).toString(16).padStart(4, "0");
  const bad = step.verdict === "fault";
  const glyph = bad ? "fault" : step.verdict === "unknown" ? "unknown" : edited ? "edited" : null;
  return (
    <>
      <text x={x + width - 6} y={y + 15} textAnchor="end" className="d-mono-s d-2">
        {ordinal}
      </text>
      {glyph !== null && <SvgGlyph name={glyph} x={x + 7} y={y + 6} />}
      <text x={x + 7} y={y + height - 14} className={bad ? "d-fault d-b" : "d-mono"}>
        {bad ? fitText([...shortReason(step.why), "no"], width - 9, 11.5) : step.verdict === "unknown" ? "" : `…${low}`}
      </text>
    </>
  );
}
