/** Accesses recorded on the real thing, each with whether the model answers the same. */
import { useMemo } from "react";
import type { RecordedColumns } from "../../protocol/engine.ts";
import { Glyph } from "../common/Glyph.tsx";
import { Hex } from "../common/Hex.tsx";
import { useApp, useEngineQuery } from "../common/use_app.ts";
import { VirtualList } from "../common/VirtualList.tsx";
import { countAgreement, findRecorded, recordedIova, recordedOutput } from "./leaf_rows.ts";

export function RecordedList() {
  const { answer: recorded } = useEngineQuery("comparing recorded accesses", (engine) => engine.recorded());
  const access = useApp((app) => app.access);
  const choose = useApp((app) => app.chooseAccess);
  const counts = useMemo(() => (recorded === null ? null : countAgreement(recorded)), [recorded]);
  if (recorded === null || counts === null) return <p className="nw-empty">Comparing…</p>;
  return (
    <>
      <p className="tr-unmapped">
        <Glyph name="ok" /> {counts.agree} agree
        {counts.differ > 0 && (
          <span className="nw-stale">
            {" · "}
            <Glyph name="stale" /> {counts.differ} differ
          </span>
        )}
        {counts.unknown > 0 && <span className="nw-2"> · {counts.unknown} need memory the capture lacks</span>}
      </p>
      <VirtualList
        label="Recorded accesses"
        count={recorded.count}
        chosen={findRecorded(recorded, access)}
        reveal={recorded}
        columns="10px 30px minmax(0, 1fr) auto 8px"
        onChoose={(i) =>
          void choose({
            sid: recorded.sid[i] ?? 0,
            ssid: null,
            iova: recordedIova(recorded, i),
            write: recorded.write[i] === 1,
            privileged: false,
            instruction: false,
          })
        }
        row={(i) => <RecordedCells recorded={recorded} i={i} />}
      />
    </>
  );
}

function RecordedCells({ recorded, i }: { readonly recorded: RecordedColumns; readonly i: number }) {
  const mark = recorded.agrees[i];
  // Two long addresses do not fit a narrow pane side by side.
  const long = (recorded.iovaHi[i] ?? 0) > 0 || (recorded.paHi[i] ?? 0) > 0;
  return (
    <>
      <Glyph name={mark === 1 ? "ok" : mark === 0 ? "stale" : "unknown"} />
      <Hex value={recorded.sid[i] ?? 0} digits={2} />
      <span>
        <Hex value={recordedIova(recorded, i)} />
        <span className="nw-sr">{mark === 1 ? " agrees" : mark === 0 ? " differs" : " cannot be told"}</span>
      </span>
      {recorded.went[i] === 1 ? (
        <span className={long ? "tr-spare" : ""}>
          <Hex value={recordedOutput(recorded, i)} />
        </span>
      ) : (
        <span className="nw-2">refused</span>
      )}
      <span className="nw-mono nw-3">{recorded.write[i] === 1 ? "w" : "r"}</span>
    </>
  );
}
