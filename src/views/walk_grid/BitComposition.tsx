/**
 * The addresses of a translation one below the other, bit for bit to scale: which bits a leaf gives, and which go through
 * it from the address above. A pure function of what is to be drawn.
 */
import { SvgHex } from "../common/SvgHex.tsx";
import type { BitRun, BitSource, ComposedAddress } from "../geometry/composed_bits.ts";
import { fitText, hexWidth } from "../geometry/text_fit.ts";

interface CompositionProps {
  readonly addresses: readonly ComposedAddress[];
  readonly width: number;
  /** What gives the bits, in words that suit the architecture, such as "Stage 2 leaf, 2 MiB". */
  readonly sourceWords: Readonly<Record<BitSource, string>>;
}

const LABEL = 44;
const BOX = 18;
/** From one address to the next, captions between them. */
const PITCH = 42;
/** Height for so many addresses. */
const heightOf = (addresses: number): number => (addresses - 1) * PITCH + BOX + 18;

const HUE: Readonly<Record<BitSource, string>> = { input: "pa", "stage 1": "s1", "stage 2": "s2" };
const EDGE: Readonly<Record<BitSource, string>> = {
  input: "var(--nw-line-3)",
  "stage 1": "var(--nw-s1)",
  "stage 2": "var(--nw-s2)",
};

export function BitComposition({ addresses, width, sourceWords }: CompositionProps) {
  const top = (addresses[0]?.runs[0]?.hi ?? 0) + 1;
  const each = Math.max(1, width - LABEL - 2) / top;
  const place = ({ hi, lo }: BitRun) => ({ x: LABEL + (top - 1 - hi) * each, width: (hi - lo + 1) * each });
  const height = heightOf(addresses.length);
  return (
    <svg
      className="nw-draw bits-drawn"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      aria-hidden="true"
    >
      {addresses.map(({ name, runs }, row) => {
        const y = row * PITCH;
        return (
          <g key={name} data-address={name}>
            <text x={0} y={y + 13} className="d-b">
              {name}
            </text>
            {runs.map((run) => (
              <g key={run.hi} data-from={run.from} data-bits={`${run.hi}:${run.lo}`}>
                {row > 0 && run.from !== newest(addresses, row) && <Through {...place(run)} y={y} />}
                <Run run={run} {...place(run)} y={y} words={sourceWords[run.from]} />
              </g>
            ))}
          </g>
        );
      })}
    </svg>
  );
}

/** The source that an address has anew: the highest run's. */
const newest = (addresses: readonly ComposedAddress[], row: number): BitSource => addresses[row]!.runs[0]!.from;

/** Bits that come unchanged from the address above. */
function Through({ x, width, y }: { readonly x: number; readonly width: number; readonly y: number }) {
  const gap = PITCH - BOX;
  return (
    <path
      d={`M${x + 0.5} ${y - gap + 1}V${y - 1}M${x + width - 1} ${y - gap + 1}V${y - 1}`}
      fill="none"
      stroke="var(--nw-line-2)"
      strokeDasharray="2 2"
    />
  );
}

interface RunProps {
  readonly run: BitRun;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly words: string;
}

function Run({ run, x, y, width, words }: RunProps) {
  const bits = `${run.hi}:${run.lo}`;
  const digits = Math.ceil((run.hi - run.lo + 1) / 4);
  const fits = hexWidth(1n << BigInt(4 * digits - 1), 10.5) + 6 <= width;
  return (
    <>
      <rect
        x={x + 0.5}
        y={y + 0.5}
        width={Math.max(1, width - 1.5)}
        height={BOX - 1}
        rx="2"
        fill={`var(--nw-${HUE[run.from]}-wash)`}
        stroke={EDGE[run.from]}
      />
      {fits && (
        <SvgHex x={x + width / 2} y={y + 13} value={run.value} digits={digits} className="d-mono-s" anchor="middle" />
      )}
      <text x={x + 2} y={y + BOX + 12} className="d-tick">
        {fitText([`${bits} ${words}`, bits, ""], width - 4, 10.5)}
      </text>
    </>
  );
}
