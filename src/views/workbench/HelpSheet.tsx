/** All keys, from the table that handles them. */
import { Dialog } from "radix-ui";
import { COMMANDS, GROUPS } from "../../app/commands.ts";
import { IconButton } from "../common/Button.tsx";
import { Icon } from "../common/Icon.tsx";
import { useApp } from "../common/use_app.ts";

/** Keys that panes handle themselves. */
const IN_PANES = [
  ["Tab", "To the next pane or control"],
  ["↑ ↓", "Along a list; Enter chooses"],
  ["Arrows", "From cell to cell in the grid; Enter inspects"],
] as const;

export function HelpSheet() {
  const open = useApp((app) => app.over === "keys");
  const show = useApp((app) => app.showOver);
  return (
    <Dialog.Root open={open} onOpenChange={(now) => show(now ? "keys" : null)}>
      <Dialog.Portal>
        <Dialog.Overlay className="wb-shade" />
        <Dialog.Content
          className="nw-pop wb-help"
          aria-describedby={undefined}
          onOpenAutoFocus={(event) => {
            // The sheet is there to be read; its only button need not be the first thing.
            event.preventDefault();
            if (event.currentTarget instanceof HTMLElement) event.currentTarget.focus();
          }}
        >
          <div className="wb-help-head">
            <Dialog.Title>Keys</Dialog.Title>
            <Dialog.Close asChild>
              <IconButton label="Close" keyName="Esc">
                <Icon name="close" />
              </IconButton>
            </Dialog.Close>
          </div>
          <div className="wb-help-groups">
            {GROUPS.map((group) => (
              <KeyGroup key={group} title={group} keys={taught(group)} />
            ))}
            <KeyGroup title="In a pane" keys={IN_PANES} />
          </div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
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
