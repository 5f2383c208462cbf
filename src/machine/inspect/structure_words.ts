/** A structure in memory for the inspector, whatever it is: its words, and reserved bits that are set. */

import { high, low } from "../../base/halves.ts";
import type { FieldAccess, Layout } from "../../base/layout.ts";
import { MemoryStatus, type PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import type { LintFinding } from "../../protocol/engine.ts";

/** The 32-bit words of `bytes` (a multiple of 8) at `pa`; null where the session does not hold all of them. */
export function readWords(memory: PhysicalMemory, pa: bigint, bytes: number): Uint32Array | null {
  const words = new Uint32Array(bytes / 4);
  for (let i = 0; i < words.length; i += 2) {
    const at = pa + BigInt(4 * i);
    if (memory.read64(high(at), low(at)) !== MemoryStatus.Ok) return null;
    words[i] = memory.lo;
    words[i + 1] = memory.hi;
  }
  return words;
}

/** A rule that the structure breaks, as a finding; `reasons` are the architecture's. */
export function brokenRule(
  reasons: readonly { readonly field: string; readonly text: string; readonly section: string }[],
  index: number,
): LintFinding {
  const { field, text, section } = reasons[index]!;
  return { severity: "illegal", field, text, section };
}

/** Reserved bits that are set although the specification wants zero. */
export function reservedBits(layout: Layout, words: Uint32Array): LintFinding[] {
  const access = layout.f as Readonly<Record<string, FieldAccess>>;
  return layout.fields
    .filter((d) => d.form === "reserved" && (d.about === "RES0" || d.about === "reserved"))
    .filter(({ name }) => access[name]!.get(words, 0) !== 0 || access[name]!.getHi(words, 0) !== 0)
    .map(({ name, hi, lo }) => ({
      severity: "warning",
      field: name,
      text: `Bits [${hi}:${lo}] are reserved and should be zero.`,
      section: layout.section,
    }));
}
