import { describe, expect, it } from "vitest";
import { NATIVE } from "../../protocol/bench.ts";
import { benchWorks, timeWork } from "./measure.ts";

/** A clock that goes on by a millisecond each time it is read. */
const ticking = (): (() => number) => {
  let ms = 0;
  return () => ++ms;
};

describe("timing workloads", { timeout: 60_000 }, () => {
  it.each(NATIVE)("$work gives the native yardstick's answers", ({ work, pages, order, sum }) => {
    const rows = timeWork({ work, size: pages, runs: 1, minMs: 1 }, ticking());
    expect(rows.find((row) => row.order === order)).toMatchObject({ pages, sum, not_ok: 0 });
  });

  it("doubles passes until a timing is as long as asked, and takes the median of the timings", () => {
    const times = [1, 3, 8, 20, 12, 40];
    let at = 0;
    let ms = 0;
    const clock = (): number => (ms += at++ % 2 === 0 ? 0 : times[(at >> 1) - 1]!);
    const [row] = timeWork({ work: "growth", size: 100, runs: 3, minMs: 4 }, clock);
    // 1 and 3 ms are too short, 8 ms is long enough: 4 passes of 100 pages, timed as 20, 12 and 40 ms.
    expect(row).toMatchObject({ ns: 50_000, ns_min: 30_000, ns_max: 100_000 });
  });

  it("knows every work it names, and no other", () => {
    expect(benchWorks().map(({ work }) => work)).toContain("tlb");
    expect(timeWork({ work: "none", size: 1, runs: 1, minMs: 1 }, ticking())).toEqual([]);
  });
});
