import "./theme/tokens.css";
import "./theme/base.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { EngineClient } from "../app/engine_client.ts";
import { browserSettings } from "../app/settings.ts";
import { fetchShipped } from "../app/shipped.ts";
import { createAppStore } from "../app/store.ts";
import { AppContext } from "./common/use_app.ts";
import { Workbench } from "./workbench/Workbench.tsx";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");

const withFragment = (fragment: string): string => `${window.location.href.split("#")[0]}#${fragment}`;

const engine = new EngineClient();
const settings = browserSettings();
const store = createAppStore({
  engine,
  settings,
  readShipped: fetchShipped(document.baseURI),
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
