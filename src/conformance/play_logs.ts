/**
 * Plays corpora of pasted logs: a line of JSON for each paste, with the entries it must be decoded to. A line counts
 * as one.
 */
import { compareEntries, type EntryLike } from "../decode/compare.ts";
import { decode } from "../decode/decode.ts";
import { type CaseResult, type FileReport, ReportBuilder } from "./report.ts";

interface LogLine {
  readonly id: string;
  readonly text: string;
  readonly expect: readonly EntryLike[];
}

const isEntry = (value: unknown): value is EntryLike =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";

/** The line as a case, or what is wrong with it. */
function readLine(line: string): LogLine | string {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return "The line is not readable as JSON.";
  }
  if (typeof json !== "object" || json === null) return "The line is no object.";
  const { id, text, expect } = json as Record<string, unknown>;
  if (typeof id !== "string" || typeof text !== "string" || !Array.isArray(expect) || !expect.every(isEntry)) {
    return "The line lacks an id, a text or a list of expected entries.";
  }
  return { id, text, expect };
}

function playLine({ text, expect }: LogLine): CaseResult {
  const { ok, problems } = compareEntries(expect, decode(text).entries);
  return ok ? { type: "passed" } : { type: "failed", difference: problems.join("; ") };
}

/** Whether a text is such a corpus, by its first line. */
export function isLogCorpus(text: string): boolean {
  const end = text.indexOf("\n");
  return typeof readLine(end < 0 ? text : text.slice(0, end)) !== "string";
}

/** Play a whole corpus. */
export function playLogs(corpus: string, name: string): FileReport {
  const report = new ReportBuilder(name);
  for (const [i, line] of corpus.split("\n").entries()) {
    if (line.trim() === "") continue;
    const read = readLine(line);
    if (typeof read === "string") report.add(`line ${i + 1}`, { type: "failed", difference: read });
    else report.add(read.id, playLine(read));
  }
  return report.report();
}
