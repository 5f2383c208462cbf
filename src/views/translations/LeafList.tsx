/** Mapped ranges, one row for each leaf. */
import { type LeafColumns, LeafStatus } from "../../protocol/engine.ts";
import { Glyph, type GlyphName } from "../common/Glyph.tsx";
import { Hex } from "../common/Hex.tsx";
import { useApp, useAppNow } from "../common/use_app.ts";
import { useWords } from "../common/use_words.ts";
import { VirtualList } from "../common/VirtualList.tsx";
import { findLeaf, leafFrom, leafOutput, permissionText, sizeText } from "./leaf_rows.ts";

const GLYPHS: Readonly<Record<number, GlyphName>> = {
  [LeafStatus.Ok]: "physical",
  [LeafStatus.Stage1Fault]: "fault",
  [LeafStatus.Stage2Fault]: "fault",
  [LeafStatus.Unknown]: "unknown",
};

/** Words for the ways a leaf can turn out. */
const WORDS: Readonly<Record<number, string>> = {
  [LeafStatus.Stage1Fault]: "S1 fault",
  [LeafStatus.Stage2Fault]: "S2 fault",
  [LeafStatus.Unknown]: "unknown",
};

export function LeafList({ leaves }: { readonly leaves: LeafColumns | null }) {
  const access = useApp((app) => app.access);
  const stream = useApp((app) => app.stream);
  const choose = useApp((app) => app.chooseAccess);
  const now = useAppNow();
  if (leaves === null || stream === null) {
    return <p className="nw-empty">{stream === null ? "No stream is chosen." : "Listing…"}</p>;
  }
  if (leaves.count === 0) {
    return <p className="nw-empty">Nothing is mapped for this stream. Any address can be walked all the same.</p>;
  }
  const here = access !== null && access.sid === stream.sid && access.ssid === stream.ssid ? access : null;
  const place = here === null ? null : findLeaf(leaves, here.iova);
  return (
    <>
      {place !== null && place.at < 0 && <Unmapped leaves={leaves} before={place.before} />}
      <VirtualList
        label="Translations"
        count={leaves.count}
        chosen={place?.at ?? -1}
        reveal={leaves}
        near={place === null ? -1 : Math.min(place.before, leaves.count - 1)}
        columns="10px minmax(0, 1fr) auto auto"
        onChoose={(i) => {
          const plain = { write: false, privileged: false, instruction: false };
          void choose({ ...plain, ...now().access, ...stream, iova: leafFrom(leaves, i) });
        }}
        row={(i) => <LeafCells leaves={leaves} i={i} />}
      />
    </>
  );
}

function LeafCells({ leaves, i }: { readonly leaves: LeafColumns; readonly i: number }) {
  const words = useWords();
  const status = leaves.status[i] ?? LeafStatus.Unknown;
  const through = status === LeafStatus.Ok;
  const why = through ? undefined : words.reasons[leaves.reason[i] ?? 0]?.text;
  const size = leaves.sizeLg2[i] ?? 0;
  // A long address leaves no room for more in a narrow pane.
  const wide = (leaves.iovaHi[i] ?? 0) > 0xffff ? " tr-spare" : "";
  return (
    <>
      <Glyph name={GLYPHS[status] ?? "unknown"} />
      <span>
        <Hex value={leafFrom(leaves, i)} />
        {size !== 12 && <span className="tr-size nw-3"> {sizeText(size)}</span>}
      </span>
      {through ? (
        <Hex value={leafOutput(leaves, i)} />
      ) : (
        <span className={status === LeafStatus.Unknown ? "nw-2" : "nw-fault"} title={why}>
          {WORDS[status]}
        </span>
      )}
      <span className={`nw-mono nw-3${wide}`}>{permissionText(leaves.permissions[i] ?? 0)}</span>
    </>
  );
}

/** Between which ranges an unmapped address lies. */
function Unmapped({ leaves, before }: { readonly leaves: LeafColumns; readonly before: number }) {
  const below = before - 1;
  return (
    <p className="tr-unmapped nw-2">
      Not mapped;{" "}
      {below >= 0 && (
        <>
          a range ends at <Hex value={leafFrom(leaves, below) + (1n << BigInt(leaves.sizeLg2[below] ?? 0)) - 1n} />
        </>
      )}
      {below >= 0 && before < leaves.count && ", "}
      {before < leaves.count && (
        <>
          the next begins at <Hex value={leafFrom(leaves, before)} />
        </>
      )}
      .
    </p>
  );
}
