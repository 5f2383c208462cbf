/** All bits of a record, a ruler for each 64-bit word. A click flips a bit and the record is read again. */
import { useMemo } from "react";
import "../common/drawing.css";
import "../inspector/inspector.css";
import type { ReadStructure } from "../../decode/structure_kind.ts";
import { useSize } from "../common/use_size.ts";
import { BitRulerView } from "../inspector/BitRulerView.tsx";

const NONE: ReadonlySet<string> = new Set();

interface BitsProps {
  readonly structure: ReadStructure;
  readonly flips: ReadonlySet<number>;
  readonly hot: string | null;
  readonly onHot: (field: string | null) => void;
  readonly onFlip: (bit: number) => void;
}

export function Bits({ structure, flips, hot, onHot, onFlip }: BitsProps) {
  const [box, size] = useSize<HTMLDivElement>();
  const { layout, words } = structure;
  // The ruler shows whole 64-bit words; a 32-bit register has its upper half empty.
  const padded = useMemo(() => {
    const whole = new Uint32Array(Math.ceil(layout.bits / 64) * 2);
    whole.set(words);
    return whole;
  }, [layout, words]);
  return (
    <div className="dec-bits" ref={box}>
      {size !== null &&
        Array.from({ length: padded.length / 2 }, (_, word) => word).map((word) => (
          <div key={word} className="dec-word">
            <span className="nw-3 nw-small">Word {word}</span>
            <BitRulerView
              fields={layout.fields}
              words={padded}
              from={64 * word}
              width={Math.min(size.width - 24, 720)}
              hue="config"
              edited={flips}
              hot={hot}
              bad={NONE}
              onHot={onHot}
              onToggle={onFlip}
            />
          </div>
        ))}
    </div>
  );
}
