/** Below the grid: what each stage says of the access and what both come to, and where each bit of the address comes from. */
import { useMemo } from "react";
import { WORDS } from "../../arch/words.ts";
import type { CombinedProperty, WalkAnswer } from "../../protocol/engine.ts";
import { useSize } from "../common/use_size.ts";
import { traceSteps } from "../common/walk_reading.ts";
import { type ComposedAddress, composedAddresses } from "../geometry/composed_bits.ts";
import type { TraceStep } from "../geometry/trace_step.ts";
import { sizeText } from "../translations/leaf_rows.ts";
import { BitComposition } from "./BitComposition.tsx";
import { stageWords } from "./stage_words.ts";

export function CombinedStages({ walk }: { readonly walk: WalkAnswer }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, by keys too.
    <section className="walk-combined" aria-label="How both stages combine" tabIndex={0}>
      {walk.combined.length === 0 ? (
        <p className="nw-2">The walk reached no leaf, so there is nothing to combine.</p>
      ) : (
        <CombinedTable walk={walk} />
      )}
      <Composition walk={walk} />
    </section>
  );
}

type Column = "asked" | "stage1" | "stage2";

function CombinedTable({ walk }: { readonly walk: WalkAnswer }) {
  const { combined, arch } = walk;
  const [first, second] = WORDS[arch].stageNames;
  const heads = [
    ["asked", "Device"],
    ["stage1", first],
    ["stage2", second],
  ] as const satisfies readonly (readonly [Column, string])[];
  const columns = heads.filter(([column]) => combined.some((row) => row[column] !== null));
  return (
    <table className="nw-table walk-combined-table">
      <thead>
        <tr>
          <th scope="col">Property</th>
          {columns.map(([column, head]) => (
            <th key={column} scope="col">
              {head}
            </th>
          ))}
          <th scope="col">Together</th>
          <th scope="col">Why</th>
        </tr>
      </thead>
      <tbody>
        {combined.map((row) => (
          <CombinedRow key={row.name} row={row} columns={columns.map(([column]) => column)} />
        ))}
      </tbody>
    </table>
  );
}

function CombinedRow({ row, columns }: { readonly row: CombinedProperty; readonly columns: readonly Column[] }) {
  return (
    <tr data-property={row.name}>
      <th scope="row">{row.name}</th>
      {columns.map((column) => (
        <td key={column} data-stage={column} className={row[column] === null ? "nw-3" : undefined}>
          {row[column] ?? "–"}
        </td>
      ))}
      <td>
        <strong>{row.together}</strong>
      </td>
      <td className="nw-2">
        {row.why} <span className="nw-3 nw-nowrap">{row.section}</span>
      </td>
    </tr>
  );
}

/** The leaf that a stage translated the address by, or null. */
const leafOf = (steps: readonly TraceStep[], stage: 1 | 2): TraceStep | null =>
  steps.findLast((s) => s.leaf && s.stage === stage && s.phase === (stage === 1 ? "table" : "output")) ?? null;

/** The addresses of a walk that went through by its leaves; null where a leaf is not known. */
function composed({ outcome, access, stage1, stage2 }: WalkAnswer, steps: readonly TraceStep[]) {
  if (outcome.type !== "ok" || outcome.bypass) return null;
  const [one, two] = [leafOf(steps, 1), leafOf(steps, 2)];
  if ((stage1 !== null && one === null) || (stage2 !== null && two === null) || (one ?? two) === null) return null;
  const sizes = { stage1: one?.sizeLg2 ?? null, stage2: two?.sizeLg2 ?? null };
  const passed = { iova: access.iova, ipa: two?.input ?? outcome.pa, pa: outcome.pa };
  return { addresses: composedAddresses(passed, sizes), sizes };
}

function Composition({ walk }: { readonly walk: WalkAnswer }) {
  const [ref, size] = useSize<HTMLDivElement>();
  const found = useMemo(() => composed(walk, traceSteps(walk)), [walk]);
  if (found === null) return null;
  const leaf = (stage: 1 | 2, lg2: number | null): string =>
    lg2 === null ? "" : `${stageWords(walk.arch, stage, "full")} leaf, ${sizeText(lg2)}`;
  const words = {
    input: "of the IOVA",
    "stage 1": leaf(1, found.sizes.stage1),
    "stage 2": leaf(2, found.sizes.stage2),
  };
  return (
    <div ref={ref} className="walk-bits">
      {size !== null && <BitComposition addresses={found.addresses} width={size.width} sourceWords={words} />}
      <ul className="nw-sr">{found.addresses.map((address) => sentence(address, words))}</ul>
    </div>
  );
}

function sentence({ name, address, runs }: ComposedAddress, words: Readonly<Record<string, string>>) {
  const parts = runs.map(({ hi, lo, from }) => `bits ${hi} to ${lo} ${from === "input" ? "" : "from "}${words[from]}`);
  return (
    <li key={name}>
      {name} 0x{address.toString(16)}: {parts.join(", ")}
    </li>
  );
}
