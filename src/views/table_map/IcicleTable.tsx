/**
 * A table map as a table, for readers that do not see the drawing. Off screen; long maps are cut and say so.
 */
import type { TableMapColumns } from "../../protocol/engine.ts";
import { useFacts } from "../common/use_facts.ts";
import { nodeFacts, nodeName } from "./node_text.ts";

const MOST_ROWS = 200;

export function IcicleTable({ map, walked }: { readonly map: TableMapColumns; readonly walked: ReadonlySet<number> }) {
  const facts = useFacts();
  const rows = Array.from({ length: Math.min(map.count, MOST_ROWS) }, (_, i) => i);
  return (
    <div className="nw-sr">
      <table>
        <caption>
          Tables and mapped runs of {facts.stageNames[map.stage - 1]?.toLowerCase()}
          {map.count > MOST_ROWS ? `, the first ${MOST_ROWS} of ${map.count}` : ""}
        </caption>
        <tbody>
          {rows.map((i) => (
            <tr key={i}>
              <th scope="row">
                {nodeName(facts, map, i)}
                {walked.has(i) ? ", walked" : ""}
              </th>
              <td>
                {nodeFacts(facts, map, i)
                  .map(([name, value]) => `${name} ${typeof value === "string" ? value : `0x${value.toString(16)}`}`)
                  .join(", ")}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
