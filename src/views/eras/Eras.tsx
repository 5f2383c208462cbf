/** What differs between kernels of the host: in words, and by what the same scenario came to in each. */
import "./eras.css";
import { Dialog } from "radix-ui";
import { useEffect, useState } from "react";
import { STOPPED } from "../../app/engine_client.ts";
import type { EraTable } from "../../protocol/eras.ts";
import { IconButton } from "../common/Button.tsx";
import { Icon } from "../common/Icon.tsx";
import { useApp, useEngine } from "../common/use_app.ts";
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
  const show = useApp((app) => app.showOver);
  const tables = useEraTables();
  return (
    <Dialog.Root open onOpenChange={(now) => show(now ? "eras" : null)}>
      <Dialog.Portal>
        <Dialog.Overlay className="wb-shade" />
        <Dialog.Content className="nw-pop eras" aria-describedby={undefined}>
          <div className="eras-head">
            <Dialog.Title>What differs between kernels</Dialog.Title>
            <Dialog.Close asChild>
              <IconButton label="Close" keyName="Esc">
                <Icon name="close" />
              </IconButton>
            </Dialog.Close>
          </div>
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
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
