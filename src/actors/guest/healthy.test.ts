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

/** What a device may reach: where each page is mapped, and where it was until somebody waits. */
class Model {
  readonly #mapped = new Map<number, number>();
  readonly #window = new Map<number, number[]>();

  has(from: number, pages: number): boolean {
    return Array.from({ length: pages }, (_, i) => this.#mapped.has(from + i)).includes(true);
  }

  map(from: number, pages: number, at: number): void {
    for (let i = 0; i < pages; i++) this.#mapped.set(from + i, at + i * PAGE);
  }

  unmap(from: number, pages: number): void {
    for (const [page, at] of this.#mapped) {
      if (page < from || page >= from + pages) continue;
      this.#mapped.delete(page);
      this.#window.set(page, [...(this.#window.get(page) ?? []), at]);
    }
  }

  waited(): void {
    this.#window.clear();
  }

  /** What an access may come to; null for a refusal. */
  outcomes(page: number): (number | null)[] {
    const before = this.#window.get(page) ?? [];
    const now = this.#mapped.get(page) ?? null;
    // What is mapped anew is found, or an entry of what was there.
    return [now, ...before];
  }
}

describe.each(SUBJECTS)("A healthy kernel on $architecture.arch, $preset", (subject) => {
  it.each([false, true])(
    "lets devices reach what it has mapped, and nothing that it has taken back; lazy: %s",
    (lazy) => {
      const story = fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { bare, kernel } = boot(subject, lazy);
        const { free } = kernel.buffers;
        const models = new Map([3, 8].map((sid) => [sid, new Model()]));
        for (const { do: what, device: sid, page: first, pages } of steps) {
          const model = models.get(sid)!;
          const memory = kernel.deviceMemory(sid, null);
          if ("refused" in memory) throw new Error(memory.refused);
          if (what === "access") expect(model.outcomes(first)).toContain(bare.dma(sid, first * PAGE));
          else if (what === "flush") memory.mappings.flush();
          else if (what === "map") {
            const taken = model.has(first, pages);
            const done = memory.map(first * PAGE, pages * PAGE, true);
            expect("at" in done).toBe(!taken);
            if ("at" in done) model.map(first, pages, done.at);
          } else if (what === "unmap") {
            memory.unmap(first * PAGE, pages * PAGE);
            model.unmap(first, pages);
          } else {
            kernel.detach(sid, null);
            models.set(sid, new Model());
          }
          if (memory.mappings.pending === 0) model.waited();
        }
        expect(kernel.order.hazards).toEqual([]);
        for (const sid of models.keys()) kernel.detach(sid, null);
        expect(kernel.buffers.free).toBe(free);
      });
      fc.assert(story, { numRuns: 15, seed: 11 });
    },
  );
});
