/**
 * Plays transcripts of the iommufd user interface against the modelled host kernel and machine. A line counts as one:
 * return value, errno and outputs must be alike.
 *
 * A transcript does not say which file a call went to. Where there is a choice the player takes the first file, and
 * comes back to another when a later line cannot be explained; a line that no choice explains has failed.
 */
import { Choices } from "./play_uapi_choices.ts";
import { type JsonObject, type Line, readTranscript } from "./play_uapi_lines.ts";
import { type MachineProfile, profileOf } from "./play_uapi_profile.ts";
import { UapiProgram } from "./play_uapi_program.ts";
import { type FileReport, ReportBuilder, unreadable } from "./report.ts";

export { isTranscript } from "./play_uapi_lines.ts";

/** Most ways in which a sequence is tried for the sake of one line. */
const MOST_TRIES = 48;

interface Attempt {
  readonly choices: Choices;
  /** The first line that differs and is not forgiven; null where all agree. */
  readonly failed: { readonly at: number; readonly difference: string } | null;
}

/** What is played: a sequence, on which machine, after what. */
interface Play {
  readonly profile: MachineProfile;
  readonly lines: readonly Line[];
  /** What sequences before wrote into guest memory. */
  readonly earlier: readonly JsonObject[];
}

function attempt({ profile, lines, earlier }: Play, taken: readonly number[], forgiven: ReadonlySet<number>): Attempt {
  const choices = new Choices(taken);
  const program = new UapiProgram(profile, lines, choices, earlier);
  for (const [at, line] of lines.entries()) {
    const difference = program.play(line);
    if (difference !== null && !forgiven.has(at)) return { choices, failed: { at, difference } };
  }
  return { choices, failed: null };
}

/** Try other choices until a line agrees that did not; the attempt that gets furthest otherwise. */
function furthest(play: Play, start: readonly number[], forgiven: ReadonlySet<number>): Attempt {
  let best = attempt(play, start, forgiven);
  let next = best.failed === null ? null : best.choices.next(start.length);
  for (let tries = 1; tries < MOST_TRIES && best.failed !== null && next !== null; tries++) {
    const tried = attempt(play, next, forgiven);
    if (tried.failed === null || tried.failed.at > best.failed.at) best = tried;
    next = tried.choices.next(start.length);
  }
  return best;
}

/** Differences of a sequence, by line. */
function playSequence(play: Play): Map<number, string> {
  const failures = new Map<number, string>();
  let start: readonly number[] = [];
  for (;;) {
    const best = furthest(play, start, new Set(failures.keys()));
    if (best.failed === null) return failures;
    failures.set(best.failed.at, best.failed.difference);
    start = best.choices.taken;
  }
}

/** Play a whole transcript. */
export function playUapi(text: string, name: string): FileReport {
  const read = readTranscript(text);
  if (read === null) return unreadable(name, "The first line names no machine.");
  const report = new ReportBuilder(name);
  const profile = profileOf(read.transcript.header);
  const earlier: JsonObject[] = [];
  for (const lines of read.transcript.sequences) {
    const failures = playSequence({ profile, lines, earlier: [...earlier] });
    for (const line of lines) if (line.call === "guest-memory") earlier.push(line.in);
    for (const [at, line] of lines.entries()) {
      const difference = failures.get(at);
      const id = `${line.case} ${line.seq} ${line.call}`;
      report.add(id, difference === undefined ? { type: "passed" } : { type: "failed", difference });
    }
  }
  for (let i = 0; i < read.unreadable; i++) {
    report.add("line", { type: "failed", difference: "The line is not readable as a call." });
  }
  return report.report();
}
