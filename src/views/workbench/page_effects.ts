/**
 * What ties the store to the page: keys, dropped and pasted things, the address, the theme and the title.
 */
import { useEffect, useState } from "react";
import { droppedFiles } from "../../app/files.ts";
import { bindingOf } from "../../app/keys.ts";
import { useApp, useAppNow } from "../common/use_app.ts";
import { ADDRESS_BOX_ID } from "../translations/AddressBox.tsx";

/** Keys of the table, wherever the focus is. */
export function useKeys(): void {
  const now = useAppNow();
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      const binding = bindingOf(event);
      if (binding === null) return;
      event.preventDefault();
      binding.run(now(), { focusPane, focusAddress });
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [now]);
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

function focusAddress(): void {
  const box = document.getElementById(ADDRESS_BOX_ID);
  if (!(box instanceof HTMLInputElement)) return;
  box.focus();
  box.select();
}

/** Files dropped anywhere are opened. Answers whether files hover over the page. */
export function useDrop(): boolean {
  const now = useAppNow();
  const [over, setOver] = useState(false);
  useEffect(() => {
    const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
    const onOver = (event: DragEvent): void => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const onLeave = (event: DragEvent): void => {
      if (event.relatedTarget === null) setOver(false);
    };
    const onDrop = (event: DragEvent): void => {
      if (!hasFiles(event) || event.dataTransfer === null) return;
      event.preventDefault();
      setOver(false);
      void droppedFiles(event.dataTransfer).then((files) => {
        if (files.length > 0) return void now().openPicked(files);
        const detail = "The drop held no file, or only empty folders.";
        now().notify({ tone: "plain", title: "There is nothing to open.", place: "drop", detail });
      });
    };
    window.addEventListener("dragover", onOver);
    window.addEventListener("dragleave", onLeave);
    window.addEventListener("drop", onDrop);
    return () => {
      window.removeEventListener("dragover", onOver);
      window.removeEventListener("dragleave", onLeave);
      window.removeEventListener("drop", onDrop);
    };
  }, [now]);
  return over;
}

/** Text pasted outside of any field goes to the decoder; a link with a case is opened. */
export function usePaste(): void {
  const now = useAppNow();
  useEffect(() => {
    const onPaste = (event: ClipboardEvent): void => {
      if (event.target instanceof Element && event.target.closest("input, textarea, [contenteditable]")) return;
      const text = event.clipboardData?.getData("text/plain") ?? "";
      if (text.trim() === "") return;
      const link = /^https?:\/\/\S+#(c=\S+)$/.exec(text.trim());
      if (link?.[1] !== undefined) return void now().followFragment(link[1]);
      now().paste(text);
      now().choosePreset("decode");
    };
    window.addEventListener("paste", onPaste);
    return () => window.removeEventListener("paste", onPaste);
  }, [now]);
}

/** The case in the page's address. */
export function useAddress(): void {
  const now = useAppNow();
  useEffect(() => {
    const onHashChange = (): void => void now().followFragment(window.location.hash);
    window.addEventListener("hashchange", onHashChange);
    return () => window.removeEventListener("hashchange", onHashChange);
  }, [now]);
}

/** The chosen theme on the document, and the session's name in its title. */
export function useLook(): void {
  const theme = useApp((app) => app.theme);
  const title = useApp((app) => app.summary?.title);
  useEffect(() => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }, [theme]);
  useEffect(() => {
    document.title = title === undefined ? "Nestwalk" : `${title} · Nestwalk`;
  }, [title]);
}
