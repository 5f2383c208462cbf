/**
 * What the IOMMU and its devices keep: each cache with its counts, its entries with their tags, and marks where an entry
 * no longer says what memory says, with the commands that are missing.
 */
import "./caches.css";
import { useMemo, useState } from "react";
import { readFilter } from "../../app/filter/filter.ts";
import type { CacheView } from "../../protocol/inspection.ts";
import { Chip } from "../common/Chip.tsx";
import { CommandBox } from "../common/CommandBox.tsx";
import { FilterBox } from "../common/FilterBox.tsx";
import { Glyph } from "../common/Glyph.tsx";
import { Hex } from "../common/Hex.tsx";
import { NoticeBox } from "../common/NoticeBox.tsx";
import { useApp, useEngineQuery } from "../common/use_app.ts";
import { VirtualList } from "../common/VirtualList.tsx";
import { permissionText, sizeText } from "../translations/leaf_rows.ts";
import { cacheFields, type ListedEntry, listEntries } from "./cache_rows.ts";
import { DROP_SIGN, DROP_TEXT, dropOf, Foretold, useDrops } from "./Foretold.tsx";

const NONE: readonly CacheView[] = [];

export function Caches() {
  const open = useApp((app) => app.summary !== null);
  const { answer } = useEngineQuery("caches", (engine) => engine.caches());
  const caches = answer?.caches ?? NONE;
  const [only, setOnly] = useState<string | null>(null);
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState<string | null>(null);
  const all = useMemo(() => listEntries(caches), [caches]);
  const drops = useDrops();
  const fields = useMemo(() => cacheFields(all), [all]);
  const filter = useMemo(() => readFilter(text, fields), [text, fields]);
  const rows = useMemo(
    () => all.filter((r) => (only === null || r.key === only) && (!filter.ok || filter.test(r))),
    [all, only, filter],
  );
  if (!open) return <p className="nw-empty">No session is open.</p>;
  if (answer !== null && caches.length === 0) {
    return <p className="nw-empty">This machine has no caches: every structure and descriptor is read from memory.</p>;
  }
  const entry = rows.find((r) => r.id === chosen) ?? rows.find((r) => r.entry.stale !== null);
  return (
    <div className="caches" data-several={caches.some(({ name }) => name.includes(" "))}>
      <CacheList caches={caches} only={only} onOnly={setOnly} />
      <div className="caches-entries">
        <div className="caches-tools">
          <CommandBox label="Command to foretell" />
          <Foretold drops={drops} />
        </div>
        <div className="caches-tools">
          <FilterBox
            id="nw-cache-filter"
            label="Filter the cached entries"
            placeholder="stale=yes input>=0x1000"
            text={text}
            fields={fields}
            filter={filter}
            onText={setText}
          />
        </div>
        <div className="caches-heads nw-small nw-3" aria-hidden="true">
          <span />
          <span>Cache</span>
          <span>Tagged with</span>
          <span>Input</span>
          <span>Leads to</span>
          <span />
          <span className="caches-age" title="Fills of its cache since it was made">
            Age
          </span>
        </div>
        <VirtualList
          label="Cached entries"
          count={rows.length}
          chosen={rows.findIndex((r) => r.id === entry?.id)}
          reveal={only}
          columns="var(--caches-columns)"
          onChoose={(row) => setChosen(rows[row]?.id ?? null)}
          row={(row) => <Cells row={rows[row]} drop={dropOf(drops, rows[row])} />}
        />
      </div>
      {entry?.entry.stale != null && <Stale row={entry} />}
    </div>
  );
}

function CacheList(props: {
  readonly caches: readonly CacheView[];
  readonly only: string | null;
  readonly onOnly: (key: string | null) => void;
}) {
  const { caches, only, onOnly } = props;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard.
    <section className="caches-list" aria-label="Caches of the machine" tabIndex={0}>
      <table className="nw-table">
        <thead>
          <tr>
            <th scope="col">Cache</th>
            <th scope="col">entries</th>
            <th scope="col">hits</th>
            <th scope="col">misses</th>
          </tr>
        </thead>
        <tbody>
          {caches.map((c) => {
            const key = cacheKey(c);
            const stale = c.entries.filter((e) => e.stale !== null).length;
            return (
              <tr key={key} data-selected={key === only}>
                <th scope="row">
                  <button type="button" aria-pressed={key === only} onClick={() => onOnly(key === only ? null : key)}>
                    <span title={c.title}>{c.name}</span>
                    {c.sid !== null && <span className="nw-3"> 0x{c.sid.toString(16)}</span>}
                    {stale > 0 && (
                      <Chip tone="stale" glyph="stale">
                        {stale} stale
                      </Chip>
                    )}
                  </button>
                </th>
                <td>
                  {c.entries.length}
                  <span className="nw-3"> / {c.capacity}</span>
                </td>
                <td>{c.counts.hits}</td>
                <td>{c.counts.misses}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

const cacheKey = (c: CacheView): string => `${c.name} ${c.sid ?? ""}`;

function Cells({ row, drop }: { readonly row: ListedEntry | undefined; readonly drop: "must" | "may" | null }) {
  if (row === undefined) return null;
  const { entry, cache } = row;
  return (
    <>
      <span className="caches-signs">
        {drop !== null && (
          <span role="img" aria-label={DROP_TEXT[drop]} title={DROP_TEXT[drop]}>
            {DROP_SIGN[drop]}
          </span>
        )}
        {entry.stale !== null && <Glyph name="stale" />}
      </span>
      <span className="nw-ellipsis">{cache.name}</span>
      <span className="caches-tags nw-small">
        {entry.tags.map((t) => (
          <span key={t.name}>
            <span className="nw-3">{t.name}</span> <Hex value={t.value} />
          </span>
        ))}
      </span>
      <span className="nw-ellipsis">
        {entry.input !== null && <Hex value={entry.input} />}
        {entry.sizeLg2 !== null && <span className="nw-3 nw-small"> {sizeText(entry.sizeLg2)}</span>}
      </span>
      <span className="nw-ellipsis">{entry.output !== null && <Hex value={entry.output} />}</span>
      <span className="nw-mono nw-3">{entry.permissions === null ? "" : permissionText(entry.permissions)}</span>
      <span className="caches-age nw-3">{entry.age}</span>
    </>
  );
}

function Stale({ row }: { readonly row: ListedEntry }) {
  const { stale } = row.entry;
  if (stale === null) return null;
  return (
    <div className="caches-stale">
      <NoticeBox
        tone="warning"
        title={`The ${row.cache.name} entry no longer says what memory says.`}
        detail={stale.what}
      />
      {stale.missing.length > 0 && (
        <>
          <p className="nw-2">What would put it right, in this order:</p>
          <ol className="nw-mono">
            {stale.missing.map((command) => (
              <li key={command}>{command}</li>
            ))}
          </ol>
        </>
      )}
    </div>
  );
}
