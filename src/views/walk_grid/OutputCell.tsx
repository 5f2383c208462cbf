/**
 * The last cell: where the data lies, which is not an access of the walk.
 */
import { CrispRect } from "../common/CrispRect.tsx";
import { SvgGlyph } from "../common/SvgGlyph.tsx";
import { HexSpans, SvgHex } from "../common/SvgHex.tsx";
import { fitText, hexWidth } from "../geometry/text_fit.ts";
import type { PlacedRow } from "../geometry/walk_layout.ts";
import { permissionText, sizeText } from "../translations/leaf_rows.ts";
import type { WalkDrawingProps } from "./WalkDrawing.tsx";

export function OutputCell({ row, view, layout, sizeLg2 }: WalkDrawingProps & { readonly row: PlacedRow }) {
  const placed = row.cells.at(-1);
  if (placed === undefined || placed.cell.type !== "output") return null;
  const { x, y, width, height } = placed;
  const { step } = placed.cell;
  const reached = step !== null && step.record < view.shown;
  const line = Math.min(17, (height - 6) / 3);
  const top = y + height / 2 - line + 4;
  const small = layout.wording === "small";
  const value = reached ? step.out : 0n;
  const about =
    reached && sizeLg2 !== null
      ? [`${permissionText(step.permissions)}, ${sizeText(sizeLg2)}`, permissionText(step.permissions)]
      : [];
  return (
    <g className="cell" {...(step === null ? {} : { "data-record": step.record })}>
      <CrispRect
        x={x}
        y={y}
        width={width}
        height={height}
        fill={reached ? "var(--nw-pa-wash)" : "none"}
        stroke={reached ? "var(--nw-pa)" : "var(--nw-line-2)"}
        {...(reached ? {} : { strokeDasharray: "1 3" })}
        className="cell-box"
      />
      <SvgGlyph
        name="physical"
        x={x + 9}
        y={top - 8.5}
        size={9}
        color={reached ? "var(--nw-pa)" : "var(--nw-text-3)"}
      />
      <text x={x + 23} y={top} className={reached ? "d-b" : "d-3"}>
        {reached
          ? fitText(["PA of the data", "PA, data", "PA"], width - 28, 12.3)
          : fitText(["data, not counted", "data"], width - 28, 11.5)}
      </text>
      {reached &&
        (hexWidth(value, 11) <= width - 12 ? (
          <SvgHex
            x={x + 9}
            y={top + line}
            value={value}
            prefix={hexWidth(value, 11) + 15 <= width - 14}
            className="d-mono d-b"
          />
        ) : (
          <text x={x + 6} y={top + line} className="d-mono">
            …<HexSpans value={value & 0xffffn} digits={4} />
          </text>
        ))}
      {reached && !small && (
        <text x={x + 9} y={top + 2 * line} className="d-2">
          {fitText(about, width - 14, 11.5)}
        </text>
      )}
    </g>
  );
}
