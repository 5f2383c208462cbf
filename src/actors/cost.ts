/**
 * What things cost: counts are exact, times are the model's. Every number can be changed; where it comes from is said.
 */
import { DEEDS, type Deed } from "../protocol/journal.ts";
import type { DeedCounts } from "./journal.ts";

/** Nanoseconds for each kind of deed. */
export type CostModel = Readonly<Record<Deed, number>>;

/** The numbers a session starts with, and what they stand for. */
const DEFAULT_COSTS: readonly { readonly deed: Deed; readonly ns: number; readonly source: string }[] = [
  { deed: "intent", ns: 0, source: "consists of what it causes" },
  { deed: "memory read", ns: 5, source: "a cache hit in the outer caches of a server processor: 4 to 40 ns" },
  { deed: "memory write", ns: 5, source: "the same, posted" },
  { deed: "register read", ns: 200, source: "an uncached read over the interconnect: 100 to 400 ns" },
  { deed: "register write", ns: 60, source: "an uncached posted write" },
  {
    deed: "trapped read",
    ns: 2000,
    source: "a VM exit to user space and back: 1 to 3 us with device emulation in the VMM",
  },
  { deed: "trapped write", ns: 2000, source: "the same" },
  { deed: "ioctl", ns: 300, source: "a system call with a copy of its structure: 100 to 500 ns" },
  { deed: "command", ns: 30, source: "one entry of a queue in memory, fetched and decoded by an IOMMU" },
  { deed: "sync", ns: 600, source: "a round trip through an IOMMU's queue and back to memory: 0.3 to 2 us" },
  { deed: "interrupt", ns: 1500, source: "an interrupt that is injected into a guest: 1 to 3 us" },
  { deed: "transaction", ns: 500, source: "a DMA read over PCIe: about 500 ns" },
];

/** The default numbers as a model. */
export const defaultCostModel = (): CostModel =>
  Object.fromEntries(DEFAULT_COSTS.map(({ deed, ns }) => [deed, ns])) as CostModel;

/** How often each deed happened and what that costs. */
export interface CostSum {
  readonly counts: DeedCounts;
  /** Nanoseconds by the model, everything one after the other. */
  readonly ns: number;
}

/** Add up what deeds cost. */
export const costOf = (counts: DeedCounts, model: CostModel): CostSum => ({
  counts,
  ns: DEEDS.reduce((sum, deed) => sum + counts[deed] * model[deed], 0),
});
