/**
 * Files from a file picker or a drop. A dropped folder is walked; nothing is read before it is opened.
 */
import { LIMITS } from "../scenario/limits.ts";
import type { PickedFile } from "./state.ts";

/** A file of the browser's. `name` holds the path where there is one. */
export function pickedFile(file: File, name = file.webkitRelativePath || file.name): PickedFile {
  return { name, size: file.size, read: async () => new Uint8Array(await file.arrayBuffer()) };
}

/** Everything in a drop. To be called while the drop event is handled: its items are gone afterwards. */
export function droppedFiles(data: DataTransfer): Promise<PickedFile[]> {
  const items = [...data.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.() ?? null);
  if (entries.some((entry) => entry === null)) return Promise.resolve([...data.files].map((f) => pickedFile(f)));
  return walkEntries(entries.filter((entry) => entry !== null));
}

/** Breadth first, so that a cap keeps what lies near the top. */
async function walkEntries(roots: readonly FileSystemEntry[]): Promise<PickedFile[]> {
  const found: PickedFile[] = [];
  const queue = [...roots];
  for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) {
    // One more than allowed, so that opening can say that there are too many.
    if (found.length > LIMITS.files) break;
    if (isFile(entry)) found.push(await entryFile(entry));
    else if (isDirectory(entry)) queue.push(...(await listDirectory(entry)));
  }
  return found;
}

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isDirectory = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;

async function entryFile(entry: FileSystemFileEntry): Promise<PickedFile> {
  const name = entry.fullPath.replace(/^\//, "");
  try {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    return pickedFile(file, name);
  } catch (reason) {
    return { name, size: 0, read: () => Promise.reject(reason instanceof Error ? reason : new Error(String(reason))) };
  }
}

/** A directory answers in portions until one is empty. One that cannot be listed counts as empty. */
async function listDirectory(entry: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = entry.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const portion = await new Promise<FileSystemEntry[]>((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (portion.length === 0) return all;
    all.push(...portion);
  }
}
