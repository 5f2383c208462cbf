/** What playing and running stop at: ranges of memory and records, each to be let go of. */
import { useId, useState } from "react";
import { watchText } from "../../app/watch_slice.ts";
import type { EventRecord } from "../../protocol/engine.ts";
import { Button } from "../common/Button.tsx";
import { useApp, useEngineQuery } from "../common/use_app.ts";

const NONE: readonly EventRecord[] = [];

export function Watches() {
  const watches = useApp((app) => app.watches);
  const add = useApp((app) => app.addWatch);
  const drop = useApp((app) => app.dropWatch);
  const [name, setName] = useState("");
  const id = useId();
  const { answer } = useEngineQuery("events", (engine) => engine.events());
  const known = [...new Set((answer ?? NONE).map((record) => record.name))];
  return (
    <section className="memory-watches" aria-label="Watches">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          add({ on: "event", name: name.trim() });
          setName("");
        }}
      >
        <span className="nw-2" aria-hidden="true">
          Stop at event
        </span>
        <input
          className="nw-field nw-mono"
          aria-label="Name of a record to stop at; empty for any"
          placeholder="any"
          list={id}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <datalist id={id}>
          {known.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
        <Button type="submit" size="small">
          Watch
        </Button>
      </form>
      {watches.map((watch) => (
        <span key={watchText(watch)} className="nw-chip memory-watch">
          stops at {watchText(watch)}
          <Button
            kind="quiet"
            size="small"
            aria-label={`No longer stop at ${watchText(watch)}`}
            onClick={() => drop(watch)}
          >
            ×
          </Button>
        </span>
      ))}
    </section>
  );
}
