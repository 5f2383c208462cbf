import { describe, expect, it } from "vitest";
import { report } from "./size_budget.ts";

const BUDGET = { firstLoadBytes: 200_000, lazyBytes: 100_000 };

describe("size budget", () => {
  it("adds up the first load and lists lazy parts apart", () => {
    const { lines, failures } = report(
      [
        { name: "index.js", bytes: 150_000, isFirst: true },
        { name: "index.css", bytes: 50_000, isFirst: true },
        { name: "palette.js", bytes: 100_000, isFirst: false },
      ],
      BUDGET,
    );
    expect(failures).toEqual([]);
    expect(lines[0]).toBe("first load 200.0 kB gzip, budget 200.0 kB");
    expect(lines.at(-1)).toContain("palette.js");
  });

  it("fails a first load that is one byte over, whichever part brings it", () => {
    const { failures } = report(
      [
        { name: "index.js", bytes: 120_001, isFirst: true },
        { name: "session.worker.js", bytes: 80_000, isFirst: true },
      ],
      BUDGET,
    );
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatch(/first load/);
  });

  it("fails each lazy part that is over its own budget, by name", () => {
    const { failures } = report([{ name: "editor.js", bytes: 100_001, isFirst: false }], BUDGET);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatch(/editor\.js/);
  });
});
