/** A glyph in running text, rows and buttons: the shape that goes with every hue. */
import { SvgGlyph, type SvgGlyphName } from "./SvgGlyph.tsx";

export type GlyphName = SvgGlyphName;

/** Ten by ten pixels. Decorative: the words beside it say the same. */
export function Glyph({ name }: { readonly name: GlyphName }) {
  return (
    <svg className="nw-glyph" viewBox="0 0 10 10" aria-hidden="true">
      <SvgGlyph name={name} x={0} y={0} />
    </svg>
  );
}
