/**
 * What a VMSAv8-64 translation table descriptor is, by its lowest bits and its level (DDI 0487 §D8.3.1).
 *
 * Levels are the architecture's: 3 holds pages, smaller numbers are nearer to the base (-1 to 3).
 */

/** What a descriptor is; {@link descriptorKind} tells. */
export type DescriptorKind = "invalid" | "table" | "block" | "page";

/** What the low word `lo` of a descriptor is at `level` (-1 to 3), by bits [1:0] alone, DDI 0487 §D8.3. */
export function descriptorKind(lo: number, level: number): DescriptorKind {
  if ((lo & 1) === 0) return "invalid";
  if (level >= 3) return (lo & 2) === 0 ? "invalid" : "page";
  return (lo & 2) === 0 ? "block" : "table";
}
