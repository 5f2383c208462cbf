/** The panes that a narrow screen's bar has no room for, in a menu. */
import { DropdownMenu } from "radix-ui";
import { PANES, type PaneId } from "../../app/layout.ts";
import { useApp } from "../common/use_app.ts";

export function MorePanes({ panes, current }: { readonly panes: readonly PaneId[]; readonly current: PaneId }) {
  const show = useApp((app) => app.showPane);
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger aria-current={panes.includes(current) ? "page" : undefined} aria-label="More panes">
        …
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="nw-pop nw-menu" align="end" sideOffset={4} collisionPadding={8}>
          {panes.map((pane) => (
            <DropdownMenu.Item key={pane} className="nw-menu-item" onSelect={() => show(pane)}>
              {PANES[pane]}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
