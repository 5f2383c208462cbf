/** The word under the cursor: what it is for, where it points to, and a new value for it. */
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { type ExtentRow, MAX_MEMORY_BYTES, type OwnerRow } from "../../protocol/inspection.ts";
import { Button } from "../common/Button.tsx";
import { Hex } from "../common/Hex.tsx";
import { useApp } from "../common/use_app.ts";
import { narrowest } from "../geometry/memory_view.ts";
import { parseWords } from "../inspector/structure_text.ts";
import type { MemoryWindow } from "./memory_window.ts";

interface MemoryFootProps {
  readonly cursor: bigint | null;
  readonly bytes: MemoryWindow;
  readonly owners: readonly OwnerRow[];
  readonly extents: readonly ExtentRow[];
  readonly onGo: (at: bigint) => void;
}

export function MemoryFoot({ cursor, bytes, owners, extents, onGo }: MemoryFootProps) {
  const [typing, setTyping] = useState(false);
  if (cursor === null) return <p className="memory-foot nw-2">Choose a word to see what it is for.</p>;
  const owner = narrowest(owners, cursor);
  const target = bytes.pointer(cursor, extents);
  const known = bytes.state(cursor) === "known";
  return (
    <div className="memory-foot" aria-live="polite">
      <span className="nw-nowrap">
        PA <Hex value={cursor} />
      </span>
      {typing ? (
        <WordInput at={cursor} value={bytes.word(cursor)} onDone={() => setTyping(false)} />
      ) : (
        known && <Hex value={bytes.word(cursor)} digits={16} />
      )}
      <span className="nw-2 nw-ellipsis">
        {owner === null ? "nothing known of its use" : owner.owner}
        {owner?.sid != null && ` of 0x${owner.sid.toString(16)}`}
      </span>
      <span className="nw-grow" />
      {target !== null && (
        <Button size="small" onClick={() => onGo(target)}>
          Follow to 0x{target.toString(16)}
        </Button>
      )}
      <WatchButtons at={cursor} owner={owner} />
      {known && !typing && (
        <Button size="small" onClick={() => setTyping(true)}>
          Write…
        </Button>
      )}
    </div>
  );
}

/** Most bytes that are watched at once. */
const MOST_WATCHED = BigInt(MAX_MEMORY_BYTES);

/** Stop where the word, or all of what it belongs to, changes. */
function WatchButtons({ at, owner }: { readonly at: bigint; readonly owner: OwnerRow | null }) {
  const add = useApp((app) => app.addWatch);
  return (
    <>
      <Button size="small" onClick={() => add({ on: "memory", from: at, to: at + 8n, label: "" })}>
        Watch
      </Button>
      {owner !== null && owner.to - owner.from <= MOST_WATCHED && (
        <Button
          size="small"
          onClick={() => add({ on: "memory", from: owner.from, to: owner.to, label: owner.owner.toLowerCase() })}
        >
          Watch all of it
        </Button>
      )}
    </>
  );
}

function WordInput(props: { readonly at: bigint; readonly value: bigint; readonly onDone: () => void }) {
  const { at, value, onDone } = props;
  const act = useApp((app) => app.act);
  const [text, setText] = useState(`0x${value.toString(16).padStart(16, "0")}`);
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => box.current?.select(), []);
  const typed = parseWords(text, 1);

  function onKeyDown(event: KeyboardEvent): void {
    event.stopPropagation();
    if (event.key === "Escape") onDone();
    if (event.key !== "Enter" || !typed.ok) return;
    void act({ do: "write", at, bytes: new Uint8Array(typed.words.buffer.slice(0)) });
    onDone();
  }
  return (
    <input
      ref={box}
      className="nw-field nw-mono memory-input"
      aria-label={`New value at PA 0x${at.toString(16)}`}
      aria-invalid={!typed.ok}
      title={typed.ok ? "Enter writes, Escape leaves it." : typed.why}
      spellCheck={false}
      autoComplete="off"
      value={text}
      onChange={(event) => setText(event.target.value)}
      onKeyDown={onKeyDown}
    />
  );
}
