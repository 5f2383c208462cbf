/** What stands in the list of streams before a session is open: ways to open one. */
import { Button } from "../common/Button.tsx";
import { useApp } from "../common/use_app.ts";
import { pick } from "../workbench/FilePickers.tsx";

export function NothingOpen() {
  const state = useApp((app) => app.engine.state);
  const openShipped = useApp((app) => app.openShipped);
  const openLibrary = useApp((app) => app.openLibrary);
  if (state === "starting" || state === "loading") return <p className="nw-empty">Opening…</p>;
  return (
    <div className="nw-empty stream-open">
      <p>No session is open.</p>
      <Button size="small" onClick={() => pick("files")}>
        Open files…
      </Button>
      <Button size="small" onClick={() => pick("folder")}>
        Open a folder…
      </Button>
      <Button size="small" onClick={() => void openLibrary()}>
        Open the library…
      </Button>
      <Button size="small" onClick={() => void openShipped()}>
        Open the shipped capture
      </Button>
    </div>
  );
}
