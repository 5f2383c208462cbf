/** Shapes of an icicle as SVG. */
import { SvgGlyph } from "../common/SvgGlyph.tsx";
import { SvgHex } from "../common/SvgHex.tsx";
import type { Shape } from "./icicle_shapes.ts";

export function IcicleSvg(props: {
  readonly shapes: readonly Shape[];
  readonly width: number;
  readonly height: number;
}) {
  const { shapes, width, height } = props;
  return (
    <svg className="nw-draw" width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      {shapes.map((s, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: shapes have no identity beyond their place in the list.
        <ShapeView key={i} shape={s} />
      ))}
    </svg>
  );
}

function ShapeView({ shape: s }: { readonly shape: Shape }) {
  switch (s.type) {
    case "rect":
      return (
        <rect
          x={s.x}
          y={s.y}
          width={s.width}
          height={s.height}
          rx="2"
          fill={s.fill === null ? "none" : `var(--nw-${s.fill})`}
          {...(s.stroke === null
            ? {}
            : { stroke: `var(--nw-${s.stroke})`, strokeWidth: s.lineWidth, strokeOpacity: s.opacity })}
          {...(s.stroke === null ? { fillOpacity: s.opacity } : {})}
          {...(s.dashed ? { strokeDasharray: "3 2" } : {})}
        />
      );
    case "text":
      return (
        <text x={s.x} y={s.y} textAnchor={s.anchor} className={s.token === "text-2" ? "d-2" : ""}>
          {s.text}
        </text>
      );
    case "hex":
      return <SvgHex x={s.x} y={s.y} value={s.value} className="d-mono-s" />;
    case "glyph":
      return <SvgGlyph name={s.name} x={s.x} y={s.y} />;
  }
}
