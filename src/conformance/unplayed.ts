/**
 * Which cases of `iommu-vectors/1` for an SMMUv3 hold something that this player does not know. Decided by what the
 * steps of a case hold, never by its name or file.
 */
import type { VectorCase } from "./vectors.ts";

/** What the case holds that nobody here plays, or null when it can be played. */
export function needs(c: VectorCase): string | null {
  for (const s of c.steps) {
    if (s.type === "other") return `steps with ${s.key}`;
    if (s.type !== "dma") continue;
    const [key] = [...s.dma.more, ...s.expect.more];
    if (key !== undefined) return `steps with ${key}`;
  }
  return null;
}
