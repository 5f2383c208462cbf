/**
 * Shapes of an icicle on a canvas, for more of them than a document should hold. Colours are read from the theme's
 * tokens, so that both ways of drawing look alike.
 */
import { useEffect, useRef } from "react";
import { useApp } from "../common/use_app.ts";
import { GROUP_GAP, hexGroups } from "../geometry/text_fit.ts";
import type { Shape } from "./icicle_shapes.ts";

const MONO_PX = 10.5;
const TEXT_PX = 11.5;
/** Room around the shapes for the rings of the outermost. */
const RING = 4;

export function IcicleCanvas(props: {
  readonly shapes: readonly Shape[];
  readonly width: number;
  readonly height: number;
}) {
  const { shapes, width, height } = props;
  const ref = useRef<HTMLCanvasElement>(null);
  const theme = useApp((app) => app.theme);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme changes what the tokens mean.
  useEffect(() => {
    const canvas = ref.current;
    const context = canvas?.getContext("2d") ?? null;
    if (canvas === null || context === null) return;
    const scale = window.devicePixelRatio || 1;
    canvas.width = Math.round((width + 2 * RING) * scale);
    canvas.height = Math.round((height + 2 * RING) * scale);
    context.setTransform(scale, 0, 0, scale, RING * scale, RING * scale);
    const ink = tokenReader(canvas);
    for (const shape of shapes) paint(context, shape, ink);
  }, [shapes, width, height, theme]);
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: it takes no focus; the table beside it is what a reader sees.
    <canvas
      ref={ref}
      style={{ width: width + 2 * RING, height: height + 2 * RING, margin: -RING, display: "block" }}
      aria-hidden="true"
    />
  );
}

interface Ink {
  readonly color: (token: string) => string;
  readonly ui: string;
  readonly mono: string;
}

/** Resolve tokens where the canvas stands; each is looked up once. */
function tokenReader(canvas: HTMLElement): Ink {
  const probe = canvas.parentElement!.appendChild(document.createElement("span"));
  const known = new Map<string, string>();
  const color = (token: string): string => {
    const before = known.get(token);
    if (before !== undefined) return before;
    canvas.parentElement!.append(probe);
    probe.style.color = `var(--nw-${token})`;
    const value = getComputedStyle(probe).color;
    probe.remove();
    known.set(token, value);
    return value;
  };
  const face = (name: string): string => getComputedStyle(canvas).getPropertyValue(name);
  const ink = { color, ui: face("--nw-ui"), mono: face("--nw-mono") };
  probe.remove();
  return ink;
}

function paint(c: CanvasRenderingContext2D, s: Shape, ink: Ink): void {
  switch (s.type) {
    case "rect":
      c.setLineDash(s.dashed ? [3, 2] : []);
      if (s.fill !== null) {
        c.globalAlpha = s.stroke === null ? s.opacity : 1;
        c.fillStyle = ink.color(s.fill);
        c.fillRect(s.x, s.y, s.width, s.height);
      }
      if (s.stroke !== null) {
        c.globalAlpha = s.opacity;
        c.lineWidth = s.lineWidth;
        c.strokeStyle = ink.color(s.stroke);
        c.strokeRect(s.x, s.y, s.width, s.height);
      }
      c.globalAlpha = 1;
      return;
    case "text":
      c.font = `${TEXT_PX}px ${ink.ui}`;
      c.textAlign = s.anchor === "middle" ? "center" : s.anchor;
      c.fillStyle = ink.color(s.token);
      c.fillText(s.text, s.x, s.y);
      return;
    case "hex": {
      c.font = `${MONO_PX}px ${ink.mono}`;
      c.textAlign = "start";
      c.fillStyle = ink.color("text");
      let x = s.x;
      for (const group of hexGroups(s.value.toString(16))) {
        c.fillText(group, x, s.y);
        x += c.measureText(group).width + GROUP_GAP * MONO_PX;
      }
      return;
    }
    case "glyph":
      glyph(c, s.name, s.x, s.y, ink);
  }
}

function glyph(c: CanvasRenderingContext2D, name: "fault" | "unknown", x: number, y: number, ink: Ink): void {
  c.save();
  c.translate(x, y);
  c.setLineDash([]);
  if (name === "fault") {
    c.fillStyle = ink.color("fault");
    c.fill(new Path2D("M3 .2h4L9.8 3v4L7 9.8H3L.2 7V3Z"));
    c.strokeStyle = ink.color("pane");
    c.lineWidth = 1.4;
    c.stroke(new Path2D("m3.2 3.2 3.6 3.6m0-3.6L3.2 6.8"));
  } else {
    c.strokeStyle = ink.color("text-2");
    c.lineWidth = 1.2;
    c.setLineDash([1.8, 1.2]);
    c.beginPath();
    c.arc(5, 5, 4.3, 0, 2 * Math.PI);
    c.stroke();
  }
  c.restore();
}
