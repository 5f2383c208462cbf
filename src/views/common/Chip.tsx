/** A short fact about what stands beside it. */
import type { ReactNode } from "react";
import { Glyph, type GlyphName } from "./Glyph.tsx";

export function Chip(props: {
  readonly tone?: "plain" | "fault" | "stale";
  readonly glyph?: GlyphName;
  readonly children: ReactNode;
}) {
  const { tone = "plain", glyph, children } = props;
  return (
    <span className="nw-chip" data-tone={tone}>
      {glyph !== undefined && <Glyph name={glyph} />}
      {children}
    </span>
  );
}
