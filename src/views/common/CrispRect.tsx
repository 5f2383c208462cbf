/** A rectangle of a drawing whose edge of one pixel lies inside of it, and on pixels. */
import type { SVGProps } from "react";

interface CrispRectProps extends SVGProps<SVGRectElement> {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function CrispRect({ x, y, width, height, rx = 2, ...rest }: CrispRectProps) {
  return <rect x={x + 0.5} y={y + 0.5} width={Math.max(1, width - 1)} height={height - 1} rx={rx} {...rest} />;
}
