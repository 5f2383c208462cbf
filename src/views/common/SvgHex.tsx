/**
 * Hexadecimal inside drawings: groups of four digits set apart by space that a copy does not contain, `0x` and leading
 * zeros dim.
 */
import { hexGroups } from "../geometry/text_fit.ts";

interface HexSpansProps {
  readonly value: bigint;
  /** Pad with zeros to this many digits; without it there are none. */
  readonly digits?: number;
  /** Whether `0x` stands in front. */
  readonly prefix?: boolean;
}

/** Spans for use inside a `<text>`. */
export function HexSpans({ value, digits = 1, prefix = false }: HexSpansProps) {
  const text = value.toString(16).padStart(digits, "0");
  // At least the last digit is significant.
  const dim = Math.min(text.length - 1, text.length - value.toString(16).length);
  const groups = hexGroups(text);
  const first = groups[0]?.length ?? 0;
  return (
    <>
      {prefix && <tspan className="d-dim">0x</tspan>}
      {groups.map((group, i) => {
        const start = i === 0 ? 0 : first + 4 * (i - 1);
        const zeros = Math.max(0, Math.min(group.length, dim - start));
        const gap = i > 0 ? { dx: "0.34em" } : {};
        // Positions are what tells equal groups apart.
        const key = `${start}`;
        if (zeros === 0 || zeros === group.length) {
          return (
            <tspan key={key} {...gap} {...(zeros > 0 ? { className: "d-dim" } : {})}>
              {group}
            </tspan>
          );
        }
        return (
          <tspan key={key} {...gap}>
            <tspan className="d-dim">{group.slice(0, zeros)}</tspan>
            {group.slice(zeros)}
          </tspan>
        );
      })}
    </>
  );
}

/** A value as a `<text>` of its own. */
export function SvgHex(
  props: HexSpansProps & {
    readonly x: number;
    readonly y: number;
    readonly className?: string;
    readonly anchor?: "start" | "middle" | "end";
  },
) {
  const { x, y, className = "d-mono", anchor = "start", ...spans } = props;
  return (
    <text x={x} y={y} className={className} textAnchor={anchor}>
      <HexSpans {...spans} />
    </text>
  );
}
