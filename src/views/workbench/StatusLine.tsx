/** What the model leaves out, what the session holds, and digests to compare two pages by. */
import { lazy, Suspense } from "react";
import { keyFor } from "../../app/commands.ts";
import { Button } from "../common/Button.tsx";
import { bytesText } from "../common/bytes_text.ts";
import { useApp } from "../common/use_app.ts";

const LeftOut = lazy(async () => ({ default: (await import("./LeftOut.tsx")).LeftOut }));

export function StatusLine() {
  const summary = useApp((app) => app.summary);
  const digest = useApp((app) => app.walk?.digest);
  const showOver = useApp((app) => app.showOver);
  return (
    <footer className="wb-status">
      {summary !== null && (
        <Suspense>
          <LeftOut sentences={summary.notModelled} />
        </Suspense>
      )}
      {summary !== null && (
        <span className="nw-nowrap">
          {bytesText(summary.memory.bytes)} of memory,{" "}
          {summary.memory.outside === "abort" ? "nothing answers outside it" : "the rest is not in the session"}
        </span>
      )}
      <span className="nw-grow" />
      {summary !== null && (
        <span className="nw-nowrap wb-wide">
          state <span className="nw-mono">{summary.digest}</span>
        </span>
      )}
      {digest !== undefined && (
        <span className="nw-nowrap wb-keep">
          walk <span className="nw-mono">{digest}</span>
        </span>
      )}
      <Button kind="quiet" size="small" onClick={() => showOver("keys")}>
        Keys <kbd className="nw-kbd">{keyFor("page.keys")}</kbd>
      </Button>
    </footer>
  );
}
