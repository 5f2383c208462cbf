/**
 * Messages that a kernel's or a hypervisor's rate limit dropped, whatever they would have said.
 */
import type { SuppressedEntry } from "./entry.ts";
import type { LogLine } from "./lines.ts";

const SUPPRESSED = /\b(\d{1,12}) (?:callbacks|messages) suppressed\b/;

/** An entry for each line that counts dropped messages. */
export function readSuppressed(lines: readonly LogLine[]): SuppressedEntry[] {
  return lines.flatMap(({ text, line }) => {
    const m = SUPPRESSED.exec(text);
    if (m === null) return [];
    const count = Number(m[1]!);
    const summary = `${count} further messages were dropped by the kernel's rate limit.`;
    return [{ type: "suppressed" as const, count, lines: [line, line] as const, summary }];
  });
}
