/** What commands do to the page itself: focus, file dialogs, saving. */
import { useMemo } from "react";
import { FILTER_BOX_ID, type PageDoor, REACH_BOX_ID } from "../../app/commands.ts";
import { useSaveTrace } from "../lanes/save_trace.ts";
import { useSaveSession } from "../share/save_session.ts";
import { ADDRESS_BOX_ID } from "../translations/AddressBox.tsx";
import { pick } from "./FilePickers.tsx";

export function usePageDoor(): PageDoor {
  const save = useSaveSession();
  const saveTrace = useSaveTrace();
  return useMemo(
    () => ({
      focusPane,
      focusAddress: () => focusBox(ADDRESS_BOX_ID),
      focusFilter: () => focusBox(FILTER_BOX_ID),
      focusReach: () => focusBox(REACH_BOX_ID),
      pick,
      saveSession: () => void save(),
      saveTrace: () => void saveTrace(),
      focusedPane: () => document.activeElement?.closest<HTMLElement>("[data-pane]")?.dataset.pane ?? null,
    }),
    [save, saveTrace],
  );
}

const FOCUSABLE =
  "[tabindex='0'], input:not([disabled], [hidden]), textarea, button:not([disabled], [role=tab][tabindex='-1'])";

/** To the pane after or before the one that has the focus; there to what Tab would reach first below its head. */
function focusPane(by: 1 | -1): void {
  const panes = [...document.querySelectorAll<HTMLElement>("[data-pane]")];
  if (panes.length === 0) return;
  const here = panes.findIndex((pane) => pane.contains(document.activeElement));
  const next = here < 0 ? (by === 1 ? 0 : panes.length - 1) : (here + by + panes.length) % panes.length;
  const pane = panes[next];
  (pane?.querySelector<HTMLElement>(`.nw-pane-body :is(${FOCUSABLE})`) ?? pane)?.focus();
}

/** A pane that was just opened has its box a moment later. */
function focusBox(id: string, tries = 20): void {
  const box = document.getElementById(id);
  if (box instanceof HTMLInputElement) {
    box.focus();
    box.select();
  } else if (tries > 0) setTimeout(() => focusBox(id, tries - 1), 50);
}
