/** All keys, from the table that handles them. */
import { Dialog } from "radix-ui";
import { KEYS, type KeyBinding } from "../../app/keys.ts";
import { IconButton } from "../common/Button.tsx";
import { useApp } from "../common/use_app.ts";
import { Icon } from "./Icon.tsx";

const GROUPS: readonly KeyBinding["group"][] = ["Walk", "Actions", "Page"];

/** Keys that panes handle themselves. */
const IN_PANES = [
  ["Tab", "To the next pane or control"],
  ["↑ ↓", "Along a list; Enter chooses"],
  ["Arrows", "From cell to cell in the grid; Enter inspects"],
] as const;

export function HelpSheet() {
  const open = useApp((app) => app.helpOpen);
  const show = useApp((app) => app.showHelp);
  return (
    <Dialog.Root open={open} onOpenChange={show}>
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
              <KeyGroup
                key={group}
                title={group}
                keys={KEYS.filter((k) => k.group === group).map((k) => [k.shown, k.what])}
              />
            ))}
            <KeyGroup title="In a pane" keys={IN_PANES} />
          </div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function KeyGroup(props: { readonly title: string; readonly keys: readonly (readonly [string, string])[] }) {
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
