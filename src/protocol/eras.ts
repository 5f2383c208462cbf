/**
 * What differs between kernels of the host: for each scenario a table with a column for each era, of words and of what a
 * run of the scenario came to. Plain data, structured-cloneable.
 */
import type { Era } from "./software.ts";

/** Rows of words, in the order in which they are shown. */
export const ERA_ASPECTS = {
  calls: "Calls",
  objects: "Objects",
  hardware: "What the VMM learns of the hardware",
  pasids: "Who owns PASIDs",
  invalidation: "How invalidation travels",
  faults: "How faults travel",
  msi: "Interrupt messages",
  became: "What became of it",
} as const;
export type EraAspect = keyof typeof ERA_ASPECTS;

/** What a run of the scenario came to. Calls and exits are those of the scenario, without the set-up before it. */
export interface EraRun {
  /** Calls of the VMM until the guest's kernel had booted. */
  readonly setup: number;
  readonly ioctls: number;
  /** Register accesses that left the guest. */
  readonly exits: number;
  /** Commands that IOMMUs carried out, syncs among them. */
  readonly commands: number;
  /** Time of the model, in nanoseconds. */
  readonly ns: number;
  /** Names of the scenario's calls, and how often each was made. */
  readonly calls: readonly { readonly name: string; readonly count: number }[];
  /** Types of the kernel's objects at the end, each with how many there are. */
  readonly objects: readonly { readonly name: string; readonly count: number }[];
  /** What became of each DMA, in order. */
  readonly transfers: readonly ("went" | "refused")[];
  /** What the kernel refused the VMM, each sentence once. */
  readonly refused: readonly string[];
}

export interface EraColumn {
  readonly era: Era;
  readonly said: Readonly<Record<EraAspect, string>>;
  readonly run: EraRun;
  /** Entry of the library that shows it. */
  readonly lesson: string;
}

export interface EraTable {
  readonly title: string;
  /** What is done in each era. */
  readonly scenario: string;
  readonly columns: readonly EraColumn[];
}

/** The call that answers them. */
export interface ErasApi {
  /** Runs each scenario in each era; independent of the session that is open. */
  eras(): Promise<readonly EraTable[]>;
}
