/** Commands as items of a menu, with their keys. */
import { DropdownMenu } from "radix-ui";
import type { Command } from "../../app/commands.ts";
import { useApp, useAppNow } from "../common/use_app.ts";
import { usePageDoor } from "./page_door.ts";

export function CommandItems({ commands }: { readonly commands: readonly Command[] }) {
  return commands.map((c) => <CommandItem key={c.id} command={c} />);
}

function CommandItem({ command: c }: { readonly command: Command }) {
  const able = useApp((app) => c.able?.(app) ?? true);
  const now = useAppNow();
  const page = usePageDoor();
  const key = c.presses?.[0]?.shown;
  return (
    <DropdownMenu.Item className="nw-menu-item" disabled={!able} onSelect={() => c.run(now(), page)}>
      {c.what}
      {key !== undefined && <kbd className="nw-kbd nw-menu-key">{key}</kbd>}
    </DropdownMenu.Item>
  );
}
