/**
 * Log text cut into lines with everything in front of the message removed: time stamps of all kinds, mail and
 * comment quoting, syslog and journal headers, log levels, other loggers' prefixes.
 *
 * One source line may become several: pastes lose line breaks, and serial consoles print one line into another.
 * Every step is linear in the length of the text.
 */

/** One message of a log. */
export interface LogLine {
  /** The message without what stood in front of it. */
  readonly text: string;
  /** Source line, from 1. */
  readonly line: number;
  /** A time stamp stood in front of it, so that it is no wrapped rest of the line before. */
  readonly stamped: boolean;
}

/** Longest message that is looked at, in characters; what follows is cut off. */
const MAX_MESSAGE = 2048;

const STAMP = String.raw`\[ {0,12}\d{1,9}\.\d{3,9}\]`;
const DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
const MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)";

/** Time stamps that may stand in front of a message. */
const STAMPS = [
  STAMP,
  String.raw`\[ {0,12}\d{1,9}\.\d{1,9}@\d{1,3}\]`,
  String.raw`\[ {0,4}\+ {0,8}\d{1,9}\.\d{1,9}\]`,
  String.raw`\[ {0,4}${DAY}? ?${MONTH} {1,2}\d{1,2} \d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: \d{4})?\]`,
  String.raw`\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?\]?`,
  String.raw`\d\d-\d\d \d\d:\d\d:\d\d\.\d{1,9}(?: {1,6}\d{1,7}){0,2}(?: [VDIWEF])?`,
  String.raw`\[\d\d:\d\d:\d\d(?:[.,]\d{1,9})?\]`,
  String.raw`(?:${DAY},? )?${MONTH} {1,2}\d{1,2} \d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: \d{4})?(?: [\w.-]{1,64}(?= (?:kernel|klogd)))?`,
  String.raw`\d{1,9}\.\d{4,9}(?=:? )`,
];

/** What may stand before or between stamps and says nothing about time. */
const DECORATION = [
  String.raw`[\s>|#*"'${"`"}+]+`,
  String.raw`[-•] (?=\S)`,
  "//",
  String.raw`<\d{1,3}>`,
  String.raw`\[ {0,6}[TC]\d{1,7}\]`,
  String.raw`\((?:XEN|d\d+)\)`,
  String.raw`(?:[\w.-]{1,64} )?(?:kernel|klogd)(?:\[\d{1,7}\])?:`,
  String.raw`(?:kern|user|daemon)\.(?:emerg|alert|crit|err|warn|warning|notice|info|debug):?`,
  String.raw`(?:INFO|WARN|WARNING|ERROR|DEBUG|TRACE)[:\s] ?(?:linux_log:)?`,
  "linux_log:",
];

const STAMP_AT_START = new RegExp(`^(?:${STAMPS.join("|")}):?`);
const DECORATION_AT_START = new RegExp(`^(?:${DECORATION.join("|")})`);
const STAMP_INSIDE = new RegExp(`(?=${STAMP})`);
const DRIVER_INSIDE = /(?=\barm-smmu-v3 [\w.@-]{1,64}: )/;
/** Terminal colours: ESC, "[", numbers, a letter; the part behind ESC. */
const COLOUR_TAIL = /^\[[0-9;]{0,16}[A-Za-z]/;

/** Most prefixes that are taken off one message. */
const MAX_PREFIXES = 12;

/** Take what stands in front of the message off a line. */
export function stripPrefix(line: string): { readonly text: string; readonly stamped: boolean } {
  let text = line;
  let stamped = false;
  for (let i = 0; i < MAX_PREFIXES; i++) {
    const decoration = DECORATION_AT_START.exec(text);
    if (decoration !== null) {
      text = text.slice(decoration[0].length);
      continue;
    }
    const stamp = STAMP_AT_START.exec(text);
    if (stamp === null) break;
    stamped = true;
    text = text.slice(stamp[0].length);
  }
  return { text: text.trimEnd(), stamped };
}

/** The line without terminal colours. */
function withoutColours(line: string): string {
  const [first, ...rest] = line.split("\u001b");
  return first! + rest.map((r) => r.replace(COLOUR_TAIL, "")).join("");
}

function clean(line: string): string {
  let text = line;
  if (text.includes("\u001b")) text = withoutColours(text);
  if (text.includes("&")) text = text.replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&lt;", "<");
  return text
    .replace(/[\u00a0\t]/g, " ")
    .replaceAll("\u200b", "")
    .replaceAll("\u0000", "");
}

/** A source line as the messages it holds: split at literal "\n", at time stamps and at repeated driver names. */
function messagesOf(line: string): string[] {
  const parts = line.includes("\\n") || line.includes("\\t") ? line.replaceAll("\\t", " ").split("\\n") : [line];
  const out: string[] = [];
  for (const part of parts) {
    for (const piece of part.split(STAMP_INSIDE)) {
      const [first = "", ...rest] = piece.split(DRIVER_INSIDE);
      // What stands before the first driver name is its prefix.
      if (rest.length > 0 && !first.startsWith("arm-smmu-v3 ")) out.push(first + rest.shift()!, ...rest);
      else out.push(first, ...rest);
    }
  }
  return out;
}

/** All messages of a text, in order. */
export function logLines(text: string): LogLine[] {
  const out: LogLine[] = [];
  const source = text.split(/\r\n|\n|\r/);
  for (let i = 0; i < source.length; i++) {
    if (source[i] === "") continue;
    for (const message of messagesOf(clean(source[i]!))) {
      const { text: stripped, stamped } = stripPrefix(message.slice(0, MAX_MESSAGE));
      if (stripped !== "") out.push({ text: stripped, line: i + 1, stamped });
    }
  }
  return out;
}

/** The name in front of a message, "driver device: message": the last word before the first ": ". */
export function deviceOf(prefix: string): string | null {
  const m = /([\w.@:-]+):$/.exec(prefix.slice(-160).trimEnd());
  return m === null ? null : m[1]!;
}

/** A line that starts with a driver and a device name, so that it is no wrapped rest of the line before. */
export function namesDevice(text: string): boolean {
  return /^[\w.-]{1,64} [\w.@:-]{1,64}: /.test(text);
}
