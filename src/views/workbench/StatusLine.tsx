/** What the model leaves out, what the session holds, and digests to compare two pages by. */
import { lazy, Suspense } from "react";
import { keyFor } from "../../app/commands.ts";
import { Button } from "../common/Button.tsx";
import { useApp } from "../common/use_app.ts";
import { sizeText } from "../translations/leaf_rows.ts";

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

/** Such as `252 KiB`; whole numbers up to 1023 of a unit. */
function bytesText(bytes: number): string {
  if (bytes < 1) return "0 B";
  const unit = Math.min(4, Math.floor(Math.log2(bytes) / 10));
  const count = bytes / 2 ** (10 * unit);
  const digits = count >= 100 || Number.isInteger(count) ? 0 : 1;
  return `${count.toFixed(digits)} ${sizeText(unit * 10).slice(2)}`;
}
