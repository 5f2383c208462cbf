/**
 * The translations of the chosen context: every mapped range with what becomes of it, and in a second tab the accesses
 * that somebody recorded, compared with the model. A box takes any address, mapped or not.
 */
import { useState } from "react";
import { Hex } from "../common/Hex.tsx";
import { Pane } from "../common/Pane.tsx";
import { Tabs } from "../common/Tabs.tsx";
import { useApp } from "../common/use_app.ts";
import { useWords } from "../common/use_words.ts";
import { AddressBox } from "./AddressBox.tsx";
import { LeafList } from "./LeafList.tsx";
import { RecordedList } from "./RecordedList.tsx";
import "./translations.css";

type Tab = "mapped" | "recorded";

export function Translations() {
  const [tab, setTab] = useState<Tab>("mapped");
  const stream = useApp((app) => app.stream);
  const { requester, context } = useWords();
  const leaves = useApp((app) => app.leaves);
  const recordedCount = useApp((app) => app.summary?.recorded.accesses ?? 0);
  const shown = recordedCount === 0 ? "mapped" : tab;
  return (
    <Pane
      id="translations"
      title="Translations"
      about={
        stream !== null && (
          <>
            {requester} <Hex value={stream.sid} />
            {stream.ssid !== null && (
              <>
                {` · ${context} `}
                <Hex value={stream.ssid} />
              </>
            )}
            {leaves !== null && ` · ${leafCount(leaves.count, leaves.truncated)}`}
          </>
        )
      }
    >
      <AddressBox />
      {recordedCount > 0 && (
        <Tabs<Tab>
          label="Which translations"
          chosen={shown}
          onChoose={setTab}
          tabs={[
            { id: "mapped", text: "Mapped now" },
            { id: "recorded", text: `Recorded ${recordedCount.toLocaleString("en").replace(/,/g, "\u2009")}` },
          ]}
        />
      )}
      <div className="tr-list" {...(recordedCount > 0 ? { role: "tabpanel", "aria-label": "Translations" } : {})}>
        {shown === "mapped" ? <LeafList leaves={leaves} /> : <RecordedList />}
      </div>
    </Pane>
  );
}

function leafCount(count: number, truncated: boolean): string {
  const text = count.toLocaleString("en").replace(/,/g, "\u2009");
  return truncated ? `first ${text} leaves` : `${text} ${count === 1 ? "leaf" : "leaves"}`;
}
