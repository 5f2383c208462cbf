import { describe, expect, it } from "vitest";
import { createBench, EXTENTS } from "./bench.ts";
import { EngineClient } from "./engine_client.ts";
import { ScriptedEngine } from "./scripted_engine.ts";
import { settled } from "./scripted_store.ts";

/** A bench over scripted engines; each new engine is told of before it is asked anything. */
function setUp(onStart: (engine: ScriptedEngine, index: number) => void = () => {}) {
  const engines: ScriptedEngine[] = [];
  const client = new EngineClient(() => {
    const engine = new ScriptedEngine();
    onStart(engine, engines.push(engine) - 1);
    return engine.transport();
  });
  const now = createBench(client).getState;
  return { engines, now };
}

async function opened(onStart?: Parameters<typeof setUp>[0]) {
  const bench = setUp(onStart);
  await bench.now().open();
  return { ...bench, works: bench.now().works! };
}

describe("measuring in the browser", () => {
  it("gives each work of each size an engine of its own, and ends it", async () => {
    const { now, works, engines } = await opened();
    await now().run(works, EXTENTS.short);
    const asked = engines.slice(1).map(({ calls }) => calls.map(({ argument }) => argument));
    const care = { runs: 5, minMs: 50 };
    const jobs = [
      { work: "tlb", size: 64, ...care },
      { work: "tlb", size: 4096, ...care },
      { work: "growth", size: 100, ...care },
      { work: "growth", size: 1000, ...care },
    ];
    expect(asked).toEqual(jobs.map((job) => [job]));
    expect(engines.every(({ ended }) => ended)).toBe(true);
    expect(now().rows.map(({ work, pages }) => [work, pages])).toEqual(jobs.map(({ work, size }) => [work, size]));
    expect([now().running, now().failed]).toEqual([null, []]);
  });

  it("ends the engine that measures when it is cancelled, and keeps what was measured before", async () => {
    const { now, works, engines } = await opened((engine, i) => {
      if (i === 2) engine.holding = new Set(["bench"]);
    });
    const run = now().run(works, EXTENTS.short);
    await settled();
    expect(now().running).toMatchObject({ job: { work: "tlb", size: 4096 }, done: 1, total: 4 });
    now().cancel();
    await run;
    expect(engines).toHaveLength(3);
    expect([engines[2]!.ended, now().running, now().rows.length, now().failed]).toEqual([true, null, 1, []]);
    await now().run(works, EXTENTS.short);
    expect(now().rows).toHaveLength(4);
  });

  it("says which work its engine did not survive, and goes on with the next", async () => {
    const { now, works } = await opened((engine, i) => {
      if (i === 2) engine.throwing = "bench";
    });
    await now().run(works, EXTENTS.short);
    expect(now().rows.map(({ pages }) => pages)).toEqual([64, 100, 1000]);
    expect(now().failed).toMatchObject([{ job: { work: "tlb", size: 4096 }, why: "RangeError: planted." }]);
  });
});
