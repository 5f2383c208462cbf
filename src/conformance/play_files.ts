/** Tells files by what they hold and gives each to its player. */
import type { Architecture } from "../machine/unit.ts";
import { loadArchitecture } from "../machine/units.ts";
import type { InputFile } from "../protocol/engine.ts";
import { ARCHES } from "../protocol/machine.ts";
import { isCapture } from "../scenario/capture.ts";
import { importFiles } from "../scenario/import_files.ts";
import { parseJson } from "../scenario/json_text.ts";
import { playCapture } from "./play_capture.ts";
import { isLogCorpus, playLogs } from "./play_logs.ts";
import { isTranscript, playUapi } from "./play_uapi.ts";
import { playVectors } from "./play_vectors.ts";
import { type FileReport, unreadable } from "./report.ts";

/** What somebody asked to have played. */
export interface Playable {
  readonly file: InputFile;
  /** Other files of the same folder: a capture's memory is among them. */
  readonly beside: () => readonly InputFile[];
}

/** Whether a file may be something to play, by its name: the only test made without reading it. */
export function mayBePlayed(name: string): boolean {
  return /\.jsonl?$/i.test(name);
}

const format = (json: unknown): string | null => {
  if (typeof json !== "object" || json === null || !("format" in json)) return null;
  return typeof json.format === "string" ? json.format : null;
};

/** Play one file; null when it is nothing that is played. */
export async function playFile({ file, beside }: Playable): Promise<FileReport | null> {
  const { name } = file;
  const text = new TextDecoder().decode(file.bytes);
  if (/\.jsonl$/i.test(name)) {
    if (isTranscript(text)) return playUapi(text, name);
    return isLogCorpus(text) ? playLogs(text, name) : null;
  }
  const json = parseJson(text, name);
  if (!json.ok) return unreadable(name, `${json.error.place}: ${json.error.detail}`);
  if (isCapture(json.value)) return capture(file, beside());
  if (format(json.value) !== "iommu-vectors/1") return null;
  return playVectors(json.value, name, await architectureOf((json.value as { arch?: unknown }).arch));
}

/** @returns null for one that is not modelled */
async function architectureOf(arch: unknown): Promise<Architecture | null> {
  const known = ARCHES.find((one) => one === arch);
  return known === undefined ? null : loadArchitecture(known);
}

async function capture(file: InputFile, beside: readonly InputFile[]): Promise<FileReport> {
  const imported = await importFiles([file, ...beside]);
  if (!imported.ok) {
    const { title, place, detail } = imported.error;
    return unreadable(file.name, `${title} ${place}: ${detail}`);
  }
  const { capture: captured } = imported.value;
  if (captured === null) return unreadable(file.name, "It is no capture.");
  return playCapture(imported.value, captured, file.name, await loadArchitecture(captured.arch));
}
