/** Handing the user files. */

/** Hand the user a text file. */
export function downloadText(name: string, text: string): void {
  downloadBlob(name, new Blob([text], { type: "application/json" }));
}

export function downloadBlob(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.download = name;
  anchor.click();
  // The browser has taken hold of the content by the end of this turn.
  setTimeout(() => URL.revokeObjectURL(url), 0);
}

/** A title as a part of the name of a file. */
export function plainName(title: string): string {
  const plain = title.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^-+|-+$/g, "");
  return plain.slice(0, 80) || "session";
}

/** A title as the name of a scenario file. */
export const fileName = (title: string): string => `${plainName(title)}.nestwalk.json`;
