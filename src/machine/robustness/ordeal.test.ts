import { describe, expect, it } from "vitest";
import { ARCHES } from "../../protocol/machine.ts";
import { loadArchitecture } from "../units.ts";
import { ordeal, TRANSACTIONS } from "./ordeal.ts";

describe.each(ARCHES)("a machine made by chance, %s", { timeout: 30_000 }, (arch) => {
  it.each([1, 1001, 128_383])("never throws, and keeps no more than it may, 8 machines from seed %i", async (seed) => {
    const architecture = (await loadArchitecture(arch))!;
    for (let n = 0; n < 8; n++) {
      const { transactions, bytes } = ordeal(architecture, seed + n);
      expect(transactions).toBe(TRANSACTIONS);
      expect(bytes).toBeLessThan(2 ** 26);
    }
  });
});
