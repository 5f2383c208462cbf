/**
 * Physical memory in hexadecimal over the whole address space: what the session holds, coloured by what it is for. The
 * wheel and the arrow keys move; Enter follows a pointer; N and P go from range to range.
 */
import "./memory.css";
import { type KeyboardEvent, useEffect, useMemo, useState } from "react";
import { KeyedBox } from "../common/KeyedBox.tsx";
import { useApp, useEngineQuery } from "../common/use_app.ts";
import { useSize } from "../common/use_size.ts";
import { nextRange, ROW_BYTES, viewFrom, viewWith } from "../geometry/memory_view.ts";
import { GoTo } from "./GoTo.tsx";
import { MemoryFoot } from "./MemoryFoot.tsx";
import { MemoryRows } from "./MemoryRows.tsx";
import { MemoryWindow } from "./memory_window.ts";
import { RangeList } from "./RangeList.tsx";
import { Watches } from "./Watches.tsx";

const ROW_PX = 18;
/** Bytes fetched at a time: pages, so that moving a little asks for nothing. */
const PAGE = 4096n;
const NONE: readonly never[] = [];

export function Memory() {
  const summary = useApp((app) => app.summary);
  if (summary === null) return <p className="nw-empty">No session is open.</p>;
  return <OpenMemory />;
}

function OpenMemory() {
  const structure = useApp((app) => app.structure);
  const { answer: owned } = useEngineQuery("owners of memory", (engine) => engine.owners());
  const { answer: held } = useEngineQuery("extents of memory", (engine) => engine.extents());
  const owners = owned?.rows ?? NONE;
  const extents = held?.rows ?? NONE;
  const [ref, size] = useSize<HTMLDivElement>();
  const rows = Math.max(1, Math.floor((size?.height ?? 0) / ROW_PX));
  const [chosenTop, setTop] = useState<bigint | null>(null);
  const [cursor, setCursor] = useState<bigint | null>(null);
  const [linked, setLinked] = useState<bigint | null>(null);

  // What is selected elsewhere is brought into view here; moving about afterwards is the user's.
  const selected = structure?.pa ?? null;
  if (selected !== linked) {
    setLinked(selected);
    if (selected !== null) {
      setTop(viewWith(chosenTop ?? selected, rows, selected));
      setCursor(selected);
    }
  }
  const top = viewFrom(chosenTop ?? extents[0]?.from ?? 0n, rows);
  const from = top - (top % PAGE);
  const length = Number(((ROW_BYTES * BigInt(rows)) / PAGE + 2n) * PAGE);
  const { answer } = useEngineQuery(`memory at 0x${from.toString(16)}, ${length} bytes`, (engine) =>
    engine.memory(from, length),
  );
  const bytes = useMemo(() => new MemoryWindow(answer), [answer]);

  const goTo = (at: bigint): void => {
    const word = at & ~7n;
    setCursor(word);
    setTop(viewWith(top, rows, word));
  };
  const move = (by: bigint): void => {
    const at = (cursor ?? top) + by;
    if (at >= 0n) goTo(at);
  };

  useEffect(() => {
    const box = ref.current;
    if (box === null) return;
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      const lines = Math.trunc(event.deltaMode === 0 ? event.deltaY / ROW_PX : event.deltaY) || Math.sign(event.deltaY);
      setTop(viewFrom(top + ROW_BYTES * BigInt(lines), rows));
    };
    // React listens to the wheel passively.
    box.addEventListener("wheel", onWheel, { passive: false });
    return () => box.removeEventListener("wheel", onWheel);
  });

  function onKeyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const page = ROW_BYTES * BigInt(Math.max(1, rows - 1));
    const by = {
      ArrowLeft: -8n,
      ArrowRight: 8n,
      ArrowUp: -ROW_BYTES,
      ArrowDown: ROW_BYTES,
      PageUp: -page,
      PageDown: page,
    }[event.key];
    const range = { n: 1, p: -1 }[event.key] as 1 | -1 | undefined;
    if (by !== undefined) move(by);
    else if (range !== undefined) {
      const next = nextRange(extents, cursor ?? top, range);
      if (next !== null) goTo(next);
    } else if (event.key === "Enter" && cursor !== null) {
      const target = bytes.pointer(cursor, extents);
      if (target !== null) goTo(target);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return (
    <div className="memory">
      <RangeList owners={owners} extents={extents} cursor={cursor ?? top} onChoose={goTo} />
      <div className="memory-main">
        <div className="memory-bar">
          <GoTo onGo={goTo} />
          <Watches />
        </div>
        <KeyedBox
          box={ref}
          className="memory-rows"
          label="Memory. Arrows move, Enter follows a pointer, N and P go to the next and the last range."
          onKeyDown={onKeyDown}
        >
          {size !== null && (
            <MemoryRows
              top={top}
              rows={rows}
              bytes={bytes}
              owners={owners}
              cursor={cursor}
              selected={selected}
              onChoose={setCursor}
            />
          )}
        </KeyedBox>
        <MemoryFoot key={String(cursor)} cursor={cursor} bytes={bytes} owners={owners} extents={extents} onGo={goTo} />
      </div>
    </div>
  );
}
