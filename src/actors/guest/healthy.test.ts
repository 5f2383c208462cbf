import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CACHE_NAMES as AMD_CACHES } from "../../engine/amdvi/caches/options.ts";
import { CACHE_NAMES as SMMU_CACHES } from "../../engine/smmuv3/caches/options.ts";
import { CACHE_NAMES as VTD_CACHES } from "../../engine/vtd/caches/options.ts";
import { AMDVI } from "../../machine/amdvi/architecture.ts";
import { SMMUV3 } from "../../machine/smmuv3/architecture.ts";
import { BareMetal, BUFFERS } from "../../machine/testing/bare_metal.ts";
import type { Architecture } from "../../machine/unit.ts";
import { VTD } from "../../machine/vtd/architecture.ts";
import { makeAmdDriver } from "./amdvi/driver.ts";
import { GuestKernel, type MakeDriver } from "./guest_kernel.ts";
import { makeSmmuDriver } from "./smmuv3/driver.ts";
import { makeVtdDriver } from "./vtd/driver.ts";

const PAGE = 4096;
const SIZE = { entries: 64, ways: 4 };

interface Subject {
  readonly architecture: Architecture;
  readonly preset: string;
  readonly make: MakeDriver;
  readonly caches: readonly string[];
}

const SUBJECTS: readonly Subject[] = [
  { architecture: SMMUV3, preset: "neoverse", make: makeSmmuDriver, caches: SMMU_CACHES },
  { architecture: SMMUV3, preset: "minimal", make: makeSmmuDriver, caches: SMMU_CACHES },
  { architecture: VTD, preset: "sapphire-rapids", make: makeVtdDriver, caches: VTD_CACHES },
  { architecture: VTD, preset: "qemu-11.1-legacy", make: makeVtdDriver, caches: VTD_CACHES },
  { architecture: AMDVI, preset: "full", make: makeAmdDriver, caches: AMD_CACHES },
];

function boot({ architecture, preset, make, caches }: Subject, lazy: boolean) {
  const bare = new BareMetal(architecture, {
    preset,
    caches: Object.fromEntries(caches.map((name) => [name, SIZE])),
  });
  const ram = { at: BUFFERS, bytes: 0x80_0000 };
  const options = { mistakes: new Set<never>(), ats: new Set<number>(), lazy };
  const kernel = GuestKernel.boot(ram, bare.platform, make, options, bare.journal);
  if (!(kernel instanceof GuestKernel)) throw new Error(kernel.refused);
  return { bare, kernel };
}

/** Pages of two tables, of which some lie side by side, and devices. */
const page = fc.constantFrom(0, 1, 2, 511, 512, 513, 1024);
const device = fc.constantFrom(3, 8);
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("map" as const), device, page, pages: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("unmap" as const), device, page, pages: fc.constantFrom(1, 2, 3, 600) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("access" as const), device, page, pages: fc.constant(1) }) },
  fc.record({ do: fc.constant("flush" as const), device, page, pages: fc.constant(1) }),
  fc.record({ do: fc.constant("detach" as const), device, page, pages: fc.constant(1) }),
);

describe.each(SUBJECTS)("A healthy kernel on $architecture.arch, $preset", (subject) => {
  it.each([false, true])(
    "lets devices reach what it has mapped, and nothing that it has taken back; lazy: %s",
    (lazy) => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
          const { bare, kernel } = boot(subject, lazy);
          const { free } = kernel.buffers;
          /** Where a page is mapped, and where it was until somebody waits. */
          const mapped = new Map<string, number>();
          const window = new Map<string, number[]>();
          const close = (sid: number): void => {
            for (const key of window.keys()) if (key.startsWith(`${sid} `)) window.delete(key);
          };
          for (const { do: what, device: sid, page: first, pages } of steps) {
            const memory = kernel.deviceMemory(sid, null);
            if ("refused" in memory) throw new Error(memory.refused);
            if (what === "flush") memory.mappings.flush();
            else if (what === "detach") kernel.detach(sid, null);
            else if (what === "access") {
              const key = `${sid} ${first}`;
              const reached = bare.dma(sid, first * PAGE + 4);
              const right = mapped.get(key);
              const allowed = (window.get(key) ?? []).map((at) => at + 4);
              if (right !== undefined && allowed.length === 0) expect(reached).toBe(right + 4);
              else if (reached !== null) expect([...allowed, (right ?? -1) + 4]).toContain(reached);
            } else if (what === "map") {
              const done = memory.map(first * PAGE, pages * PAGE, true);
              const taken = Array.from({ length: pages }, (_, i) => mapped.has(`${sid} ${first + i}`)).some(Boolean);
              expect("at" in done).toBe(!taken);
              if ("at" in done) for (let i = 0; i < pages; i++) mapped.set(`${sid} ${first + i}`, done.at + i * PAGE);
            } else {
              memory.unmap(first * PAGE, pages * PAGE);
              for (let i = first; i < first + pages; i++) {
                const key = `${sid} ${i}`;
                const was = mapped.get(key);
                mapped.delete(key);
                if (was !== undefined) window.set(key, [...(window.get(key) ?? []), was]);
              }
            }
            if (what === "detach")
              for (const key of [...mapped.keys()]) if (key.startsWith(`${sid} `)) mapped.delete(key);
            const after = what === "detach" ? kernel.deviceMemory(sid, null) : memory;
            if ("mappings" in after && after.mappings.pending === 0) close(sid);
          }
          expect(kernel.order.hazards).toEqual([]);
          for (const sid of [3, 8]) kernel.detach(sid, null);
          expect(kernel.buffers.free).toBe(free);
        }),
        { numRuns: 15, seed: 11 },
      );
    },
  );
});
