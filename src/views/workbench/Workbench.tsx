/** The page: bars, the panes of the chosen preset, and the status line. */
import { lazy, type ReactNode, Suspense } from "react";
import { useApp } from "../common/use_app.ts";
import { NARROW, useMedia } from "../common/use_media.ts";
import { Streams } from "../streams/Streams.tsx";
import { Translations } from "../translations/Translations.tsx";
import { DecoderPanes, EventsPane, InspectorPane, TablesPane, WalkPane } from "./drawing_panes.tsx";
import { FilePickers } from "./FilePickers.tsx";
import { useAddress, useDrop, useKeys, useLook, usePaste } from "./page_effects.ts";
import { SmallWorkbench } from "./SmallWorkbench.tsx";
import { Part, Split } from "./Split.tsx";
import { StatusLine } from "./StatusLine.tsx";
import { StepBar } from "./StepBar.tsx";
import { Strip } from "./Strip.tsx";
import { TopBar } from "./TopBar.tsx";
import "./workbench.css";

const HelpSheet = lazy(async () => ({ default: (await import("./HelpSheet.tsx")).HelpSheet }));

export function Workbench() {
  useKeys();
  usePaste();
  useAddress();
  useLook();
  const dropping = useDrop();
  const narrow = useMedia(NARROW);
  const helpOpen = useApp((app) => app.helpOpen);
  return (
    <div className="wb">
      <TopBar />
      <StepBar />
      <Strip />
      {narrow ? <SmallWorkbench /> : <WideWorkbench />}
      <StatusLine />
      <FilePickers />
      {helpOpen && (
        <Suspense>
          <HelpSheet />
        </Suspense>
      )}
      {dropping && (
        <div className="wb-drop">
          <p>Drop a capture, a scenario or a folder to open it.</p>
        </div>
      )}
    </div>
  );
}

/** Pixels of the side panes and the lower pane at first, by the window's size. */
function firstSizes(): { readonly left: number; readonly right: number; readonly bottom: number } {
  const { innerWidth: width } = window;
  if (width <= 1360) return { left: 248, right: 338, bottom: 216 };
  return width < 1800 ? { left: 250, right: 372, bottom: 250 } : { left: 280, right: 440, bottom: 300 };
}

function WideWorkbench() {
  const preset = useApp((app) => app.preset);
  if (preset === "decode") {
    return (
      <main className="wb-panes">
        <DecoderPanes />
      </main>
    );
  }
  const size = firstSizes();
  const centre: ReactNode = preset === "walk" ? <WalkPane /> : <TablesPane />;
  const upper = (
    <Split id={`${preset}.upper`} direction="horizontal">
      <Part id="centre" name="the drawing" least={320}>
        {centre}
      </Part>
      <Part id="inspector" name="the inspector" size={size.right} least={240}>
        <InspectorPane />
      </Part>
    </Split>
  );
  return (
    <main className="wb-panes">
      <Split id={`${preset}.sides`} direction="horizontal">
        <Part id="lists" name="the lists" size={size.left} least={180}>
          <Lists />
        </Part>
        <Part id="right" name="the walk" least={400}>
          {preset === "tables" ? (
            upper
          ) : (
            <Split id="walk.right" direction="vertical">
              <Part id="upper" name="the walk" least={220}>
                {upper}
              </Part>
              <Part id="lower" name="the events" size={size.bottom} least={90}>
                <EventsPane />
              </Part>
            </Split>
          )}
        </Part>
      </Split>
    </main>
  );
}

function Lists() {
  return (
    <Split id="lists" direction="vertical">
      <Part id="streams" name="the streams" size={190} least={72}>
        <Streams />
      </Part>
      <Part id="translations" name="the translations" least={140}>
        <Translations />
      </Part>
    </Split>
  );
}
