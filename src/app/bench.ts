/**
 * Measuring the engine in this browser: one work after the other, each in an engine of its own, for engines that stand
 * beside each other slow each other down. To cancel is to end the engine that measures.
 */
import { createStore, type StoreApi } from "zustand/vanilla";
import type { BenchCare, BenchJob, BenchRow, BenchWork } from "../protocol/bench.ts";
import { EngineClient, STOPPED } from "./engine_client.ts";

/** How much is measured. */
export interface BenchExtent extends BenchCare {
  /** Largest size that is measured. */
  readonly mostSize: number;
}

export const EXTENTS = {
  short: { mostSize: 4096, runs: 5, minMs: 50 },
  whole: { mostSize: 1_000_000, runs: 7, minMs: 200 },
} as const satisfies Record<string, BenchExtent>;

export interface BenchState {
  /** Work that can be measured; null until the engine said so. */
  readonly works: readonly BenchWork[] | null;
  /** What is measured now, after `done` of `total` jobs. */
  readonly running: { readonly job: BenchJob; readonly done: number; readonly total: number } | null;
  /** How carefully `rows` were measured. */
  readonly care: BenchCare;
  readonly rows: readonly BenchRow[];
  /** Jobs whose engine stopped, and why. */
  readonly failed: readonly { readonly job: BenchJob; readonly why: string }[];
}

export interface Bench extends BenchState {
  /** Ask what can be measured. */
  readonly open: () => Promise<void>;
  /** Measure these works, from the first; what was measured before is gone. */
  readonly run: (works: readonly BenchWork[], extent: BenchExtent) => Promise<void>;
  readonly cancel: () => void;
}

/** A million pages take a while to map, and a worker that is busy gives no sign of life. */
const PATIENCE = { turnMs: 1000, turns: 600 };

export function createBench(client: EngineClient = new EngineClient(undefined, PATIENCE)): StoreApi<Bench> {
  return createStore<Bench>()((set, get) => {
    let why = "";
    client.onStopped((stop) => {
      why = stop.why;
    });

    async function measure(job: BenchJob): Promise<void> {
      why = "";
      client.restart();
      const rows = await client.ask(`measuring ${job.work}`, (api) => api.bench(job));
      client.end();
      if (rows !== STOPPED) set({ rows: [...get().rows, ...rows] });
      else if (why !== "") set({ failed: [...get().failed, { job, why }] });
    }

    return {
      works: null,
      running: null,
      care: EXTENTS.short,
      rows: [],
      failed: [],
      open: async () => {
        if (get().works !== null || client.running) return;
        client.restart();
        const works = await client.ask("listing what can be measured", (api) => api.benchWorks());
        client.end();
        if (works !== STOPPED) set({ works });
      },
      run: async (works, { mostSize, runs, minMs }) => {
        if (get().running !== null) return;
        const care = { runs, minMs };
        const jobs = works.flatMap(({ work, sizes }) =>
          sizes.filter((size) => size <= mostSize).map((size) => ({ work, size, ...care })),
        );
        set({ rows: [], failed: [], care });
        for (const [done, job] of jobs.entries()) {
          const running = { job, done, total: jobs.length };
          set({ running });
          await measure(job);
          // Cancelled, and perhaps begun again, while this one was measured.
          if (get().running !== running) return;
        }
        set({ running: null });
      },
      cancel: () => {
        set({ running: null });
        client.end();
      },
    };
  });
}
