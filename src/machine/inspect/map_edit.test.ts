import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import type { Access, SessionDocument } from "../../protocol/machine.ts";
import type { MapChange, MapPlan } from "../../protocol/map_edit.ts";
import { importFiles } from "../../scenario/import_files.ts";
import { Session } from "../session.ts";
import type { Architecture } from "../unit.ts";
import { loadArchitecture } from "../units.ts";

const CAPTURES = ["smmuv3-both-4k", "smmuv3-s2-4k", "vtd-legacy-strict", "vtd-scalable-fs", "amdvi-v1-strict"];
const PAGE = 0x1000n;
const BLOCK = 0x20_0000n;

describe.each(CAPTURES)("changes to what the tables of %s map", { timeout: 60_000 }, (name) => {
  let document: SessionDocument;
  let architecture: Architecture;
  let access: Access;

  beforeAll(async () => {
    const folder = new URL(`../../conformance/data/captures/${name}/`, import.meta.url);
    const files = ["capture.json", "memory.bin.gz"].map((file) => ({
      name: file,
      bytes: Uint8Array.from(readFileSync(new URL(file, folder))),
    }));
    const imported = await importFiles(files);
    if (!imported.ok) throw new Error(imported.error.detail);
    const { scenario } = imported.value;
    architecture = await loadArchitecture(scenario.machine.arch);
    const caches = Object.fromEntries(architecture.choices.caches.map(({ name: cache, size }) => [cache, size]));
    document = { ...scenario, machine: { ...scenario.machine, caches } };
    const through = scenario.recorded.accesses.find((a) => a.pa !== null && !a.access.write);
    if (through === undefined) throw new Error("nothing went through");
    access = through.access;
  });

  const open = (): Session => {
    const opened = Session.open(document, architecture);
    if (!opened.ok) throw new Error(opened.error.detail);
    return opened.value;
  };
  const stage = (session: Session): 1 | 2 => (session.walk(access).stage1 === null ? 2 : 1);
  const plan = (session: Session, change: MapChange) =>
    session.planEdit({ sid: access.sid, ssid: access.ssid, stage: stage(session), change });
  const carryOut = (session: Session, change: MapChange): MapPlan => {
    const planned = plan(session, change);
    if (!planned.ok) throw new Error(planned.error.detail);
    const done = session.applyAll(planned.value[0]!.actions);
    if (!done.ok) throw new Error(done.error.detail);
    return planned.value[0]!;
  };
  /** Where an address leads by the device's own access, which fills caches; null where it is refused. */
  const dma = (session: Session, iova: bigint, write = false): bigint | null => {
    const done = session.apply({ do: "dma", ...access, iova, write, length: 1 });
    if (!done.ok) throw new Error(done.error.detail);
    const { result } = session.log(done.value.step - 1, 1).rows[0]!;
    return result?.type === "went" ? result.pa : null;
  };
  const stale = (session: Session): readonly unknown[] =>
    session.caches().caches.flatMap((cache) => cache.entries.flatMap((e) => (e.stale === null ? [] : [e.stale])));
  const page = (): bigint => access.iova & ~(PAGE - 1n);

  it("unmap a page that was in use, map it again, and leave nothing stale", () => {
    const session = open();
    const before = dma(session, access.iova);
    expect(before).not.toBeNull();
    const output = session.walk({ ...access, iova: page() });
    const { stage1, stage2 } = output;
    carryOut(session, { do: "unmap", from: page(), bytes: PAGE });
    expect(dma(session, access.iova)).toBeNull();
    expect(stale(session)).toEqual([]);
    if (stage1 !== null && stage2 !== null) return;
    carryOut(session, { do: "map", from: page(), to: before! & ~(PAGE - 1n), bytes: PAGE, rights: 3 });
    expect(dma(session, access.iova)).toBe(before);
    expect(dma(session, access.iova, true)).toBe(before);
    expect(stale(session)).toEqual([]);
  });

  it("changes nothing by planning, and is taken back by stepping", () => {
    const session = open();
    const { digest } = session.summary();
    const planned = plan(session, { do: "unmap", from: page(), bytes: PAGE });
    expect(planned.ok && planned.value[0]!.actions.length).toBeGreaterThan(1);
    expect(session.summary().digest).toBe(digest);
    const before = session.walk(access).digest;
    carryOut(session, { do: "unmap", from: page(), bytes: PAGE });
    expect(session.walk(access).digest).not.toBe(before);
    session.seek(0);
    expect(session.walk(access).digest).toBe(before);
  });

  it("map a block, split it and merge it again: it leads to the same all the while, and nothing is stale", () => {
    const session = open();
    const used = session.leaves(access.sid, access.ssid);
    // Beyond everything that is mapped below the upper half.
    const last = Math.max(...Array.from(used.iovaHi).filter((hi) => hi < 0x8000));
    const from = (BigInt(last + 1) << 32n) & ((1n << 38n) - 1n);
    const nested = session.walk(access).stage1 !== null && session.walk(access).stage2 !== null;
    const to = nested ? 0x4020_0000n : 0x8_0000_0000n;
    const mapped = plan(session, { do: "map", from, to, bytes: BLOCK, rights: 3 });
    if (!mapped.ok) {
      expect(mapped.error.detail).toMatch(/no free memory|beyond what these tables/);
      return;
    }
    carryOut(session, { do: "map", from, to, bytes: BLOCK, rights: 3 });
    const places = [from, from + 0x5008n, from + BLOCK - 1n];
    const now = (): readonly (bigint | null)[] => places.map((iova) => dma(session, iova));
    const whole = now();
    if (!nested) expect(whole).toEqual(places.map((iova) => iova - from + to));
    const split = plan(session, { do: "split", from: from + PAGE });
    if (!split.ok) {
      expect(split.error.detail).toMatch(/no smaller leaf|no free memory/);
      return;
    }
    carryOut(session, { do: "split", from: from + PAGE });
    expect(now()).toEqual(whole);
    expect(stale(session)).toEqual([]);
    carryOut(session, { do: "unmap", from: from + PAGE, bytes: PAGE });
    expect(dma(session, from + PAGE)).toBeNull();
    expect(now()).toEqual(whole);
    const gap = plan(session, { do: "merge", from });
    expect(gap.ok).toBe(false);
    carryOut(session, { do: "map", from: from + PAGE, to: to + PAGE, bytes: PAGE, rights: 3 });
    const merged = carryOut(session, { do: "merge", from });
    expect(merged.freed).toHaveLength(1);
    expect(now()).toEqual(whole);
    expect(stale(session)).toEqual([]);
  });

  it("is refused in words where it cannot be", () => {
    const session = open();
    const why = (change: MapChange): string => {
      const planned = plan(session, change);
      return planned.ok ? "" : planned.error.detail;
    };
    expect(why({ do: "map", from: page(), to: 0n, bytes: PAGE, rights: 3 })).toContain("mapped already");
    expect(why({ do: "map", from: page() + 8n, to: 0n, bytes: PAGE, rights: 3 })).toContain("multiples");
    expect(why({ do: "map", from: 1n << 63n, to: 0n, bytes: PAGE, rights: 3 })).not.toBe("");
    expect(why({ do: "unmap", from: page(), bytes: 1n << 40n })).toContain("1 GiB");
    expect(why({ do: "split", from: page() })).toContain("no smaller leaf");
    const nowhere = session.planEdit({ sid: 0xfff0, ssid: null, stage: 1, change: { do: "split", from: 0n } });
    expect(nowhere).toMatchObject({ ok: false });
  });
});
