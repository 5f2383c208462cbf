/**
 * The capture that comes with the page, so that a first visit shows a walk. Fetched from the page's own folder.
 */
import type { InputFile, Progress, Result } from "../protocol/engine.ts";

/** How the shipped capture is called where the source of a session is named. */
export const SHIPPED_SOURCE = "shipped with Nestwalk";

const FOLDER = "captures/smmuv3-iommufd-nested";
const FILES = ["capture.json", "memory.bin"];

/** Reads the shipped files; `base` is the page's address. Aborting answers a problem that nobody has to see. */
export function fetchShipped(base: string): ReadShipped {
  return async (signal, report) => {
    const files: InputFile[] = [];
    for (const [done, name] of FILES.entries()) {
      report({ what: "files fetched", done, total: FILES.length });
      const read = await fetchOne(new URL(`${FOLDER}/${name}`, base), signal);
      if (typeof read === "string") {
        return { ok: false, error: { title: "The shipped capture could not be fetched.", place: name, detail: read } };
      }
      files.push({ name: `${FOLDER.slice(FOLDER.indexOf("/") + 1)}/${name}`, bytes: read });
    }
    return { ok: true, value: files };
  };
}

export type ReadShipped = (
  signal: AbortSignal,
  report: (progress: Progress) => void,
) => Promise<Result<readonly InputFile[]>>;

async function fetchOne(url: URL, signal: AbortSignal): Promise<Uint8Array | string> {
  try {
    const response = await fetch(url, { signal });
    if (!response.ok) return `The server answered ${response.status}. Open a capture from disk instead.`;
    return new Uint8Array(await response.arrayBuffer());
  } catch {
    return "The server did not answer. Open a capture from disk instead.";
  }
}
