/**
 * What ties the store to the page: keys, dropped and pasted things, the address, the theme and the title.
 */
import { useEffect, useState } from "react";
import { droppedFiles } from "../../app/files.ts";
import { commandOf } from "../../app/keys.ts";
import { useApp, useAppNow } from "../common/use_app.ts";
import { wear } from "../theme/wear.ts";
import { usePageDoor } from "./page_door.ts";

/** Keys of the table, wherever the focus is. */
export function useKeys(): void {
  const now = useAppNow();
  const page = usePageDoor();
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      const command = commandOf(event);
      if (command === null || command.able?.(now()) === false) return;
      event.preventDefault();
      command.run(now(), page);
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [now, page]);
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
  useEffect(() => wear(theme), [theme]);
  useEffect(() => {
    document.title = title === undefined ? "Nestwalk" : `${title} · Nestwalk`;
  }, [title]);
}
