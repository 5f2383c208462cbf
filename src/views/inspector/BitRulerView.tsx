/**
 * A ruler of bits that can be flipped: boxes and names as a drawing, and a button over every bit. One tab stop; arrows
 * move between bits.
 */
import { type KeyboardEvent, useMemo, useRef, useState } from "react";
import type { FieldDeclaration } from "../../base/layout.ts";
import { CrispRect } from "../common/CrispRect.tsx";
import { type BitRuler, bitRuler } from "../geometry/bit_ruler.ts";

interface RulerProps {
  readonly fields: readonly FieldDeclaration[];
  readonly words: Uint32Array;
  /** First bit shown; 64 bits are. */
  readonly from: number;
  readonly width: number;
  readonly hue: "s1" | "s2" | "config";
  readonly edited: ReadonlySet<number>;
  /** Name of the field set off. */
  readonly hot: string | null;
  /** Names of fields that a rule is broken in. */
  readonly bad: ReadonlySet<string>;
  readonly onHot: (field: string | null) => void;
  readonly onToggle: (bit: number) => void;
}

/** Below this width, or under a coarse pointer, rows have 16 bits. */
const WIDTH_FOR_32 = 270;

export function BitRulerView(props: RulerProps) {
  const { fields, words, from, width, onToggle, onHot } = props;
  const [stop, setStop] = useState(from + 63);
  const ref = useRef<HTMLFieldSetElement>(null);
  const coarse = useMemo(() => window.matchMedia("(pointer: coarse)").matches, []);
  const perRow = width >= WIDTH_FOR_32 && !coarse ? 32 : 16;
  const bitHeight = coarse ? 30 : 20;
  const ruler = useMemo(
    () => bitRuler(fields, { from, count: 64, perRow, width, bitHeight }),
    [fields, from, perRow, width, bitHeight],
  );
  const fieldOf = (bit: number): FieldDeclaration | undefined => fields.find((f) => bit >= f.lo && bit <= f.hi);

  function onKeyDown(e: KeyboardEvent): void {
    const by = { ArrowLeft: 1, ArrowRight: -1, ArrowUp: perRow, ArrowDown: -perRow }[e.key];
    if (e.key === " " || e.key === "Enter") e.stopPropagation();
    if (by === undefined) return;
    e.preventDefault();
    e.stopPropagation();
    const next = stop + by;
    if (next < from || next > from + 63) return;
    setStop(next);
    ref.current?.querySelector<HTMLElement>(`[data-bit="${next}"]`)?.focus();
  }

  return (
    <fieldset
      ref={ref}
      className="bit-ruler"
      style={{ height: ruler.height, width }}
      aria-label={`Bits ${from + 63} to ${from}`}
      onKeyDown={onKeyDown}
      onPointerLeave={() => onHot(null)}
    >
      <RulerDrawing ruler={ruler} {...props} />
      {ruler.bits.map(({ bit, x, y }) => {
        const one = ((words[bit >> 5]! >>> (bit & 31)) & 1) === 1;
        const field = fieldOf(bit);
        const name = field === undefined || field.form === "reserved" ? (field?.about ?? "reserved") : field.name;
        return (
          <button
            key={bit}
            type="button"
            className="bit"
            data-bit={bit}
            data-one={one}
            data-edited={props.edited.has(bit)}
            aria-pressed={one}
            aria-label={`Bit ${bit}, ${name}`}
            title={`bit ${bit}: ${name}`}
            tabIndex={bit === stop ? 0 : -1}
            style={{
              left: x,
              top: y,
              width: ruler.bitWidth,
              height: ruler.bitHeight,
              lineHeight: `${ruler.bitHeight}px`,
            }}
            onFocus={() => setStop(bit)}
            onPointerEnter={() => onHot(field?.name ?? null)}
            onClick={() => onToggle(bit)}
          >
            {one ? 1 : 0}
          </button>
        );
      })}
    </fieldset>
  );
}

function RulerDrawing({ ruler, hue, hot, bad }: RulerProps & { readonly ruler: BitRuler }) {
  return (
    <svg className="nw-draw" width={ruler.width} height={ruler.height} aria-hidden="true">
      {ruler.numbers.map((n) => (
        <text key={n.bit} x={n.x} y={n.y} textAnchor="middle" className="d-tick">
          {n.bit}
        </text>
      ))}
      {ruler.runs.map((run) => {
        const { field, label } = run;
        const reserved = field.form === "reserved";
        const on = field.name === hot;
        const wrong = bad.has(field.name);
        return (
          <g key={`${field.name} ${run.hi}`}>
            <CrispRect
              x={run.x}
              y={run.y}
              width={run.width}
              height={ruler.bitHeight}
              fill={
                wrong
                  ? "var(--nw-fault-wash)"
                  : reserved
                    ? "none"
                    : on
                      ? "var(--nw-select-wash)"
                      : `var(--nw-${hue}-wash)`
              }
              stroke={
                wrong ? "var(--nw-fault)" : on ? "var(--nw-select)" : reserved ? "var(--nw-line-2)" : `var(--nw-${hue})`
              }
              strokeOpacity={on || reserved || wrong ? 1 : 0.6}
            />
            {label?.leader !== undefined && label.leader !== null && (
              <path
                d={`M${label.leader.x} ${label.leader.y1}V${label.leader.y2}`}
                stroke="var(--nw-line-3)"
                fill="none"
              />
            )}
            {label !== null && (
              <text
                x={label.x}
                y={label.y}
                textAnchor="middle"
                className={wrong ? "d-fault d-b" : on ? "d-b" : reserved ? "d-3" : "d-2"}
              >
                {label.text}
              </text>
            )}
          </g>
        );
      })}
    </svg>
  );
}
