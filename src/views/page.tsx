/** The page: its store on the engine that the entry has started, the workbench in its place. */
import "./theme/tokens.css";
import "./theme/base.css";
import { StrictMode } from "react";
import type { EngineClient } from "../app/engine_client.ts";
import type { Settings } from "../app/settings.ts";
import type { OpenShipped } from "../app/shipped.ts";
import { createAppStore } from "../app/store.ts";
import { AppContext } from "./common/use_app.ts";
import { createRoot } from "./root.ts";
import { Workbench } from "./workbench/Workbench.tsx";

const withFragment = (fragment: string): string => `${window.location.href.split("#")[0]}#${fragment}`;

/** Show the workbench and open what the address names, else what `openShipped` opens. The engine may run already. */
export function showPage(engine: EngineClient, settings: Settings, openShipped: OpenShipped): void {
  const root = document.getElementById("root");
  if (root === null) throw new Error("index.html has no #root");
  const store = createAppStore({
    engine,
    settings,
    openShipped,
    address: {
      withFragment,
      clearFragment: () => {
        if (window.location.hash !== "") history.replaceState(null, "", window.location.href.split("#")[0]);
      },
      visit: (fragment) => history.pushState(null, "", withFragment(fragment)),
    },
    every: (ms, tick) => {
      const timer = setInterval(tick, ms);
      return () => clearInterval(timer);
    },
  });
  void store.getState().start(window.location.hash);
  createRoot(root).render(
    <StrictMode>
      <AppContext value={{ store, engine, settings }}>
        <Workbench />
      </AppContext>
    </StrictMode>,
  );
}
