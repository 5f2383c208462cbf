/** The page: bars, the panes of the chosen preset, and the status line. */
import { lazy, Suspense } from "react";
import { useApp } from "../common/use_app.ts";
import { NARROW, useMedia } from "../common/use_media.ts";
import { PresetPanes } from "./Arranged.tsx";
import { EmbedBar } from "./EmbedBar.tsx";
import { FilePickers } from "./FilePickers.tsx";
import { useAddress, useDrop, useKeys, useLook, usePaste } from "./page_effects.ts";
import { SmallWorkbench } from "./SmallWorkbench.tsx";
import { StatusLine } from "./StatusLine.tsx";
import { StepBar } from "./StepBar.tsx";
import { Strip } from "./Strip.tsx";
import { TopBar } from "./TopBar.tsx";
import "./workbench.css";

const Bench = lazy(async () => ({ default: (await import("../bench/Bench.tsx")).Bench }));
const Eras = lazy(async () => ({ default: (await import("../eras/Eras.tsx")).Eras }));
const HelpSheet = lazy(async () => ({ default: (await import("./HelpSheet.tsx")).HelpSheet }));

const Library = lazy(async () => ({ default: (await import("../library/Library.tsx")).Library }));
const Palette = lazy(async () => ({ default: (await import("../palette/Palette.tsx")).Palette }));

export function Workbench() {
  useKeys();
  usePaste();
  useAddress();
  useLook();
  const dropping = useDrop();
  const narrow = useMedia(NARROW);
  const over = useApp((app) => app.over);
  const embedded = useApp((app) => app.embedded);
  if (embedded) return <Embedded />;
  return (
    <div className="wb">
      <TopBar />
      <StepBar />
      <Strip />
      {narrow ? (
        <SmallWorkbench />
      ) : (
        <main className="wb-panes">
          <PresetPanes />
        </main>
      )}
      <StatusLine />
      <FilePickers />
      <Suspense>
        {over === "keys" && <HelpSheet />}
        {over === "palette" && <Palette />}
        {over === "library" && <Library />}
        {over === "bench" && <Bench />}
        {over === "eras" && <Eras />}
      </Suspense>
      {dropping && (
        <div className="wb-drop">
          <p>Drop a capture, a scenario or a folder to open it.</p>
        </div>
      )}
    </div>
  );
}

/** One pane in a page of somebody else's: no bars, the steps, and a way to the whole workbench. */
function Embedded() {
  return (
    <div className="wb wb-embedded">
      <Strip />
      <main className="wb-panes">
        <PresetPanes />
      </main>
      <EmbedBar />
    </div>
  );
}
