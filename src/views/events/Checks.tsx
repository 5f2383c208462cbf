/**
 * The checks of a translation in the order the architecture makes them. One with a record shows it in the grid.
 */
import type { CheckLine } from "../../protocol/engine.ts";
import { Glyph, type GlyphName } from "../common/Glyph.tsx";
import { useApp } from "../common/use_app.ts";

const GLYPHS: Record<CheckLine["state"], GlyphName> = {
  passed: "ok",
  failed: "fault",
  "would fail too": "fault",
  "not reached": "missed",
};

export function Checks({ checks }: { readonly checks: readonly CheckLine[] }) {
  const select = useApp((app) => app.select);
  const selected = useApp((app) => app.selected);
  if (checks.length === 0) return null;
  return (
    <>
      <h3 className="event-sub">Order of checks</h3>
      <ol className="checks">
        {checks.map((c, i) => {
          const content = (
            <>
              <Glyph name={GLYPHS[c.state]} />
              <span className="check-text">
                <span className={c.state === "would fail too" ? "nw-3" : "nw-sr"}>{c.state}: </span>
                {c.text}
              </span>
              <span className="nw-3 nw-small nw-nowrap">{c.section}</span>
            </>
          );
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: a check is its place in the order.
            <li key={i} data-state={c.state}>
              {c.record === null ? (
                <span className="check">{content}</span>
              ) : (
                <button
                  type="button"
                  className="check"
                  data-selected={c.record === selected}
                  onClick={() => select(c.record)}
                >
                  {content}
                </button>
              )}
            </li>
          );
        })}
      </ol>
    </>
  );
}
