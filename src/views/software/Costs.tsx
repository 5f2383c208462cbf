/** How often each deed happened: in the newest action of the step, and in all; and what that costs by the model. */
import type { SoftwareAnswer } from "../../protocol/software.ts";
import { deedText } from "../lanes/deed_text.ts";

const thin = (value: number): string => value.toLocaleString("en").replace(/,/g, "\u2009");

export function Costs({ answer }: { readonly answer: SoftwareAnswer }) {
  const { counts, ns, before, prices } = answer;
  const deeds = Object.keys(counts).filter((deed) => (counts[deed] ?? 0) > 0);
  const more = (now: number, then: number | undefined): string => (now === then ? "–" : `+${thin(now - (then ?? 0))}`);
  return (
    <table className="nw-table costs">
      <caption className="nw-sr">Deeds and what they cost</caption>
      <thead>
        <tr>
          <th scope="col">Deed</th>
          <th scope="col">{before === null ? "" : "This step"}</th>
          <th scope="col">In all</th>
          <th scope="col">Each, ns</th>
        </tr>
      </thead>
      <tbody>
        {deeds.map((deed) => (
          <tr key={deed} data-deed={deed}>
            <th scope="row">{deedText(deed)}</th>
            <td>{before === null ? "" : more(counts[deed] ?? 0, before.counts[deed])}</td>
            <td>{thin(counts[deed] ?? 0)}</td>
            <td className="nw-3">{thin(prices[deed] ?? 0)}</td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">Time of the model, ns</th>
          <td>{before === null ? "" : more(ns, before.ns)}</td>
          <td>{thin(ns)}</td>
          <td />
        </tr>
      </tfoot>
    </table>
  );
}
