/** Who takes the entries out of a queue: held and taken on step by step, by hand. */
import type { QueueReader } from "../../protocol/inspection.ts";
import { Button } from "../common/Button.tsx";
import { useApp } from "../common/use_app.ts";

interface ReaderProps {
  readonly queue: string;
  readonly waiting: number;
  readonly reader: QueueReader | undefined;
}

const WORDS = {
  IOMMU: { hold: "Hold the consumer", step: "Carry out one" },
  host: { hold: "Hold the host's driver", step: "Let it read once" },
} as const;

export function Reader({ queue, waiting, reader }: ReaderProps) {
  const act = useApp((app) => app.act);
  if (reader === undefined) return null;
  if ("why" in reader) return <p className="queue-reader nw-3 nw-small">{reader.why}</p>;
  const { held, by } = reader;
  return (
    <div className="queue-reader">
      <label className="nw-nowrap">
        <input
          type="checkbox"
          checked={held}
          onChange={(event) => void act({ do: "consumer", what: event.target.checked ? "hold" : "let go", queue })}
        />
        {WORDS[by].hold}
      </label>
      {held && (
        <>
          <Button
            size="small"
            disabled={waiting === 0}
            onClick={() => void act({ do: "consumer", what: "step", queue })}
          >
            {WORDS[by].step}
          </Button>
          <span className="nw-3 nw-small nw-nowrap" role="status">
            {waiting} waiting
          </span>
        </>
      )}
    </div>
  );
}
