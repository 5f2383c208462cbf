import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Digest } from "../../../base/digest.ts";
import { End, Want } from "../../common/request.ts";
import { CacheCount } from "../../common/tagged_cache.ts";
import { COMMANDS, DEVICE, DOMAIN, GPA, GVA, NestedWorld, PAGES, PASID } from "../testing/nested_world.ts";
import type { Translation } from "../translation.ts";
import { CACHE_NAMES, type CacheOptions, EVERY_CACHE, NO_CACHE_OPTIONS } from "./options.ts";
import { staleEntries } from "./staleness.ts";

const answer = (t: Translation) => ({
  end: t.end,
  reason: t.reason,
  event: t.event,
  pa: [t.paHi, t.paLo],
  rights: [t.permissions1, t.permissions2],
  sizes: [t.sizeLg2Stage1, t.sizeLg2Stage2],
  domain: t.domainId,
  pasid: t.usedPasid,
});

/** One thing that software or the device does. */
type Step =
  | { readonly kind: "access"; readonly page: number; readonly write: boolean }
  | { readonly kind: "guest" | "host"; readonly page: number; readonly to: number | null; readonly readOnly: boolean }
  | { readonly kind: "entry"; readonly writable: boolean }
  | { readonly kind: "root"; readonly tree: 0 | 1 }
  | { readonly kind: "prefetch"; readonly page: number };

const page = fc.integer({ min: 0, max: PAGES - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("access" as const), page, write: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("guest" as const, "host" as const),
      page,
      to: fc.option(page),
      readOnly: fc.boolean(),
    }),
  },
  fc.record({ kind: fc.constant("entry" as const), writable: fc.boolean() }),
  fc.record({ kind: fc.constant("root" as const), tree: fc.constantFrom(0 as const, 1 as const) }),
  fc.record({ kind: fc.constant("prefetch" as const), page }),
);

/** Do a step as software has to that invalidates what it changes. */
function take(w: NestedWorld, s: Step): void {
  if (s.kind === "guest") {
    w.guestPage(s.page, s.to, s.readOnly ? 5 : 7);
    w.send(COMMANDS.guestPage(GVA + 0x1000 * s.page));
  } else if (s.kind === "host") {
    w.hostPage(s.page, s.to, s.readOnly ? 0x20000000 : 0x60000000);
    w.send(COMMANDS.hostPage(GPA + 0x1000 * s.page));
  } else if (s.kind === "entry") {
    w.entry({ IW: s.writable ? 1 : 0 });
    w.send(COMMANDS.devtab, COMMANDS.hostAll);
  } else if (s.kind === "root") {
    w.root(s.tree);
    w.send(COMMANDS.guestAll);
  } else if (s.kind === "prefetch") {
    w.send([DEVICE | (2 << 24), (6 << 28) | PASID, (GVA + 0x1000 * s.page) | 4, 0]);
  }
}

const only = (...names: readonly (keyof CacheOptions)[]): CacheOptions => {
  const options = { ...NO_CACHE_OPTIONS };
  for (const name of names) options[name] = { entries: 8, ways: 2 };
  return options;
};

describe.each<[string, CacheOptions]>([
  ["every cache", EVERY_CACHE],
  ["small caches of everything", only(...CACHE_NAMES)],
  ...CACHE_NAMES.filter((name) => name !== "irte").map((name): [string, CacheOptions] => [`${name} alone`, only(name)]),
])("with %s", (_name, options) => {
  it.each([0, 3])("what is cached is what memory says while software invalidates, HAD %i", (hostAccess) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const w = new NestedWorld(options, hostAccess);
        for (const s of steps) {
          take(w, s);
          if (s.kind !== "access") continue;
          const expected = answer(w.access(w.plain, s.page, s.write, false));
          const made = w.access(w.cached, s.page, s.write, true);
          expect(answer(made)).toEqual(expected);
          if (s.write && made.end === End.Ok) expect(w.leafOf(s.page) & 0x60).toBe(0x60);
        }
        expect(w.events()).toEqual([]);
        expect(staleEntries(w.cached, w.memory)).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });

  it("devices of one domain have the rights of each one's own entry", () => {
    const w = new NestedWorld(options);
    const other = DEVICE + 1;
    w.twin(other, { IW: 0 });
    const at = (deviceId: number, write: boolean): Partial<Translation> => ({ deviceId, iovaLo: GVA + 0x1000, write });
    expect(w.translated(w.cached, at(DEVICE, true), true).end).toBe(End.Ok);
    expect(w.translated(w.cached, at(other, true), true).end).toBe(End.Fault);
    const read = w.translated(w.cached, at(other, false), true);
    expect([read.end, read.permissions2]).toEqual([End.Ok, Want.Read | Want.Execute]);
    expect(w.translated(w.cached, at(DEVICE, true), true).end).toBe(End.Ok);
  });

  it("looking changes nothing", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), page, fc.boolean(), (steps, at, write) => {
        const w = new NestedWorld(options);
        for (const s of steps) {
          take(w, s);
          if (s.kind === "access") w.access(w.cached, s.page, s.write, true);
        }
        const state = (): string => {
          const d = new Digest();
          w.caches.digest(d);
          w.memory.digest(d);
          return d.hex();
        };
        const before = state();
        const first = answer(w.access(w.cached, at, write, false));
        expect(answer(w.access(w.cached, at, write, false))).toEqual(first);
        expect(state()).toBe(before);
      }),
      { numRuns: 15 },
    );
  });
});

describe("what is not invalidated", () => {
  const world = (): NestedWorld => {
    const w = new NestedWorld(EVERY_CACHE);
    w.access(w.cached, 1, false, true);
    return w;
  };

  it("is served, listed as stale, and gone after the command that is named", () => {
    const w = world();
    const before = answer(w.access(w.cached, 1, false, false));
    w.guestPage(1, 2);
    expect(answer(w.access(w.cached, 1, false, false))).toEqual(before);
    const stale = staleEntries(w.cached, w.memory);
    expect(stale.map((s) => s.cache)).toEqual(["iotlb"]);
    expect(stale[0]!.missing).toEqual([
      {
        command: "INVALIDATE_IOMMU_PAGES",
        domainId: DOMAIN,
        pasid: PASID,
        addressHi: 0,
        addressLo: GVA + 0x1000,
        sizeLg2: 12,
        directories: false,
      },
    ]);
    w.send(COMMANDS.guestPage(GVA + 0x1000));
    expect(staleEntries(w.cached, w.memory)).toEqual([]);
    expect(answer(w.access(w.cached, 1, false, false)).pa).toEqual(answer(w.access(w.plain, 1, false, false)).pa);
  });

  it("of a host page is stale in the host cache and in what was made with it", () => {
    const w = world();
    w.hostPage(1, 5);
    expect(staleEntries(w.cached, w.memory).map((s) => s.cache)).toEqual(["iotlb", "host"]);
    w.send(COMMANDS.hostPage(GPA + 0x1000));
    expect(staleEntries(w.cached, w.memory)).toEqual([]);
  });

  it("of a device table entry asks for INVALIDATE_DEVTAB_ENTRY, then for its pages", () => {
    const w = world();
    w.entry({ IW: 0 });
    const stale = staleEntries(w.cached, w.memory);
    expect(stale.map((s) => [s.cache, s.missing.map((m) => m.command)])).toEqual([
      ["dte", ["INVALIDATE_DEVTAB_ENTRY"]],
      ["iotlb", ["INVALIDATE_DEVTAB_ENTRY", "INVALIDATE_IOMMU_PAGES"]],
      ...stale
        .filter((s) => s.cache === "host")
        .map(() => ["host", ["INVALIDATE_DEVTAB_ENTRY", "INVALIDATE_IOMMU_PAGES"]]),
    ]);
  });

  it("of a guest CR3 entry is stale with everything beneath it", () => {
    const w = world();
    w.root(1);
    expect(staleEntries(w.cached, w.memory).map((s) => s.cache)).toEqual(["gcr3", "iotlb", "guestWalk"]);
    w.send(COMMANDS.guestAll);
    expect(staleEntries(w.cached, w.memory)).toEqual([]);
  });
});

describe("an invalidation", () => {
  it("of another domain, PASID or page leaves entries alone", () => {
    const w = new NestedWorld(EVERY_CACHE);
    w.access(w.cached, 1, false, true);
    const held = w.caches.iotlb!.pages.table.occupied;
    const pages = ((3 << 28) >>> 0) + DOMAIN;
    w.send([PASID, pages + 1, (GVA + 0x1000) | 4, 0]);
    w.send([PASID + 1, pages, (GVA + 0x1000) | 4, 0]);
    w.send([PASID, pages, (GVA + 0x2000) | 4, 0]);
    expect(w.caches.iotlb!.pages.table.occupied).toBe(held);
    // S: 2^13 bytes around page 0, then 2^15 bytes.
    w.send([PASID, pages, (GVA + 0x4000) | 5, 0]);
    expect(w.caches.iotlb!.pages.table.occupied).toBe(held);
    w.send([PASID, pages, (GVA + 0x3000) | 5, 0]);
    expect(w.caches.iotlb!.pages.table.occupied).toBe(held - 1);
  });

  it("without PDE leaves page directory entries", () => {
    const w = new NestedWorld(EVERY_CACHE);
    w.access(w.cached, 1, false, true);
    w.send(COMMANDS.guestPage(GVA + 0x1000));
    expect(w.caches.guestWalk!.pages.table.occupied).toBe(1);
    w.send(COMMANDS.guestAll);
    expect(w.caches.guestWalk!.pages.table.occupied).toBe(0);
  });

  it("of everything leaves nothing", () => {
    const w = new NestedWorld(EVERY_CACHE);
    w.access(w.cached, 1, true, true);
    w.send([0, (8 << 28) >>> 0, 0, 0]);
    for (const name of CACHE_NAMES) expect(w.caches.table(name)!.occupied).toBe(0);
  });
});

describe("the caches", () => {
  it("save reads", () => {
    const w = new NestedWorld(EVERY_CACHE);
    for (let n = 0; n < 10; n++) w.access(w.cached, 1, false, true);
    expect(w.caches.iotlb!.pages.table.counts[CacheCount.Hits]).toBe(9);
  });

  it("come back from an image", () => {
    const w = new NestedWorld(EVERY_CACHE);
    w.access(w.cached, 1, false, true);
    const image = w.caches.snapshot();
    const digest = (): string => {
      const d = new Digest();
      w.caches.digest(d);
      return d.hex();
    };
    const before = digest();
    w.access(w.cached, 2, true, true);
    w.send(COMMANDS.devtab, COMMANDS.hostAll);
    expect(digest()).not.toBe(before);
    w.caches.restore(image);
    expect(digest()).toBe(before);
  });
});
