/**
 * Glyphs inside drawings: the shape that goes with every hue, so that a drawing reads in grey.
 */

/** What a glyph stands for. */
export type SvgGlyphName =
  | "stage1"
  | "stage2"
  | "physical"
  | "config"
  | "fault"
  | "stale"
  | "unknown"
  | "edited"
  | "ok"
  | "missed"
  | "vmm"
  | "device"
  | "hardware"
  | "queue";

/** Token of each glyph's own hue; the others take the colour of text. */
const HUE: Partial<Record<SvgGlyphName, string>> = {
  stage1: "var(--nw-s1)",
  stage2: "var(--nw-s2)",
  physical: "var(--nw-pa)",
  config: "var(--nw-config)",
  fault: "var(--nw-fault)",
  stale: "var(--nw-stale)",
  edited: "var(--nw-stale)",
  vmm: "var(--nw-vmm)",
};

/** A glyph with its top left corner at (x, y). `cut` is the colour of the surface behind it. */
export function SvgGlyph(props: {
  readonly name: SvgGlyphName;
  readonly x: number;
  readonly y: number;
  readonly size?: number;
  readonly color?: string;
  readonly cut?: string;
}) {
  const { name, x, y, size = 10, color = HUE[name] ?? "var(--nw-text-2)", cut = "var(--nw-pane)" } = props;
  return (
    <g transform={`translate(${x} ${y}) scale(${size / 10})`} fill={color} data-glyph={name}>
      {shape(name, color, cut)}
    </g>
  );
}

function shape(name: SvgGlyphName, color: string, cut: string) {
  switch (name) {
    case "stage1":
      return <rect x="1" y="1" width="8" height="8" rx="1" />;
    case "stage2":
      return <circle cx="5" cy="5" r="4.4" />;
    case "physical":
      return <path d="M5 0 10 5 5 10 0 5Z" />;
    case "config":
      return <path d="M2.6.7h4.8L9.8 5 7.4 9.3H2.6L.2 5Z" />;
    case "fault":
      return (
        <>
          <path d="M3 .2h4L9.8 3v4L7 9.8H3L.2 7V3Z" />
          <path d="m3.2 3.2 3.6 3.6m0-3.6L3.2 6.8" stroke={cut} strokeWidth="1.4" />
        </>
      );
    case "stale":
      return (
        <>
          <path d="M5 .4 9.9 9.4H.1Z" />
          <path d="M5 3.4v3" stroke={cut} strokeWidth="1.3" />
          <circle cx="5" cy="7.8" r=".75" fill={cut} />
        </>
      );
    case "unknown":
      return (
        <>
          <circle cx="5" cy="5" r="4.3" fill="none" stroke={color} strokeWidth="1.2" strokeDasharray="1.8 1.2" />
          <path
            d="M3.6 4a1.4 1.4 0 1 1 2 1.25c-.45.25-.6.45-.6 1M5 7.4v.9"
            fill="none"
            stroke={color}
            strokeWidth="1.1"
          />
        </>
      );
    case "edited":
      return <path d="M1 9l.6-2.4L7 1.2 8.8 3 3.4 8.4Z" fill="none" stroke={color} strokeWidth="1.2" />;
    case "ok":
      return <path d="m1.2 5.4 2.6 2.7L8.9 2" fill="none" stroke={color} strokeWidth="1.6" />;
    case "missed":
      return <circle cx="5" cy="5" r="1.5" />;
    case "vmm":
      return (
        <>
          <path d="M5 .8a4.2 4.2 0 0 1 0 8.4Z" />
          <circle cx="5" cy="5" r="4.2" fill="none" stroke={color} strokeWidth="1.2" />
        </>
      );
    case "device":
      return <path d="M.8 2.5h5.8v5H.8zM6.6 4h2.8M6.6 6h2.8" fill="none" stroke={color} strokeWidth="1.3" />;
    case "hardware":
      return (
        <path
          d="M2.2 2.2h5.6v5.6H2.2zM5 0v2.2M5 7.8V10M0 5h2.2M7.8 5H10"
          fill="none"
          stroke={color}
          strokeWidth="1.3"
        />
      );
    case "queue":
      return <path d="M1 1.2 4.6 5 1 8.8M5.2 1.2 8.8 5 5.2 8.8" fill="none" stroke={color} strokeWidth="1.6" />;
  }
}
