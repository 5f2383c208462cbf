/** A dialog over the whole page, with its title and the button that closes it. */
import "./sheet.css";
import { Dialog } from "radix-ui";
import type { ReactNode } from "react";
import type { AppState } from "../../app/state.ts";
import { IconButton } from "./Button.tsx";
import { Icon } from "./Icon.tsx";
import { useApp } from "./use_app.ts";
import { useFocusBack } from "./use_focus_back.ts";

interface SheetProps {
  /** What the app calls it. */
  readonly id: NonNullable<AppState["over"]>;
  readonly title: string;
  readonly className: string;
  /** Beside the title. */
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

export function Sheet({ id, title, className, actions, children }: SheetProps) {
  const show = useApp((app) => app.showOver);
  useFocusBack();
  return (
    <Dialog.Root open onOpenChange={(now) => show(now ? id : null)}>
      <Dialog.Portal>
        <Dialog.Overlay className="wb-shade" />
        <Dialog.Content
          className={`nw-pop sheet ${className}`}
          aria-describedby={undefined}
          onOpenAutoFocus={focusWhole}
        >
          <div className="sheet-head">
            <Dialog.Title>{title}</Dialog.Title>
            {actions}
            <Dialog.Close asChild>
              <IconButton label="Close" keyName="Esc">
                <Icon name="close" />
              </IconButton>
            </Dialog.Close>
          </div>
          {children}
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

/** Not its first button, which closes it. */
function focusWhole(event: Event): void {
  event.preventDefault();
  if (event.currentTarget instanceof HTMLElement) event.currentTarget.focus();
}
