/** The session's name, and the menu of everything that opens or saves one. */
import { DropdownMenu } from "radix-ui";
import { Button } from "../common/Button.tsx";
import { useApp } from "../common/use_app.ts";
import { useSaveSession } from "../share/save_session.ts";
import { pick } from "./FilePickers.tsx";
import { Icon } from "./Icon.tsx";

export function SessionMenu() {
  const title = useApp((app) => app.summary?.title);
  const openShipped = useApp((app) => app.openShipped);
  const save = useSaveSession();
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger asChild>
        <Button kind="quiet" className="wb-session">
          <span className="nw-strong nw-ellipsis">{title ?? "Open…"}</span>
          <span className="nw-sr">, session menu</span>
          <Icon name="menu" />
        </Button>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="nw-pop nw-menu" align="start" sideOffset={4} collisionPadding={8}>
          <DropdownMenu.Item className="nw-menu-item" onSelect={() => pick("files")}>
            Open files…
          </DropdownMenu.Item>
          <DropdownMenu.Item className="nw-menu-item" onSelect={() => pick("folder")}>
            Open a folder…
          </DropdownMenu.Item>
          <DropdownMenu.Item className="nw-menu-item" onSelect={() => void openShipped()}>
            Open the shipped capture
          </DropdownMenu.Item>
          <DropdownMenu.Separator className="nw-menu-line" />
          <DropdownMenu.Item className="nw-menu-item" disabled={title === undefined} onSelect={() => void save()}>
            Save the whole session as a file
          </DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
