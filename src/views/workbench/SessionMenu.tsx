/** The session's name, and the menu of everything that opens or saves one. */
import { DropdownMenu } from "radix-ui";
import { COMMANDS } from "../../app/commands.ts";
import { Button } from "../common/Button.tsx";
import { Icon } from "../common/Icon.tsx";
import { useApp } from "../common/use_app.ts";
import { CommandItems } from "./CommandItems.tsx";

export function SessionMenu() {
  const title = useApp((app) => app.summary?.title);
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
          <CommandItems commands={COMMANDS.filter((c) => c.group === "Session")} />
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
