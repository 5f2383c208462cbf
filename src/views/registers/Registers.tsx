/**
 * Every register with its value, and the chosen one by its fields. A value that is typed over is written as software
 * would write it: an action, with all that the write sets off.
 */
import "./registers.css";
import { useMemo, useState } from "react";
import { readFilter } from "../../app/filter/filter.ts";
import type { RegisterRow } from "../../protocol/inspection.ts";
import { DecodedFields } from "../common/DecodedFields.tsx";
import { FilterBox } from "../common/FilterBox.tsx";
import { Hex } from "../common/Hex.tsx";
import { useApp, useEngineQuery } from "../common/use_app.ts";
import { VirtualList } from "../common/VirtualList.tsx";
import { RegisterValue } from "./RegisterValue.tsx";
import { REGISTER_FIELDS } from "./register_fields.ts";

const NONE: readonly RegisterRow[] = [];

export function Registers() {
  const open = useApp((app) => app.summary !== null);
  const { answer } = useEngineQuery("registers", (engine) => engine.registers());
  const all = answer?.rows ?? NONE;
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState<string | null>(null);
  const filter = useMemo(() => readFilter(text, REGISTER_FIELDS), [text]);
  const rows = useMemo(() => (filter.ok ? all.filter(filter.test) : all), [all, filter]);
  const at = rows.findIndex((r) => nameOf(r) === chosen);
  const register = rows[at] ?? all.find((r) => nameOf(r) === chosen);
  if (!open) return <p className="nw-empty">No session is open.</p>;
  return (
    <div className="registers">
      <div className="registers-left">
        <div className="registers-tools">
          <FilterBox
            id="nw-register-filter"
            label="Filter the registers"
            placeholder="name~CMDQ value!=0"
            text={text}
            fields={REGISTER_FIELDS}
            filter={filter}
            onText={setText}
          />
        </div>
        <VirtualList
          label="Registers"
          count={rows.length}
          chosen={at}
          reveal={chosen}
          columns="62px minmax(0, 340px) minmax(max-content, 1fr)"
          onChoose={(row) => setChosen(rows[row] === undefined ? null : nameOf(rows[row]))}
          row={(i) => {
            const r = rows[i];
            return r === undefined ? null : (
              <>
                <span className="nw-3 nw-mono">+{r.offset.toString(16)}</span>
                <span className="nw-ellipsis" title={r.section}>
                  {r.block !== "" && <span className="nw-3">{r.block} </span>}
                  {r.name}
                </span>
                <Hex value={r.value} digits={r.width * 2} />
              </>
            );
          }}
        />
      </div>
      {register !== undefined && <RegisterDetail key={nameOf(register)} register={register} />}
    </div>
  );
}

const nameOf = (r: RegisterRow): string => `${r.block} ${r.name}`;

function RegisterDetail({ register }: { readonly register: RegisterRow }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard.
    <section className="registers-detail" aria-label={`Register ${nameOf(register).trim()}`} tabIndex={0}>
      <header>
        <h3>
          {register.block !== "" && <span className="nw-3">{register.block} </span>}
          {register.name}
        </h3>
        <span className="nw-3 nw-small">
          {register.access} · {register.width * 8} bits · {register.section}
        </span>
      </header>
      <RegisterValue register={register} />
      <DecodedFields label={`Fields of ${register.name}`} fields={register.fields} />
    </section>
  );
}
