/** Saving what a pane draws as a picture. */
import { DropdownMenu } from "radix-ui";
import { useState } from "react";
import { downloadBlob, plainName } from "../share/download.ts";
import { Button } from "./Button.tsx";
import { Icon } from "./Icon.tsx";
import { pngPicture, svgPicture } from "./picture.ts";
import { useApp } from "./use_app.ts";

interface PictureMenuProps {
  /** The pane, as its `data-pane` names it. */
  readonly pane: string;
  readonly title: string;
}

export function PictureMenu({ pane, title }: PictureMenuProps) {
  const session = useApp((app) => app.summary?.title ?? "session");
  const [said, setSaid] = useState("");
  const body = (): Element | null => document.querySelector(`[data-pane="${pane}"] .nw-pane-body`);
  const name = plainName(`${session} ${title}`);

  async function save(form: "svg" | "png"): Promise<void> {
    const element = body();
    const svg = element === null || form === "png" ? null : svgPicture(element);
    const blob =
      element === null
        ? null
        : form === "png"
          ? await pngPicture(element)
          : svg === null
            ? null
            : new Blob([svg], { type: "image/svg+xml" });
    if (blob === null) setSaid("There is nothing drawn to save.");
    else {
      setSaid("");
      downloadBlob(`${name}.${form}`, blob);
    }
  }
  return (
    <DropdownMenu.Root onOpenChange={() => setSaid("")}>
      <DropdownMenu.Trigger asChild>
        <Button kind="quiet" size="small" data-shape="icon" aria-label={`Save ${title} as a picture`}>
          <Icon name="save" />
        </Button>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="nw-pop nw-menu" align="end" sideOffset={4} collisionPadding={8}>
          {(["svg", "png"] as const).map((form) => (
            <DropdownMenu.Item key={form} className="nw-menu-item" onSelect={() => void save(form)}>
              Picture as {form.toUpperCase()}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
      <span role="status" className="nw-fault nw-small">
        {said}
      </span>
    </DropdownMenu.Root>
  );
}
