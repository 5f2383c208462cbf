/** Reports as lines for a terminal. A line for each failing case starts with FAIL; the last line holds the totals. */
import type { FileReport } from "./report.ts";

/** Totals over all files. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
}

export function totals(reports: readonly FileReport[]): Totals {
  let [passed, failed] = [0, 0];
  for (const r of reports) {
    passed += r.passed;
    failed += r.failures.length;
  }
  return { passed, failed };
}

const sum = (counts: Iterable<number>): number => [...counts].reduce((a, b) => a + b, 0);

/** What one file came to. */
export function reportLines(r: FileReport): string[] {
  const lines = r.failures.map(({ name, difference }) => `FAIL ${r.file}: ${name}: ${difference}`);
  const parts = [`${r.passed} passed, ${r.failures.length} failed`];
  for (const { tag, cases, agree } of r.apart) parts.push(`${tag}: ${agree} of ${cases} agree`);
  const left = Object.entries(r.notPlayed);
  if (left.length > 0) {
    const reasons = left.map(([reason, count]) => `${reason} ${count}`).join(", ");
    parts.push(`${sum(Object.values(r.notPlayed))} not played (${reasons})`);
  }
  lines.push(`${r.file}: ${parts.join("; ")}`);
  for (const { what, checks, agree, differences } of r.asides) {
    lines.push(`  ${what}: ${agree} of ${checks} agree (not counted)`);
    lines.push(...differences.map((d) => `    differs: ${d}`));
  }
  return lines;
}

/** What all files came to: what was left out, what is counted apart, and on the last line the totals. */
export function closingLines(reports: readonly FileReport[]): string[] {
  const apart = new Map<string, { cases: number; agree: number }>();
  const notPlayed = new Map<string, number>();
  for (const r of reports) {
    for (const { tag, cases, agree } of r.apart) {
      const before = apart.get(tag) ?? { cases: 0, agree: 0 };
      apart.set(tag, { cases: before.cases + cases, agree: before.agree + agree });
    }
    for (const [reason, n] of Object.entries(r.notPlayed)) notPlayed.set(reason, (notPlayed.get(reason) ?? 0) + n);
  }
  const { passed, failed } = totals(reports);
  return [
    ...(notPlayed.size === 0 ? [] : [`not played: ${sum(notPlayed.values())}`]),
    ...[...notPlayed].map(([reason, n]) => `  ${reason}: ${n}`),
    ...[...apart].map(([tag, { cases, agree }]) => `${tag}: ${agree} of ${cases} agree (not counted)`),
    `${passed} passed, ${failed} failed`,
  ];
}
