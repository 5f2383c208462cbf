/** The browser's dialogs for choosing files and folders; whatever opens one clicks its hidden input. */
import { pickedFile } from "../../app/files.ts";
import { useApp } from "../common/use_app.ts";

const IDS = { files: "nw-pick-files", folder: "nw-pick-folder" } as const;

/** Show the dialog. To be called from a click or a key press. */
export function pick(what: keyof typeof IDS): void {
  document.getElementById(IDS[what])?.click();
}

export function FilePickers() {
  const openPicked = useApp((app) => app.openPicked);
  const picker = (what: keyof typeof IDS, label: string, attributes: { readonly webkitdirectory?: string }) => (
    <input
      id={IDS[what]}
      type="file"
      multiple
      hidden
      aria-label={label}
      {...attributes}
      onChange={(event) => {
        const chosen = [...(event.target.files ?? [])].map((f) => pickedFile(f));
        event.target.value = "";
        if (chosen.length > 0) void openPicked(chosen);
      }}
    />
  );
  return (
    <>
      {picker("files", "Files to open", {})}
      {picker("folder", "Folder to open", { webkitdirectory: "" })}
    </>
  );
}
