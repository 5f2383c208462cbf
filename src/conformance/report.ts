/** What a player says about one file: plain data, for a terminal, for JSON and for tests. */

/** A case whose answers differ from the recorded ones. */
export interface Failure {
  /** The case, as its file names it. */
  readonly name: string;
  /** The first differing access or step: what it was, what was expected and what came. */
  readonly difference: string;
}

/** Cases counted apart because their tag says that the architecture does not ask for their answers. */
interface Apart {
  readonly tag: string;
  readonly cases: number;
  readonly agree: number;
}

/** Checks beyond the counted cases: how many agree, and the first few that do not. */
interface Aside {
  readonly what: string;
  readonly checks: number;
  readonly agree: number;
  readonly differences: readonly string[];
}

/** Totals of one file. */
export interface FileReport {
  readonly file: string;
  readonly passed: number;
  readonly failures: readonly Failure[];
  /** Cases this program cannot play, by the reason. */
  readonly notPlayed: Readonly<Record<string, number>>;
  readonly apart: readonly Apart[];
  readonly asides: readonly Aside[];
}

/** What became of one case. */
export type CaseResult =
  | { readonly type: "passed" }
  | { readonly type: "failed"; readonly difference: string }
  | { readonly type: "not played"; readonly reason: string };

/** Most differences an aside lists. */
const LISTED = 5;

/** Collects the results of one file. */
export class ReportBuilder {
  readonly #file: string;
  #passed = 0;
  readonly #failures: Failure[] = [];
  readonly #notPlayed = new Map<string, number>();
  readonly #apart = new Map<string, { cases: number; agree: number }>();
  readonly #asides = new Map<string, { checks: number; agree: number; differences: string[] }>();

  constructor(file: string) {
    this.#file = file;
  }

  /** Count a case; with `tag` it is counted apart, unless it was not played. */
  add(name: string, result: CaseResult, tag: string | null = null): void {
    if (result.type === "not played") {
      this.#notPlayed.set(result.reason, (this.#notPlayed.get(result.reason) ?? 0) + 1);
    } else if (tag !== null) {
      const counts = this.#apart.get(tag) ?? { cases: 0, agree: 0 };
      counts.cases++;
      if (result.type === "passed") counts.agree++;
      this.#apart.set(tag, counts);
    } else if (result.type === "passed") {
      this.#passed++;
    } else {
      this.#failures.push({ name, difference: result.difference });
    }
  }

  /** Count a check that is no case of its own; `difference` is null where it agrees. */
  aside(what: string, difference: string | null): void {
    const counts = this.#asides.get(what) ?? { checks: 0, agree: 0, differences: [] };
    counts.checks++;
    if (difference === null) counts.agree++;
    else if (counts.differences.length < LISTED) counts.differences.push(difference);
    this.#asides.set(what, counts);
  }

  report(): FileReport {
    return {
      file: this.#file,
      passed: this.#passed,
      failures: this.#failures,
      notPlayed: Object.fromEntries(this.#notPlayed),
      apart: [...this.#apart].map(([tag, counts]) => ({ tag, ...counts })),
      asides: [...this.#asides].map(([what, counts]) => ({ what, ...counts })),
    };
  }
}

/** The report of a file that could not be read: one failure. */
export function unreadable(file: string, why: string): FileReport {
  return { file, passed: 0, failures: [{ name: "file", difference: why }], notPlayed: {}, apart: [], asides: [] };
}
