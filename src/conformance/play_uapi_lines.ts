/**
 * Transcripts of the iommufd user interface as data: a header that names the machine, then a line for each call.
 * Lines of one case belong together; a case that uses objects it never made goes on where the one before it stopped.
 */

/** Any value of JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** The machine of a transcript. */
export interface Header {
  readonly machine: string;
  readonly kernel: string;
  readonly config: string;
  readonly devices: readonly { readonly bdf: string; readonly group: number }[];
  /** Hardware information the kernel gave, by driver. */
  readonly info: JsonObject;
}

/** One call. */
export interface Line {
  readonly case: string;
  readonly seq: number;
  readonly call: string;
  readonly in: JsonObject;
  readonly ret: number;
  readonly errno: string | null;
  readonly out: JsonObject;
  readonly about: string;
}

export interface Transcript {
  readonly header: Header;
  /** Lines that share one state, in order. */
  readonly sequences: readonly (readonly Line[])[];
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A number however it is written; null for anything else. */
export function numberOf(value: Json | undefined): bigint | null {
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
  return typeof value === "string" && /^(0x[0-9a-f]+|\d+)$/i.test(value) ? BigInt(value) : null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A text, or a number as text; empty for anything else. */
export const textOf = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" ? `${value}` : "";

function headerOf(json: unknown): Header | null {
  if (!isObject(json) || typeof json.machine !== "string" || typeof json.kernel !== "string") return null;
  const devices = Array.isArray(json.devices) ? json.devices.filter(isObject) : [];
  return {
    machine: json.machine,
    kernel: json.kernel,
    config: typeof json.kernel_config === "string" ? json.kernel_config : "",
    devices: devices.map((d) => ({ bdf: textOf(d.bdf), group: Number(d.group) })),
    info: isObject(json.hw_info) ? json.hw_info : {},
  };
}

function lineOf(json: unknown): Line | null {
  if (!isObject(json) || typeof json.case !== "string" || typeof json.ioctl !== "string") return null;
  if (typeof json.ret !== "number" || !isObject(json.in) || !isObject(json.out)) return null;
  return {
    case: json.case,
    seq: Number(json.seq),
    call: json.ioctl,
    in: json.in,
    ret: json.ret,
    errno: typeof json.errno === "string" ? json.errno : null,
    out: json.out,
    about: typeof json.about === "string" ? json.about : "",
  };
}

/** Whether a text is such a transcript, by its first line. */
export function isTranscript(text: string): boolean {
  const end = text.indexOf("\n");
  return headerOf(parse(end < 0 ? text : text.slice(0, end))) !== null;
}

/** Fields that name objects of the file, and outputs that make them. */
const USES = ["id", "ioas_id", "dev_id", "pt_id", "hwpt_id", "viommu_id", "src_ioas_id", "dst_ioas_id"];
const MAKES = /^(out_.*_id|out_devid|pt_id)$/;

/**
 * Whether a case needs what the case before it left: it has good use of an object that it never made, or what it makes
 * first is not the first object of its file.
 */
function continues(lines: readonly Line[]): boolean {
  const known = new Set<bigint>([0n]);
  for (const line of lines) {
    if (line.ret < 0) continue;
    for (const key of USES) {
      const id = numberOf(line.in[key]);
      if (id !== null && !known.has(id)) return true;
    }
    for (const [key, value] of Object.entries(line.out)) {
      const id = MAKES.test(key) ? numberOf(value) : null;
      if (id !== null && known.size === 1 && id !== 1n) return true;
      if (id !== null) known.add(id);
    }
  }
  return false;
}

/**
 * Split a case where a fresh file shows: a device is bound under an id that another one still has. What comes before
 * the next case's own calls is recorded under the name of the case before.
 */
function splitAtFreshFiles(lines: readonly Line[]): Line[][] {
  const parts: Line[][] = [[]];
  const bound = new Set<bigint>();
  for (const line of lines) {
    const part = parts.at(-1)!;
    part.push(line);
    if (line.call === "close") bound.clear();
    const id = line.call === "VFIO_DEVICE_BIND_IOMMUFD" && line.ret === 0 ? numberOf(line.out.out_devid) : null;
    if (id === null) continue;
    if (bound.has(id)) {
      const opened = part.findLastIndex((l) => l.call === "open(vfio cdev)");
      parts.push(part.splice(opened));
      bound.clear();
    }
    bound.add(id);
  }
  return parts;
}

/** Read a transcript; lines that are none count as unreadable. */
export function readTranscript(text: string): { transcript: Transcript; unreadable: number } | null {
  const [first, ...rest] = text.split("\n").filter((line) => line.trim() !== "");
  const header = headerOf(parse(first ?? ""));
  if (header === null) return null;
  const lines = rest.map((line) => lineOf(parse(line)));
  const cases: Line[][] = [];
  for (const line of lines) {
    if (line === null) continue;
    if (cases.at(-1)?.[0]?.case === line.case) cases.at(-1)!.push(line);
    else cases.push([line]);
  }
  const sequences: Line[][] = [];
  for (const lines of cases) {
    const [first, ...rest] = splitAtFreshFiles(lines);
    if (sequences.length > 0 && continues(first!)) sequences.at(-1)!.push(...first!);
    else sequences.push(first!);
    sequences.push(...rest);
  }
  return { transcript: { header, sequences }, unreadable: lines.filter((l) => l === null).length };
}
