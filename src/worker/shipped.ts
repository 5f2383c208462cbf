/**
 * The capture that comes with the page, so that a first visit shows a walk. It is fetched here, beside a page that is
 * busy coming up.
 */
import type { InputFile, Progress, Result } from "../protocol/engine.ts";
import type { Arch } from "../protocol/machine.ts";

/** The architecture it is of, which can be loaded meanwhile. */
export const SHIPPED_ARCH: Arch = "smmuv3";

const FOLDER = "captures/smmuv3-iommufd-nested";
const FILES = ["capture.json", "memory.bin"];

/** Its files; `base` is the page's address. */
export type ReadShipped = (base: string, report: (p: Progress) => void) => Promise<Result<readonly InputFile[]>>;

export const fetchShipped: ReadShipped = async (base, report) => {
  const files: InputFile[] = [];
  const asked = FILES.map((name) => fetchOne(new URL(`${FOLDER}/${name}`, base)));
  for (const [done, name] of FILES.entries()) {
    report({ what: "files fetched", done, total: FILES.length });
    const read = await asked[done]!;
    if (typeof read === "string") {
      return { ok: false, error: { title: "The shipped capture could not be fetched.", place: name, detail: read } };
    }
    files.push({ name: `${FOLDER.slice(FOLDER.indexOf("/") + 1)}/${name}`, bytes: read });
  }
  return { ok: true, value: files };
};

async function fetchOne(url: URL): Promise<Uint8Array | string> {
  try {
    const response = await fetch(url);
    if (!response.ok) return `The server answered ${response.status}. Open a capture from disk instead.`;
    return new Uint8Array(await response.arrayBuffer());
  } catch {
    return "The server did not answer. Open a capture from disk instead.";
  }
}
