/**
 * Whatever files a user chooses or drops, made into a scenario: a capture's JSON with its memory file (gzip or not,
 * in any folder), a zip of them, or one scenario file. Files are told apart by what they hold.
 */
import type { InputFile, Result } from "../protocol/engine.ts";
import { type Capture, captureMemory, captureScenario, isCapture, readCapture } from "./capture.ts";
import { inflate } from "./compression.ts";
import type { Scenario } from "./document.ts";
import { parseJson } from "./json_text.ts";
import { LIMITS } from "./limits.ts";
import { isGzip, isZip } from "./magic.ts";
import { isObject } from "./migrations.ts";
import { type Control, type Pace, pace, UNATTENDED } from "./pace.ts";
import { CANCELLED, ok, problem, quoted } from "./problem.ts";

/** What came out of the files. */
export interface Imported {
  readonly scenario: Scenario;
  /** The capture it was made from, or null for a scenario file. */
  readonly capture: Capture | null;
}

/** A file whose bytes may have to be unpacked first. */
interface Source {
  readonly name: string;
  readonly read: (cap: number, pace: Pace) => Promise<Result<Uint8Array>>;
}

const TITLE = "These files cannot be opened.";

const folder = (name: string): string => name.slice(0, name.lastIndexOf("/") + 1);
const base = (name: string): string => name.slice(name.lastIndexOf("/") + 1);

function plain(file: InputFile): Source {
  return {
    name: file.name.replaceAll("\\", "/"),
    read: async (cap) =>
      file.bytes.length <= cap
        ? ok(file.bytes)
        : problem(
            "This file is too big.",
            file.name,
            `It has ${file.bytes.length} bytes; at most ${cap} are read here.`,
          ),
  };
}

/** Every file, those in zip archives included. */
async function sources(files: readonly InputFile[]): Promise<Result<readonly Source[]>> {
  const all: Source[] = [];
  for (const file of files) {
    if (!isZip(file.bytes)) {
      all.push(plain(file));
      continue;
    }
    // Archives and scenarios are the rarer inputs: a first visit opens a capture and need not load their readers.
    const { readZip, unzip } = await import("./zip.ts");
    const entries = readZip(file.bytes, file.name);
    if (!entries.ok) return entries;
    for (const entry of entries.value) {
      const name = `${file.name}/${entry.name.replaceAll("\\", "/")}`;
      const read: Source["read"] = (cap, step) =>
        unzip(file.bytes, entry, name, cap, (done) => step(`bytes of ${base(name)} unpacked`, done, entry.size));
      all.push({ name, read });
    }
  }
  if (all.length === 0) return problem(TITLE, "chosen files", "There is no file among them.");
  if (all.length > LIMITS.files) {
    return problem(TITLE, "chosen files", `There are ${all.length} files; at most ${LIMITS.files} are looked at.`);
  }
  return ok(all);
}

/** The file that says what the others are: capture.json, else the one JSON file, else the only file. */
function leading(all: readonly Source[]): Result<Source> {
  const named = all.filter((s) => /^capture\.json(\.gz)?$/i.test(base(s.name)));
  const candidates = named.length > 0 ? named : all.filter((s) => /\.json(\.gz)?$/i.test(s.name));
  const [only, second] = candidates.length > 0 ? candidates : all;
  if (only === undefined || (candidates.length === 0 && second !== undefined)) {
    const names = all
      .slice(0, 4)
      .map((s) => base(s.name))
      .join(", ");
    return problem(TITLE, "chosen files", `Neither a capture.json nor a scenario is among them (${names}).`);
  }
  if (second !== undefined) {
    const names = candidates
      .slice(0, 4)
      .map((s) => s.name)
      .join(", ");
    return problem(
      TITLE,
      "chosen files",
      `There are ${candidates.length} captures or scenarios (${names}); choose one of them.`,
    );
  }
  return ok(only);
}

async function gunzip(bytes: Uint8Array, name: string, cap: number, step: Pace): Promise<Result<Uint8Array>> {
  const out = await inflate(bytes, "gzip", cap, (done) => step(`bytes of ${base(name)} unpacked`, done, cap));
  switch (out.type) {
    case "done":
      return ok(out.bytes);
    case "cancelled":
      return CANCELLED;
    case "too big":
      return problem(
        "This file unpacks to too much.",
        name,
        `More than ${cap} bytes come out of it; reading stopped there.`,
      );
    case "damaged":
      return problem(
        "This gzip file is damaged.",
        name,
        `After ${out.produced} unpacked bytes the data ends or makes no sense; it may have been cut short.`,
      );
  }
}

/** The capture's memory file: the one it names, with or without .gz, from the same folder, else from anywhere. */
function memorySource(all: readonly Source[], lead: Source, file: string): Result<Source> {
  const stem = base(file.replaceAll("\\", "/")).replace(/\.gz$/i, "") || "memory.bin";
  const named = all.filter((s) => s !== lead && base(s.name).replace(/\.gz$/i, "") === stem);
  const beside = named.filter((s) => folder(s.name) === folder(lead.name));
  const others = all.filter((s) => s !== lead && /\.(bin|gz)$/i.test(s.name));
  const [chosen, second] = beside.length > 0 ? beside : named.length > 0 ? named : others;
  if (chosen === undefined) {
    const detail = `It keeps its memory in ${stem} (or ${stem}.gz); choose that file together with ${base(lead.name)}.`;
    return problem("The memory file of this capture is missing.", lead.name, detail);
  }
  if (second !== undefined) {
    const detail = `${chosen.name} and ${second.name} could both be its memory; choose one of them.`;
    return problem("The memory file of this capture is in doubt.", lead.name, detail);
  }
  return ok(chosen);
}

async function memoryBytes(source: Source, expected: number | null, step: Pace): Promise<Result<Uint8Array>> {
  const cap = Math.min(expected ?? LIMITS.memoryBytes, LIMITS.memoryBytes);
  const raw = await source.read(LIMITS.memoryBytes, step);
  // Memory that just begins like a gzip file has the expected size.
  if (!raw.ok || !isGzip(raw.value) || raw.value.length === expected) return raw;
  return gunzip(raw.value, source.name, cap, step);
}

/** A name for the session: the folder or archive of capture.json. */
function titleOf(name: string): string {
  const inFolder = base(folder(name).slice(0, -1)).replace(/\.zip$/i, "");
  return inFolder === "" ? "Capture" : inFolder;
}

async function fromCapture(
  all: readonly Source[],
  lead: Source,
  json: Parameters<typeof readCapture>[0],
  step: Pace,
): Promise<Result<Imported>> {
  const capture = await readCapture(json, lead.name, step);
  if (!capture.ok) return capture;
  const source = memorySource(all, lead, capture.value.memory.file);
  if (!source.ok) return source;
  const bytes = await memoryBytes(source.value, capture.value.memory.bytes, step);
  if (!bytes.ok) return bytes;
  const memory = captureMemory(capture.value, bytes.value, lead.name, source.value.name);
  if (!memory.ok) return memory;
  return ok({ capture: capture.value, scenario: captureScenario(capture.value, memory.value, titleOf(lead.name)) });
}

/** Read files into a scenario. Nothing in them makes this throw; `control` may stop it between pieces of work. */
export async function importFiles(
  files: readonly InputFile[],
  control: Control = UNATTENDED,
): Promise<Result<Imported>> {
  const step = pace(control);
  const all = await sources(files);
  if (!all.ok) return all;
  const lead = leading(all.value);
  if (!lead.ok) return lead;
  const { name } = lead.value;
  const raw = await lead.value.read(LIMITS.jsonBytes, step);
  if (!raw.ok) return raw;
  const bytes = isGzip(raw.value) ? await gunzip(raw.value, name, LIMITS.jsonBytes, step) : raw;
  if (!bytes.ok) return bytes;
  if (await step("bytes read", bytes.value.length, bytes.value.length)) return CANCELLED;
  const json = parseJson(new TextDecoder().decode(bytes.value), name);
  if (!json.ok) return json;
  if (isCapture(json.value)) return fromCapture(all.value, lead.value, json.value, step);
  if (isObject(json.value) && typeof json.value.format === "string") {
    const detail = `Its format is ${quoted(json.value.format, 40)}; a capture ("iommu-capture/1") or a scenario is expected.`;
    return problem("This is neither a capture nor a scenario.", `${name}, format`, detail);
  }
  const { readScenario } = await import("./document.ts");
  const scenario = readScenario(json.value, name);
  return scenario.ok ? ok({ scenario: scenario.value, capture: null }) : scenario;
}
