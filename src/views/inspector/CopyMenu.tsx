/** The structure as text in several forms, to be pasted elsewhere. */
import { DropdownMenu } from "radix-ui";
import { useEffect, useState } from "react";
import { Button } from "../common/Button.tsx";
import { copyText } from "../common/copy_text.ts";
import { Icon } from "../common/Icon.tsx";
import { cText, hexText, jsonText, type StructureText } from "./structure_text.ts";

const SAID_MS = 1600;

const FORMS: readonly { readonly name: string; readonly text: (of: StructureText) => string }[] = [
  { name: "Words in hexadecimal", text: ({ words }) => hexText(words) },
  { name: "C initialiser", text: cText },
  { name: "JSON", text: jsonText },
];

export function CopyMenu({ of }: { readonly of: StructureText }) {
  const [said, setSaid] = useState<string | null>(null);
  useEffect(() => {
    if (said === null) return;
    const timer = setTimeout(() => setSaid(null), SAID_MS);
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger asChild>
        <Button size="small">
          <span aria-live="polite">{said ?? "Copy"}</span>
          <Icon name="menu" />
        </Button>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="nw-pop nw-menu" align="end" sideOffset={4} collisionPadding={8}>
          {FORMS.map(({ name, text }) => (
            <DropdownMenu.Item
              key={name}
              className="nw-menu-item"
              onSelect={() => {
                void copyText(text(of)).then((done) => setSaid(done ? "Copied" : "The browser refused"));
              }}
            >
              {name}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
