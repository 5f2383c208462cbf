/** Objects of the host's kernel as a drawing: boxes in layers, an arrow from each to what it holds. */
import "../common/drawing.css";
import { useEffect, useRef } from "react";
import type { KernelObjectRow } from "../../protocol/software.ts";
import { CrispRect } from "../common/CrispRect.tsx";
import { SvgGlyph, type SvgGlyphName } from "../common/SvgGlyph.tsx";
import { type GraphEdge, type GraphNode, NODE_HEIGHT, objectGraph } from "../geometry/object_graph.ts";
import { digitsWidth, fitText } from "../geometry/text_fit.ts";

interface Look {
  readonly glyph: SvgGlyphName;
  readonly line: string;
  readonly fill: string;
}

const HOST: Look = { glyph: "stage2", line: "var(--nw-s2)", fill: "var(--nw-s2-wash)" };
const VMM: Look = { glyph: "vmm", line: "var(--nw-vmm)", fill: "var(--nw-vmm-wash)" };
const GUEST: Look = { glyph: "stage1", line: "var(--nw-s1)", fill: "var(--nw-s1-wash)" };
const QUEUE: Look = { glyph: "queue", line: "var(--nw-line-3)", fill: "var(--nw-pa-wash)" };
const DEVICE: Look = { ...QUEUE, glyph: "device" };

/** By whose translation, or which part of the hardware, an object stands for. */
const LOOKS: Readonly<Record<string, Look>> = {
  IOAS: HOST,
  HWPT_PAGING: HOST,
  HWPT_NESTED: GUEST,
  VIOMMU: VMM,
  VEVENTQ: QUEUE,
  HW_QUEUE: QUEUE,
  DEVICE,
  VDEVICE: DEVICE,
};

interface ObjectDrawingProps {
  readonly objects: readonly KernelObjectRow[];
  readonly width: number;
  readonly height: number;
  readonly chosen: number | null;
  readonly onChoose: (id: number) => void;
}

export function ObjectDrawing({ objects, width, height, chosen, onChoose }: ObjectDrawingProps) {
  const graph = objectGraph(objects, width, height);
  const rows = new Map(objects.map((row) => [row.id, row]));
  const linked = ({ from, to }: GraphEdge): boolean => from === chosen || to === chosen;
  // The chosen object's lines come last: they lie over the others.
  const edges = [...graph.edges].sort((a, b) => Number(linked(a)) - Number(linked(b)));
  return (
    <svg className="nw-draw nw-objects" width={graph.width} height={graph.height} aria-hidden="true">
      {edges.map((edge) => (
        <Edge key={`${edge.from} ${edge.to}`} edge={edge} strong={linked(edge)} />
      ))}
      {graph.nodes.map((node) => {
        const row = rows.get(node.id);
        if (row === undefined) return null;
        const near = graph.edges.some((edge) => linked(edge) && (edge.from === node.id || edge.to === node.id));
        const mark = node.id === chosen ? "chosen" : near ? "linked" : "none";
        return <Box key={node.id} node={node} row={row} width={graph.nodeWidth} mark={mark} onChoose={onChoose} />;
      })}
    </svg>
  );
}

function Edge({ edge, strong }: { readonly edge: GraphEdge; readonly strong: boolean }) {
  const color = strong ? "var(--nw-text)" : "var(--nw-line-3)";
  return (
    <g data-edge={`${edge.from} ${edge.to}`}>
      <path d={edge.path} fill="none" stroke={color} strokeWidth={strong ? 1.5 : 1} />
      <path d={`M${edge.x} ${edge.y}l6 -3.5v7z`} fill={color} />
    </g>
  );
}

interface BoxProps {
  readonly node: GraphNode;
  readonly row: KernelObjectRow;
  readonly width: number;
  readonly mark: "chosen" | "linked" | "none";
  readonly onChoose: (id: number) => void;
}

const RING = { chosen: ["var(--nw-select)", 2], linked: ["var(--nw-linked)", 1], none: null } as const;
const FONT = 11.5;
/** Capitals in bold are as wide as words of this size. */
const BOLD = 14;

function Box({ node, row, width, mark, onChoose }: BoxProps) {
  const { x, y } = node;
  const look = LOOKS[row.type] ?? QUEUE;
  const ring = RING[mark];
  const box = useRef<SVGGElement>(null);
  useEffect(() => {
    if (mark === "chosen") box.current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [mark]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: arrows on the drawing do the same by keyboard.
    <g ref={box} className="object-box" data-object={row.id} onClick={() => onChoose(row.id)}>
      <title>{`${row.type} ${row.id}: ${row.about}; ${usersText(row)}`}</title>
      <CrispRect x={x} y={y} width={width} height={NODE_HEIGHT} rx="3" fill="var(--nw-pane)" />
      <CrispRect x={x} y={y} width={width} height={NODE_HEIGHT} rx="3" fill={look.fill} stroke={look.line} />
      {ring !== null && (
        <rect
          x={x - 2}
          y={y - 2}
          width={width + 4}
          height={NODE_HEIGHT + 4}
          rx="5"
          fill="none"
          stroke={ring[0]}
          strokeWidth={ring[1]}
        />
      )}
      <SvgGlyph name={look.glyph} x={x + 8} y={y + 7} size={9} cut={look.fill} />
      <text x={x + 22} y={y + 15.5} className="d-b">
        {typeText(row, width - 22 - 8)}
      </text>
      <text x={x + width - 8} y={y + 15.5} textAnchor="end" className="d-mono d-2">
        {row.id}
      </text>
      {lines(row.about, width - 14).map((line, i) => (
        <text key={line} x={x + 8} y={y + 30.5 + 14 * i} className="d-2">
          {line}
        </text>
      ))}
    </g>
  );
}

/** The type as far as it stands clear of the id. */
function typeText({ type, id }: KernelObjectRow, width: number): string {
  const room = width - digitsWidth(String(id).length, FONT) - 4;
  return fitText([type, ...Array.from(type, (_, i) => `${type.slice(0, -1 - i)}…`)], room, BOLD);
}

/** The words in at most two lines; what does not fit is left out, word by word, and an ellipsis says so. */
function lines(about: string, width: number): readonly string[] {
  const words = about.split(" ");
  const first = fitText(startsOf(words), width, FONT);
  const rest = words.slice(first === "" ? 0 : first.split(" ").length);
  const [whole = "", ...cut] = startsOf(rest);
  const second = fitText([whole, ...cut.map((start) => `${start.replace(/,$/, "")}…`)], width, FONT);
  return [first, second].filter((line) => line !== "");
}

/** All the words, all but the last, and so on. */
const startsOf = (words: readonly string[]): string[] =>
  words.map((_, i) => words.slice(0, words.length - i).join(" "));

export function usersText({ users }: Pick<KernelObjectRow, "users">): string {
  return users === 0 ? "nobody holds it" : `${users} ${users === 1 ? "user" : "users"}`;
}
