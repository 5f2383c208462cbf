/** All keys, from the table that handles them. */
import { COMMANDS, GROUPS } from "../../app/commands.ts";
import { Sheet } from "../common/Sheet.tsx";

/** Keys that panes handle themselves. */
const IN_PANES = [
  ["Tab", "To the next pane or control"],
  ["↑ ↓", "Along a list; Enter chooses"],
  ["Arrows", "From cell to cell in the grid; Enter inspects"],
] as const;

export function HelpSheet() {
  return (
    <Sheet id="keys" title="Keys" className="wb-help">
      <div className="wb-help-groups">
        {GROUPS.map((group) => (
          <KeyGroup key={group} title={group} keys={taught(group)} />
        ))}
        <KeyGroup title="In a pane" keys={IN_PANES} />
      </div>
    </Sheet>
  );
}

/** The commands of a group that have a key. */
function taught(group: (typeof GROUPS)[number]): [string, string][] {
  return COMMANDS.filter((c) => c.group === group).flatMap((c) => {
    const shown = c.presses?.map((press) => press.shown);
    return shown === undefined ? [] : [[shown.slice(0, 2).join(", "), c.what]];
  });
}

function KeyGroup(props: { readonly title: string; readonly keys: readonly (readonly [string, string])[] }) {
  if (props.keys.length === 0) return null;
  return (
    <section>
      <h3 className="nw-3">{props.title}</h3>
      <dl>
        {props.keys.map(([shown, what]) => (
          <div key={what}>
            <dt>
              <kbd className="nw-kbd">{shown}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
