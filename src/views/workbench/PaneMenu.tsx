/** Which panes of the preset are open, and putting all of them back. */
import { DropdownMenu } from "radix-ui";
import { useShallow } from "zustand/react/shallow";
import { command } from "../../app/commands.ts";
import { PANES, panesOf, presetLayout } from "../../app/layout.ts";
import { emptyPanes } from "../../app/layout_slice.ts";
import { Button } from "../common/Button.tsx";
import { Icon } from "../common/Icon.tsx";
import { useApp } from "../common/use_app.ts";
import { CommandItems } from "./CommandItems.tsx";

export function PaneMenu() {
  const preset = useApp((app) => app.preset);
  const closed = useApp((app) => app.closed[preset]);
  const show = useApp((app) => app.showPane);
  const close = useApp((app) => app.closePane);
  const empty = useApp(useShallow(emptyPanes));
  const gone = closed?.length ?? 0;
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger asChild>
        <Button kind="quiet" aria-label={gone === 0 ? "Panes" : `Panes, ${gone} closed`}>
          <Icon name="panes" />
          {gone > 0 && <span>{gone} closed</span>}
        </Button>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="nw-pop nw-menu" align="end" sideOffset={4} collisionPadding={8}>
          {panesOf(presetLayout(preset))
            .filter((pane) => !empty.includes(pane))
            .map((pane) => {
              const open = closed?.includes(pane) !== true;
              return (
                <DropdownMenu.CheckboxItem
                  key={pane}
                  className="nw-menu-item nw-menu-check"
                  checked={open}
                  onCheckedChange={() => (open ? close(pane) : show(pane))}
                  onSelect={(event) => event.preventDefault()}
                >
                  <DropdownMenu.ItemIndicator>✓</DropdownMenu.ItemIndicator>
                  {PANES[pane]}
                </DropdownMenu.CheckboxItem>
              );
            })}
          <DropdownMenu.Separator className="nw-menu-line" />
          <CommandItems commands={[command("page.reset")]} />
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
