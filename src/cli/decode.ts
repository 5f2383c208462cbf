/**
 * Decodes pasted logs and words on the command line, as the page does:
 * `decode [--json] [--as KIND] FILE|-`.
 *
 * Exit status: 0 something was decoded, 1 nothing was, 2 bad usage or a file that cannot be read.
 */
import { readFileSync } from "node:fs";
import { decodeFields, type FieldValue } from "../base/layout.ts";
import { adviceFor } from "../decode/advice.ts";
import { decode } from "../decode/decode.ts";
import { decodeAs, kindById, STRUCTURE_KINDS } from "../decode/decode_as.ts";
import { describeEntry } from "../decode/describe.ts";
import type { DecodedEntry } from "../decode/entry.ts";
import { findHexWords } from "../decode/hex_words.ts";

const USAGE = `usage: decode [--json] [--as KIND] FILE|-
  FILE    text with a kernel log or words; - reads standard input
  --json  print one JSON document
  --as    read bare words as KIND: ${STRUCTURE_KINDS.map(({ id }) => id).join(", ")}, register:NAME`;

interface Options {
  readonly json: boolean;
  readonly as: string | null;
  readonly file: string;
}

/** Ends the program with a message. */
function fail(message: string): never {
  process.stderr.write(`decode: ${message}\n`);
  process.exit(2);
}

function parse(args: readonly string[]): Options {
  let json = false;
  let as: string | null = null;
  const files: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--json") json = true;
    else if (arg === "--as") {
      const kind = args[++i];
      if (kind === undefined) fail(`--as needs a kind\n${USAGE}`);
      if (kindById(kind) === null) fail(`--as does not know ${kind}\n${USAGE}`);
      as = kind;
    } else if (arg === "--help" || arg === "-h") {
      process.stdout.write(`${USAGE}\n`);
      process.exit(0);
    } else if (arg.startsWith("-") && arg !== "-") fail(`unknown option ${arg}\n${USAGE}`);
    else files.push(arg);
  }
  if (files.length !== 1) fail(`one FILE is needed\n${USAGE}`);
  return { json, as, file: files[0]! };
}

function readText(file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (e) {
    fail(`cannot read ${file}: ${e instanceof Error ? e.message : String(e)}`);
  }
}

const hex = (v: bigint): string => `0x${v.toString(16)}`;

/** Table of fields; reserved runs only where they are set. */
function fieldRows(fields: readonly FieldValue[], section: string): string[] {
  const shown = fields.filter((f) => f.declaration.form !== "reserved" || f.value !== 0n);
  const rows = shown.map(({ declaration: d, value, meaning }) => [
    d.hi === d.lo ? `${d.lo}` : `${d.hi}:${d.lo}`,
    d.name,
    hex(value),
    [meaning ?? d.about, d.when === undefined ? "" : `[${d.when}]`, d.section === undefined ? "" : `(${d.section})`]
      .filter((t) => t !== "")
      .join(" "),
  ]);
  const width = [0, 1, 2].map((c) => Math.max(0, ...rows.map((r) => r[c]!.length)));
  const lines = rows.map(
    (r) => `    ${r[0]!.padStart(width[0]!)}  ${r[1]!.padEnd(width[1]!)}  ${r[2]!.padStart(width[2]!)}  ${r[3]!}`,
  );
  return [`    fields, ${section}:`, ...lines];
}

function listing(entry: DecodedEntry): string[] {
  const [first, last] = entry.lines;
  const { name, structure } = describeEntry(entry);
  const title = entry.type === "smmuv3-event" ? `${name} ${entry.event ?? ""}`.trim() : name;
  const out = [`${title}  (line${first === last ? ` ${first}` : `s ${first}-${last}`})`, `  ${entry.summary}`];
  if (structure !== null) {
    out.push(...fieldRows(decodeFields(structure.layout, structure.words), structure.layout.section));
  }
  const extra = entry.type === "smmuv3-event" ? entry.set_outside_defined_fields : undefined;
  if (extra !== undefined) out.push(`    set though the record defines nothing there: ${extra.join(", ")}`);
  const advice = adviceFor(entry);
  if (advice !== null) {
    out.push(`  ${advice.consequence}`);
    for (const c of advice.cause) out.push(`    why:   ${c.text} [${c.section}]`);
    for (const c of advice.checks) out.push(`    check: ${c.text} [${c.section}]`);
    for (const c of advice.notThis) out.push(`    not:   ${c.text} [${c.section}]`);
  }
  return out;
}

/** Words read as the structure that was asked for. */
function showStructure(text: string, options: Options, kind: string): number {
  const dump = findHexWords(text);
  if (dump === null) {
    process.stderr.write("decode: the text is no dump of words\n");
    return 1;
  }
  const got = decodeAs(dump.words, kind);
  if (!got.ok) {
    process.stderr.write(`decode: ${got.message}\n`);
    return 1;
  }
  if (options.json) {
    const fields = got.fields.map(({ declaration: d, value, meaning }) => ({
      name: d.name,
      hi: d.hi,
      lo: d.lo,
      value: hex(value),
      ...(meaning === undefined ? {} : { meaning }),
      about: d.about,
      section: d.section ?? got.layout.section,
    }));
    process.stdout.write(
      `${JSON.stringify({ structure: { kind, name: got.layout.name, summary: got.summary, fields } }, null, 2)}\n`,
    );
  } else process.stdout.write(`${[got.summary, ...fieldRows(got.fields, got.layout.section)].join("\n")}\n`);
  return 0;
}

function main(): number {
  const options = parse(process.argv.slice(2));
  const text = readText(options.file);
  if (options.as !== null) return showStructure(text, options, options.as);
  const { entries, notes, dump } = decode(text);
  if (options.json) {
    const words = dump === null ? {} : { dump: { words: dump.words.map((w) => hex(w)), kinds: dump.kinds } };
    process.stdout.write(`${JSON.stringify({ entries, notes, ...words }, null, 2)}\n`);
  } else {
    const blocks = entries.map((e) => listing(e).join("\n"));
    process.stdout.write(`${[...blocks, ...notes].join("\n\n")}\n`);
  }
  return entries.some((e) => e.type !== "refuse") ? 0 : 1;
}

process.exitCode = main();
