/**
 * The configuration strip: every structure that was read before the first table, in order, with its address.
 */
import { CrispRect } from "../common/CrispRect.tsx";
import { SvgGlyph } from "../common/SvgGlyph.tsx";
import { HexSpans } from "../common/SvgHex.tsx";
import { digitsWidth, fitText, hexWidth, textWidth } from "../geometry/text_fit.ts";
import type { PlacedItem, WalkLayout } from "../geometry/walk_layout.ts";
import { structureShort } from "./stage_words.ts";
import { shortReason } from "./walk_text.ts";
import type { WalkView } from "./walk_view.ts";

export function ConfigStrip({ layout, view }: { readonly layout: WalkLayout; readonly view: WalkView }) {
  if (layout.configY === null) return null;
  const small = layout.wording === "small";
  return (
    <g className="config-strip">
      <SvgGlyph name="config" x={layout.labelX} y={layout.configY + 6} />
      {!small && (
        <text x={layout.labelX + 15} y={layout.configY + 15} className="d-b d-config">
          Config
        </text>
      )}
      {layout.items.map((placed) => (
        <Item key={placed.item.step.record} placed={placed} view={view} />
      ))}
    </g>
  );
}

function Item({ placed, view }: { readonly placed: PlacedItem; readonly view: WalkView }) {
  const { item, x, y, width, height } = placed;
  const { step } = item;
  const name = structureShort(item.name);
  const shown = step.record < view.shown;
  const bad = shown && step.verdict === "fault";
  const unknown = shown && step.verdict === "unknown";
  const cached = shown && step.hit !== "none";
  const current = step.record === view.current;
  const edge = bad ? "var(--nw-fault)" : shown ? "var(--nw-config)" : "var(--nw-line-2)";
  const glyph = bad ? "fault" : unknown ? "unknown" : view.edited.has(step.record) && shown ? "edited" : null;
  const start = x + (glyph === null ? 8 : 20);
  const end = x + width - 6;
  const beneath = item.beneath.length === 0 ? "" : ` +${item.beneath.length}`;
  const nameWidth = textWidth(name + beneath, 11.5) + 4;
  const detail = end - start - nameWidth - 6;
  const address = step.kind === "Check" ? null : step.kind === "Descriptor" ? step.input : step.at;
  return (
    <g className="cell" data-record={step.record} data-verdict={step.verdict}>
      <CrispRect
        x={x}
        y={y}
        width={width}
        height={height}
        fill={bad ? "var(--nw-fault-wash)" : shown && !cached ? "var(--nw-config-wash)" : "none"}
        stroke={edge}
        strokeWidth={bad ? 2 : 1}
        strokeOpacity={bad || current || !shown ? 1 : 0.45}
        {...(shown && !unknown && !cached ? {} : { strokeDasharray: "3 2" })}
        className="cell-box"
      />
      {glyph !== null && (
        <SvgGlyph name={glyph} x={x + 6} y={y + 6} cut={bad ? "var(--nw-fault-wash)" : "var(--nw-pane)"} />
      )}
      <text x={start} y={y + 15} className={bad ? "d-fault d-b" : "d-2"}>
        {name}
        <tspan className="d-s2">{beneath}</tspan>
      </text>
      {bad ? (
        <text x={end} y={y + 15} textAnchor="end" className="d-fault">
          {fitText(
            [...shortReason(step.why)].map((t) => t),
            detail,
            11.5,
          )}
        </text>
      ) : (
        shown &&
        address !== null && (
          <text x={end} y={y + 15} textAnchor="end" className="d-mono-s">
            {hexWidth(address, 10.5) <= detail ? (
              <HexSpans value={address} />
            ) : digitsWidth(5, 10.5) <= detail ? (
              `…${(address & 0xffffn).toString(16).padStart(4, "0")}`
            ) : (
              ""
            )}
          </text>
        )
      )}
    </g>
  );
}
