/** Rows of what the runs came to. */
import type { EraRun } from "../../protocol/eras.ts";

export type Counted = EraRun["calls"][number];

interface RunRow<T> {
  readonly head: string;
  readonly of: (run: EraRun) => T;
}

const figure = (n: number): string => n.toLocaleString("en");

export const RUN_FIGURES: readonly RunRow<string>[] = [
  { head: "Calls until the guest is up", of: ({ setup }) => figure(setup) },
  { head: "Calls of the scenario", of: ({ ioctls }) => figure(ioctls) },
  { head: "Exits of the guest", of: ({ exits }) => figure(exits) },
  { head: "Commands of IOMMUs", of: ({ commands }) => figure(commands) },
  { head: "Time of the model", of: ({ ns }) => `${figure(ns)} ns` },
  { head: "DMA", of: ({ transfers }) => transfers.join(", ") },
];

export const RUN_LISTS: readonly RunRow<readonly Counted[]>[] = [
  { head: "Calls, by name", of: ({ calls }) => calls },
  { head: "Objects at the end", of: ({ objects }) => objects },
];

export const sameInAll = (cells: readonly string[]): boolean => cells.every((cell) => cell === cells[0]);
