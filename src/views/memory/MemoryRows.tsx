/** Rows of two 64-bit words each, every word with the hue and the mark of what it is for. */
import type { OwnerRow } from "../../protocol/inspection.ts";
import { Hex } from "../common/Hex.tsx";
import { narrowest, ROW_BYTES } from "../geometry/memory_view.ts";
import type { MemoryWindow } from "./memory_window.ts";

interface MemoryRowsProps {
  readonly top: bigint;
  readonly rows: number;
  readonly bytes: MemoryWindow;
  readonly owners: readonly OwnerRow[];
  readonly cursor: bigint | null;
  /** The structure that the inspector shows. */
  readonly selected: bigint | null;
  readonly onChoose: (at: bigint) => void;
}

export function MemoryRows(props: MemoryRowsProps) {
  const { top, rows, owners } = props;
  const end = top + ROW_BYTES * BigInt(rows);
  const near = owners.filter((o) => o.from < end && o.to > top);
  return Array.from({ length: rows }, (_, i) => {
    const at = top + ROW_BYTES * BigInt(i);
    const owner = narrowest(near, at);
    const before = i === 0 ? null : narrowest(near, at - ROW_BYTES);
    return (
      <div key={String(at - top)} className="memory-row">
        <span className="memory-at">
          <Hex value={at} digits={10} />
        </span>
        <Word {...props} at={at} owner={owner} />
        <Word {...props} at={at + 8n} owner={narrowest(near, at + 8n)} />
        <span className="memory-owner nw-small nw-ellipsis">
          {owner !== null && owner !== before && (
            <>
              {owner.owner}
              {owner.sid !== null && <span className="nw-3"> 0x{owner.sid.toString(16)}</span>}
            </>
          )}
        </span>
      </div>
    );
  });
}

function Word(props: MemoryRowsProps & { readonly at: bigint; readonly owner: OwnerRow | null }) {
  const { at, owner, bytes, cursor, selected, onChoose } = props;
  const state = bytes.state(at);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the arrow keys of the view do the same.
    // biome-ignore lint/a11y/noStaticElementInteractions: the view around it has the focus and the keys.
    <span
      className="memory-word"
      data-state={state}
      data-group={owner?.group}
      data-cursor={at === cursor}
      data-linked={at === selected}
      onClick={() => onChoose(at)}
    >
      {state === "known" ? (
        <Hex value={bytes.word(at)} digits={16} />
      ) : (
        <span className="nw-3">
          {state === "absent" ? "nothing answers" : state === "unknown" ? "not in the session" : ""}
        </span>
      )}
    </span>
  );
}
