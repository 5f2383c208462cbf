/**
 * `npm run -s conformance -- [--json] PATH...`: plays recorded captures, vectors and logs against the model.
 *
 * A PATH is a file or a folder, searched through to the bottom. Without one, what comes with the project is played, and
 * beside it the shared recordings where they are present. Exit status 1 when a case failed.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { mayBePlayed, playFile } from "../conformance/play_files.ts";
import { type FileReport, unreadable } from "../conformance/report.ts";
import { closingLines, reportLines, totals } from "../conformance/report_text.ts";
import type { InputFile } from "../protocol/engine.ts";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const SHIPPED = ["src/conformance/data", "public/captures"];
const SHARED = ["../shared/captures", "../shared/vectors", "../shared/logs"];

/** Folders that are played when none is named. */
function defaults(): string[] {
  const all = [...SHIPPED, ...SHARED.filter((path) => existsSync(join(PROJECT, path)))];
  return all.map((path) => relative(process.cwd(), join(PROJECT, path)) || ".");
}

/** Files below a path that may be something to play, in order of their names. */
function filesBelow(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path).sort();
  return names.flatMap((name) => {
    const below = join(path, name);
    return statSync(below).isDirectory() ? filesBelow(below) : mayBePlayed(name) ? [below] : [];
  });
}

const read = (path: string): InputFile => ({ name: path, bytes: new Uint8Array(readFileSync(path)) });

/** A capture's memory lies in the same folder. */
const beside = (path: string) => (): InputFile[] =>
  readdirSync(dirname(path))
    .filter((name) => /\.(bin|gz)$/i.test(name) && name !== basename(path))
    .map((name) => read(join(dirname(path), name)));

/** Play everything below one path; a path that holds nothing to play is a failure. */
async function playPath(path: string, done: (report: FileReport) => void): Promise<void> {
  if (!existsSync(path)) {
    done(unreadable(path, "There is no such file or folder."));
    return;
  }
  let played = 0;
  for (const file of filesBelow(path)) {
    const report = await playFile({ file: read(file), beside: beside(file) });
    if (report === null) continue;
    played++;
    done(report);
  }
  if (played === 0) done(unreadable(path, "It holds no capture, no vectors and no log corpus."));
}

async function main(args: readonly string[]): Promise<void> {
  const json = args.includes("--json");
  const unknown = args.find((arg) => arg.startsWith("-") && arg !== "--json");
  if (unknown !== undefined) {
    process.stderr.write(`conformance: ${unknown} is no option\nusage: npm run -s conformance -- [--json] PATH...\n`);
    process.exitCode = 2;
    return;
  }
  const named = args.filter((arg) => arg !== "--json");
  const reports: FileReport[] = [];
  for (const path of named.length > 0 ? named : defaults()) {
    await playPath(path, (report) => {
      reports.push(report);
      if (!json) process.stdout.write(`${reportLines(report).join("\n")}\n`);
    });
  }
  const closing = json
    ? [JSON.stringify({ ...totals(reports), files: reports }, null, 1)]
    : ["", ...closingLines(reports)];
  process.stdout.write(`${closing.join("\n")}\n`);
  process.exitCode = totals(reports).failed > 0 ? 1 : 0;
}

await main(process.argv.slice(2));
