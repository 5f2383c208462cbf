/** What differs between kernels of the host: in words, and by what the same scenario came to in each. */
import "./eras.css";
import { useEffect, useState } from "react";
import { STOPPED } from "../../app/engine_client.ts";
import type { EraTable } from "../../protocol/eras.ts";
import { Sheet } from "../common/Sheet.tsx";
import { useEngine } from "../common/use_app.ts";
import { EraColumns } from "./EraColumns.tsx";

/** The tables are the same in every session: scenarios of their own, run when somebody asks. */
function useEraTables(): readonly EraTable[] | null {
  const engine = useEngine();
  const [tables, setTables] = useState<readonly EraTable[] | null>(null);
  useEffect(() => {
    let gone = false;
    void engine
      .ask("running a scenario in every era", (api) => api.eras())
      .then((answer) => {
        if (answer !== STOPPED && !gone) setTables(answer);
      });
    return () => {
      gone = true;
    };
  }, [engine]);
  return tables;
}

export function Eras() {
  const tables = useEraTables();
  return (
    <Sheet id="eras" title="What differs between kernels" className="eras">
      {tables === null ? (
        <p className="nw-empty">Running the scenarios in every era…</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard.
        <section className="eras-tables" aria-label="Kernels side by side" tabIndex={0}>
          {tables.map((table) => (
            <EraColumns key={table.title} table={table} />
          ))}
        </section>
      )}
    </Sheet>
  );
}
