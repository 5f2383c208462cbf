/** Times that were measured, beside what native code took where that is known. */
import { type BenchRow, furtherFigures, NATIVE } from "../../protocol/bench.ts";

const HEADS = ["Work", "Pages", "Order", "ns each", "Least", "Most", "Native", "Checksum", "Further"] as const;
/** Columns of numbers. */
const NUMBERS: ReadonlySet<string> = new Set(["Pages", "ns each", "Least", "Most", "Native"]);

export function BenchTable({ rows }: { readonly rows: readonly BenchRow[] }) {
  if (rows.length === 0) return null;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard. */}
      <section className="bench-rows" aria-label="Times" tabIndex={0}>
        <table>
          <thead>
            <tr>
              {HEADS.map((head) => (
                <th key={head} scope="col" data-number={NUMBERS.has(head) || undefined}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: rows are only ever added at the end.
              <Row key={i} row={row} />
            ))}
          </tbody>
        </table>
      </section>
      <p className="nw-3">
        Native: C compiled with -O2, on one core of 2.6 GHz. Times of two machines say little about each other; equal
        checksums say that both gave the same answers.
      </p>
    </>
  );
}

function Row({ row }: { readonly row: BenchRow }) {
  const native = NATIVE.find((n) => n.work === row.work && n.pages === row.pages && n.order === row.order);
  const further = Object.entries(furtherFigures(row)).map(([name, figure]) => `${name} ${figure.toLocaleString("en")}`);
  return (
    <tr>
      <th scope="row">{row.work}</th>
      <td data-number>{row.pages.toLocaleString("en")}</td>
      <td>{row.order}</td>
      <td data-number className="nw-strong">
        {time(row.ns)}
      </td>
      <td data-number>{time(row.ns_min)}</td>
      <td data-number>{time(row.ns_max)}</td>
      <td data-number>{native === undefined ? "" : time(native.ns)}</td>
      <td>
        <span className="nw-mono">{row.sum}</span> {native !== undefined && <Same same={native.sum === row.sum} />}
      </td>
      <td>{further.join(", ")}</td>
    </tr>
  );
}

function Same({ same }: { readonly same: boolean }) {
  return same ? <span className="nw-2">= native</span> : <span className="nw-fault">≠ native</span>;
}

/** Nanoseconds with one decimal. */
const time = (ns: number): string => ns.toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
