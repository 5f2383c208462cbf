/**
 * An address strip: the input address of a stage, bit by bit, with the index of the current level set off.
 */
import { SvgHex } from "../common/SvgHex.tsx";
import type { PlacedField, PlacedStrip } from "../geometry/address_strip.ts";
import { digitsWidth, fitText, hexGroups, hexWidth, textWidth } from "../geometry/text_fit.ts";

interface StripProps {
  readonly name: string;
  readonly hue: "s1" | "s2";
  /** Null while the stage has nothing to translate yet. */
  readonly address: bigint | null;
  readonly strip: PlacedStrip;
  readonly labelX: number;
  readonly labelWidth: number;
  readonly y: number;
  /** Height of the table whose index the current access used. */
  readonly hot: number | null;
  /** A table by its height, in short. */
  readonly levelName: (height: number) => string;
}

export function AddressStripView({ name, hue, address, strip, labelX, labelWidth, y, hot, levelName }: StripProps) {
  return (
    <g className="strip" data-strip={name}>
      <text x={labelX} y={y + 11} className={`d-b d-${hue}`}>
        {name}
      </text>
      {strip.digits
        ? address !== null && <SvgHex x={labelX + textWidth(name, 11.5) + 10} y={y + 11} value={address} prefix />
        : address !== null && <AddressLabel address={address} x={labelX} y={y} width={labelWidth} />}
      {strip.fields.map((f) => (
        <FieldBox
          key={f.hi}
          field={f}
          strip={strip}
          hue={hue}
          y={y}
          hot={f.height !== null && f.height === hot}
          level={f.height === null ? "" : levelName(f.height)}
          known={address !== null}
        />
      ))}
    </g>
  );
}

/** The address beside its strip, in two lines where one is too narrow. */
function AddressLabel({
  address,
  x,
  y,
  width,
}: {
  readonly address: bigint;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}) {
  if (hexWidth(address, 11) + digitsWidth(2, 11) <= width) return <SvgHex x={x} y={y + 31} value={address} prefix />;
  const groups = hexGroups(address.toString(16));
  const high = BigInt(`0x${groups.slice(0, -2).join("")}`);
  return (
    <>
      <SvgHex x={x} y={y + 23} value={high} prefix className="d-mono-s" />
      <SvgHex x={x} y={y + 34} value={address & 0xffffffffn} digits={8} className="d-mono-s" />
    </>
  );
}

function FieldBox(props: {
  readonly field: PlacedField;
  readonly strip: PlacedStrip;
  readonly hue: "s1" | "s2";
  readonly y: number;
  readonly hot: boolean;
  readonly known: boolean;
  /** The table that the field indexes, in short; empty for other fields. */
  readonly level: string;
}) {
  const { field, strip, hue, y, hot, known, level } = props;
  const { above } = field;
  const color = `var(--nw-${hue})`;
  const dotted = !known || above === "zero" || above === "ones";
  const fill = dotted
    ? "url(#nw-p-missed)"
    : above === "mixed"
      ? "var(--nw-fault-wash)"
      : field.kind === "offset"
        ? "var(--nw-pa-wash)"
        : `var(--nw-${hue}-wash)`;
  const edge = dotted
    ? "var(--nw-line)"
    : above === "mixed"
      ? "var(--nw-fault)"
      : field.kind === "offset"
        ? "var(--nw-line-2)"
        : color;
  const middle = field.x + field.width / 2;
  return (
    <g>
      <rect
        x={field.x + 0.5}
        y={y + 17}
        width={Math.max(1, field.width - 2)}
        height="19"
        rx="2"
        fill={fill}
        stroke={edge}
        strokeWidth={hot ? 2 : 1}
        strokeOpacity={hot || above === "mixed" || field.kind === "offset" ? 1 : dotted ? 1 : 0.35}
      />
      {strip.digits ? (
        <DigitText field={field} y={y} known={known} hot={hot} level={level} />
      ) : (
        <>
          {known &&
            above !== "zero" &&
            above !== "ones" &&
            field.bits.map((b) => (
              <text
                key={b.x}
                x={b.x + strip.bitWidth / 2 - 0.5}
                y={y + 30.5}
                textAnchor="middle"
                className={b.one ? "d-mono-s" : "d-mono-s d-3"}
              >
                {b.one ? "1" : "0"}
              </text>
            ))}
          <text x={middle} y={y + 11} textAnchor="middle" className={hot ? "d-b" : "d-2"}>
            {fieldLabel(field, level, known, hot)}
          </text>
        </>
      )}
    </g>
  );
}

const digitsOf = (f: PlacedField): string =>
  `0x${f.value.toString(16).padStart(Math.ceil((f.hi - f.lo + 1) / 4), "0")}`;

/** The longest caption that fits above a field. */
function fieldLabel(f: PlacedField, level: string, known: boolean, bold: boolean): string {
  const room = f.width + 2;
  const size = bold ? 12.4 : 11.5;
  if (f.kind === "above") {
    const words = f.above === "mixed" ? "out of range" : f.above === "zero" ? "zero" : "ones";
    return fitText([`${f.hi}:${f.lo} ${words}`, words, ""], room, size);
  }
  const value = known ? ` ${digitsOf(f)}` : "";
  if (f.kind === "offset") return fitText([`offset${value}`, "offset", "off", ""], room, size);
  return fitText([`${level} index${value}`, `${level}${value}`, level], Math.max(room, 15), size);
}

/** Caption and value in one box, where bits are too narrow to draw. */
function DigitText({
  field,
  y,
  known,
  hot,
  level,
}: {
  readonly field: PlacedField;
  readonly y: number;
  readonly known: boolean;
  readonly hot: boolean;
  readonly level: string;
}) {
  const caption = field.kind === "index" ? level : field.kind === "offset" ? "off" : "!";
  const digits = field.value.toString(16).padStart(Math.ceil((field.hi - field.lo + 1) / 4), "0");
  const room = field.width - 8;
  const both = textWidth(caption, 11.5) + digitsWidth(digits.length, 10.5) + 4 <= room;
  return (
    <>
      {both && (
        <text x={field.x + 5} y={y + 30.5} className={hot ? "d-b" : "d-3"}>
          {caption}
        </text>
      )}
      {known && (
        <text
          x={both ? field.x + field.width - 6 : field.x + field.width / 2}
          y={y + 30.5}
          textAnchor={both ? "end" : "middle"}
          className={hot ? "d-mono-s d-b" : "d-mono-s"}
        >
          {digits}
        </text>
      )}
    </>
  );
}
