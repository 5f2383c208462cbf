import { describe, expect, it } from "vitest";
import { eventByNumber } from "../../arch/smmuv3/events.ts";
import { R, REASONS } from "../../arch/smmuv3/reasons.ts";
import { Digest } from "../../base/digest.ts";
import type { Entry } from "../../pagetable/testing/table_builder.ts";
import { TRACE, TRACE_WORDS } from "../../protocol/trace.ts";
import { PhysicalMemory } from "../memory/physical_memory.ts";
import { ResolvedStream } from "./config_resolver.ts";
import { EVENT_WORDS, Event, encodeEvent } from "./event_record.ts";
import { FastWalk } from "./fast_walk.ts";
import { PendingUpdates, Update } from "./hardware_update.ts";
import { Mapped, type Setup } from "./testing/mapped_page.ts";
import { HostStore } from "./testing/nested_world.ts";
import { randomFlags } from "./testing/random_flags.ts";
import { SmmuTraceRecorder } from "./trace_recorder.ts";
import { End, EventClass, type Translation, Updates } from "./translation.ts";

const AF = 1 << 10;
/** AP[2] at stage 1, S2AP[1] at stage 2. */
const BIT7 = 1 << 7;

const CLEAN1 = { AP: 3, DBM: 1 };
const CLEAN2 = { S2AP: 1, DBM: 1 };
const HAHD = { HA: 1, HD: 1 };
const S2HAHD = { S2HA: 1, S2HD: 1 };
const stage1Only = (setup: Setup): Mapped => new Mapped({ s2: null, ...setup });
const stage2Only = (setup: Setup): Mapped => new Mapped({ s1: null, ...setup });
const outcome = (t: Translation): string => (t.end === End.Ok ? "ok" : REASONS[t.reason]!.id);

describe("stage 1, IHI 0070 §3.13.2, §3.13.3", () => {
  it("sets AF when HA is 1, and nothing else", () => {
    const m = stage1Only({ cd: { HA: 1 }, s1: { leaf: { AF: 0 } } });
    const before = m.lo(m.leaf1);
    expect(outcome(m.make())).toBe("ok");
    expect(m.lo(m.leaf1)).toBe(before | AF);
  });

  it("clears AP[2] of a writable-clean page on a write, together with AF, and not on a read", () => {
    const m = stage1Only({ cd: HAHD, s1: { leaf: { ...CLEAN1, AF: 0 } } });
    const before = m.lo(m.leaf1);
    expect(outcome(m.make())).toBe("ok");
    expect(m.world.t.clean).toBe(1);
    expect(m.lo(m.leaf1)).toBe(before | AF);
    expect(outcome(m.make({ write: true }))).toBe("ok");
    expect(m.world.t.clean).toBe(0);
    expect(m.lo(m.leaf1)).toBe((before | AF) & ~BIT7);
    const direct = stage1Only({ cd: HAHD, s1: { leaf: { ...CLEAN1, AF: 0 } } });
    expect(outcome(direct.make({ write: true }))).toBe("ok");
    expect(direct.lo(direct.leaf1)).toBe((before | AF) & ~BIT7);
  });

  it.each([12, 14, 16] as const)("finds the descriptor of a page and of a block, granule 2^%i", (granule) => {
    for (const level of [0, 1]) {
      const m = stage1Only({ cd: HAHD, s1: { granule, level, leaf: { ...CLEAN1, AF: 0 } } });
      const before = m.lo(m.leaf1);
      expect(outcome(m.make({ write: true }))).toBe("ok");
      expect(m.lo(m.leaf1)).toBe((before | AF) & ~BIT7);
    }
  });

  it("updates big-endian descriptors as such, ENDI", () => {
    const m = stage1Only({ cd: { ...HAHD, HAFT: 1, ENDI: 1 }, s1: { leaf: { ...CLEAN1, AF: 0 } } });
    const host = new HostStore(m.world);
    const swap = ([lo, hi]: Entry): Entry => [swap32(hi), swap32(lo)];
    const swap32 = (x: number): number => ((x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24)) >>> 0;
    const [lo, hi] = host.read(m.leaf1);
    for (const at of m.s1!.written) host.write(at, swap(host.read(at)));
    expect(outcome(m.make({ write: true }))).toBe("ok");
    expect(swap(host.read(m.leaf1))).toEqual([((lo | AF) & ~BIT7) >>> 0, hi]);
    for (const at of m.s1!.written) expect(swap(host.read(at))[0] & AF).toBe(AF);
  });

  it.each([
    ["HA 0: F_ACCESS", { cd: {}, s1: { leaf: { AF: 0 } } }, false, "ACCESS_FLAG"],
    ["HD without HA counts for nothing", { cd: { HD: 1 }, s1: { leaf: CLEAN1 } }, true, "S1_READ_ONLY"],
    ["HA alone leaves a clean page read-only", { cd: { HA: 1 }, s1: { leaf: CLEAN1 } }, true, "S1_READ_ONLY"],
    ["without DBM the page is not writable", { cd: HAHD, s1: { leaf: { AP: 3 } } }, true, "S1_READ_ONLY"],
    ["PAN", { cd: { ...HAHD, PAN: 1 }, s1: { leaf: { ...CLEAN1, AF: 0 } } }, true, "S1_PAN"],
    ["APTable", { cd: HAHD, s1: { leaf: CLEAN1, tables: { APTable: 2 } } }, true, "S1_READ_ONLY"],
    ["HTTU 0 makes HA ILLEGAL", { httu: 0, cd: { HA: 1 }, s1: { leaf: { AF: 0 } } }, true, "CD_HA"],
  ] as const)("changes nothing of an access that faults: %s", (_name, setup, write, expected) => {
    const m = stage1Only(setup);
    const before = m.digest();
    expect(outcome(m.make({ write, privileged: expected === "S1_PAN" }))).toBe(expected);
    expect(m.digest()).toBe(before);
  });

  it("keeps to AFFD only while HA is 0, §5.4", () => {
    const off = stage1Only({ cd: { AFFD: 1 }, s1: { leaf: { AF: 0 } } });
    const before = off.digest();
    expect(outcome(off.make())).toBe("ok");
    expect(off.digest()).toBe(before);
    const on = stage1Only({ cd: { AFFD: 1, HA: 1 }, s1: { leaf: { AF: 0 } } });
    expect(outcome(on.make())).toBe("ok");
    expect(on.lo(on.leaf1) & AF).toBe(AF);
  });

  it("counts a writable-clean page as writable for WXN and for privileged execution, DDI 0487 §D8.5.2.2", () => {
    const wxn = stage1Only({ cd: { ...HAHD, WXN: 1 }, s1: { leaf: CLEAN1 } });
    expect(outcome(wxn.make({ instruction: true }))).toBe("S1_EXECUTE");
    const off = stage1Only({ cd: { HA: 1, WXN: 1 }, s1: { leaf: CLEAN1 } });
    expect(outcome(off.make({ instruction: true }))).toBe("ok");
    const open = stage1Only({ cd: HAHD, s1: { leaf: CLEAN1 } });
    expect(outcome(open.make({ instruction: true, privileged: true }))).toBe("S1_EXECUTE");
  });

  it("sets AF of every table on the way with HAFT, and only with HTTU 3, §3.13.6", () => {
    const m = stage1Only({ cd: { HA: 1, HAFT: 1 }, s1: {} });
    expect(outcome(m.make())).toBe("ok");
    for (const at of m.s1!.written) expect(m.lo(at) & AF).toBe(AF);
    expect(m.s1!.written.length).toBe(4);
    const two = stage1Only({ httu: 2, cd: { HA: 1, HAFT: 1 }, s1: {} });
    const before = two.digest();
    expect(outcome(two.make())).toBe("ok");
    expect(two.digest()).toBe(before);
  });
});

describe("stage 2, IHI 0070 §3.13.3", () => {
  it("sets AF, and S2AP[1] of a writable-clean page on a write", () => {
    for (const S2AP of [0, 1]) {
      const m = stage2Only({ ste: S2HAHD, s2: { leaf: { ...CLEAN2, S2AP, AF: 0 } } });
      const before = m.lo(m.leaf2);
      expect(outcome(m.make())).toBe(S2AP === 1 ? "ok" : "S2_READ");
      expect(m.lo(m.leaf2)).toBe(S2AP === 1 ? before | AF : before);
      expect(outcome(m.make({ write: true }))).toBe("ok");
      expect(m.lo(m.leaf2)).toBe(before | AF | BIT7);
    }
  });

  it.each([
    ["S2HA 0: F_ACCESS", { ste: {}, s2: { leaf: { AF: 0 } } }, "ACCESS_FLAG"],
    ["S2HA alone", { ste: { S2HA: 1 }, s2: { leaf: CLEAN2 } }, "S2_WRITE"],
    ["S2HD alone", { ste: { S2HD: 1 }, s2: { leaf: CLEAN2 } }, "S2_WRITE"],
    ["no DBM", { ste: S2HAHD, s2: { leaf: { S2AP: 1, AF: 0 } } }, "S2_WRITE"],
  ] as const)("changes nothing of an access that faults: %s", (_name, setup, expected) => {
    const m = stage2Only(setup);
    const before = m.digest();
    expect(outcome(m.make({ write: true }))).toBe(expected);
    expect(m.digest()).toBe(before);
  });

  it("sets AF of tables with S2HAFT, §3.13.6", () => {
    const m = stage2Only({ ste: { S2HA: 1, S2HAFT: 1 }, s2: { leaf: { AF: 0 } } });
    expect(outcome(m.make())).toBe("ok");
    for (const at of m.s2!.written) expect(m.lo(at) & AF).toBe(AF);
    expect(m.s2!.written.length).toBe(3);
  });
});

describe("both stages, IHI 0070 §3.13.5", () => {
  const need = { cd: HAHD, s1: { leaf: { ...CLEAN1, AF: 0 } } } as const;

  it.each([
    ["read-only", { S2AP: 1 }, S2HAHD],
    ["writable-clean without S2HD", CLEAN2, { S2HA: 1 }],
  ] as const)(
    "refuses the update of a descriptor in a page that is %s: F_PERMISSION, CLASS TT, TTRnW 0",
    (_n, p, ste) => {
      const m = new Mapped({ ...need, ste, s1Tables: p });
      const before = m.digest();
      // A read needs the update of AF.
      for (const write of [false, true]) {
        const t = m.make({ write });
        expect([t.event, t.reason, t.stage, t.class]).toEqual([
          Event.F_PERMISSION,
          R.S2_UPDATE_WRITE,
          2,
          EventClass.TT,
        ]);
        expect((t.ipaHi >>> 0) * 2 ** 32 + (t.ipaLo >>> 0)).toBe(m.leafIpa);
        const words = new Uint32Array(EVENT_WORDS);
        encodeEvent(t, words, 0);
        const f = eventByNumber(t.event)!.layout.f as Record<string, { get(w: Uint32Array, at: number): number }>;
        expect([f.TTRnW!.get(words, 0), f.RnW!.get(words, 0), f.S2!.get(words, 0)]).toEqual([0, write ? 0 : 1, 1]);
      }
      expect(m.digest()).toBe(before);
    },
  );

  it("marks the page of a stage-1 table dirty when it updates a descriptor there, not when it only reads one", () => {
    const reads = new Mapped({ cd: HAHD, s1: { leaf: {} }, ste: S2HAHD, s1Tables: { ...CLEAN2, AF: 0 } });
    const over = reads.lo(reads.over);
    expect(outcome(reads.make({ write: true }))).toBe("ok");
    expect(reads.lo(reads.over)).toBe(over | AF);
    const writes = new Mapped({ ...need, ste: S2HAHD, s1Tables: { ...CLEAN2, AF: 0 } });
    const leaf = writes.lo(writes.leaf1);
    expect(outcome(writes.make({ write: true }))).toBe("ok");
    expect(writes.lo(writes.over)).toBe(over | AF | BIT7);
    expect(writes.lo(writes.leaf1)).toBe((leaf | AF) & ~BIT7);
  });

  it("needs write permission for every table it marks with HAFT, and none without need", () => {
    const cd = { HA: 1, HAFT: 1 };
    const refused = new Mapped({ cd, ste: S2HAHD, s1Tables: { S2AP: 1 } });
    expect(outcome(refused.make())).toBe("S2_UPDATE_WRITE");
    const clean = new Mapped({ cd, ste: S2HAHD, s1Tables: CLEAN2 });
    expect(outcome(clean.make())).toBe("ok");
    const tables = clean.s1!.written.slice(0, -1);
    expect(tables.map((at) => clean.lo(clean.s2!.place(at, 0)) & BIT7)).toEqual([BIT7, BIT7, BIT7]);
    // The leaf needed nothing.
    expect(clean.lo(clean.over) & BIT7).toBe(0);
    const off = new Mapped({ cd: { HA: 1 }, ste: S2HAHD, s1Tables: { S2AP: 1 } });
    expect(outcome(off.make())).toBe("ok");
  });

  it("sets AF of the CD's page and never marks it dirty, §3.13.2, §3.13.3.1", () => {
    const m = new Mapped({ ...need, ste: S2HAHD, cdPage: { ...CLEAN2, AF: 0 } });
    const before = m.lo(m.cdLeaf);
    expect(outcome(m.make({ write: true }))).toBe("ok");
    expect(m.lo(m.cdLeaf)).toBe(before | AF);
  });

  it("sets AF of what a walk has read, though the access faults in the end", () => {
    const m = new Mapped({ cd: {}, s1: { leaf: { Valid: 0 } }, ste: S2HAHD, s1Tables: { AF: 0 }, cdPage: { AF: 0 } });
    expect(outcome(m.make())).toBe("INVALID");
    expect([m.lo(m.over) & AF, m.lo(m.cdLeaf) & AF]).toEqual([AF, AF]);
    // The page was not reached.
    expect(m.lo(m.leaf2) & AF).toBe(AF);
  });

  it("leaves stage 1 as it was where stage 2 refuses the output", () => {
    const m = new Mapped({ ...need, ste: S2HAHD, s2: { leaf: { S2AP: 1, AF: 0 } } });
    const before = m.digest();
    const t = m.make({ write: true });
    expect([outcome(t), t.class]).toEqual(["S2_WRITE", EventClass.IN]);
    expect(m.digest()).toBe(before);
  });

  it("reports faults of stage 1 before those of its updates, DDI 0487 §D8.15.5", () => {
    const m = new Mapped({ cd: HAHD, s1: { leaf: { AP: 0, AF: 0 } }, ste: S2HAHD, s1Tables: { S2AP: 1 } });
    expect(outcome(m.make())).toBe("S1_UNPRIVILEGED");
  });
});

describe("looking", () => {
  const setup = { cd: HAHD, s1: { leaf: { ...CLEAN1, AF: 0 } }, ste: S2HAHD, s1Tables: { ...CLEAN2, AF: 0 } } as const;

  it("changes nothing, and shows which descriptors a write would change", () => {
    const m = new Mapped({ ...setup, s2: { leaf: { ...CLEAN2, AF: 0 } } });
    const before = m.digest();
    const trace = new SmmuTraceRecorder();
    trace.begin(0);
    expect(outcome(m.show({ write: true }, trace))).toBe("ok");
    expect(m.digest()).toBe(before);
    const records = trace.take();
    const shown = new Map<number, number>();
    for (let at = 0; at < records.length; at += TRACE_WORDS) {
      const pa = TRACE.f.pa.get(records, at) + TRACE.f.pa.getHi(records, at) * 2 ** 32;
      const update = TRACE.f.update.get(records, at);
      if (update !== 0) shown.set(pa, (shown.get(pa) ?? 0) | update);
    }
    const both = Update.Accessed | Update.Dirty;
    expect([m.leaf1, m.over, m.leaf2].map((at) => shown.get(at))).toEqual([both, both, both]);
    // Those descriptors, and no others, are what the write then changes.
    m.make({ write: true });
    for (const [at, update] of shown) expect(m.lo(at) & AF, `${at} ${update}`).toBe(AF);
  });

  it("shows nothing of what waits for an access that faults", () => {
    const m = new Mapped({ ...setup, s1Tables: {}, s2: { leaf: { S2AP: 1 } } });
    const trace = new SmmuTraceRecorder();
    trace.begin(0);
    expect(outcome(m.show({ write: true }, trace))).toBe("S2_WRITE");
    const records = trace.take();
    for (let at = 0; at < records.length; at += TRACE_WORDS) expect(TRACE.f.update.get(records, at)).toBe(0);
  });

  it("passes over updates where they are inhibited, whatever stage 2 lets be written, IHI 0070 §9", () => {
    const m = new Mapped({ ...setup, s1Tables: { S2AP: 1, AF: 0 }, s2: { leaf: { ...CLEAN2, AF: 0 } } });
    const before = m.digest();
    expect(outcome(m.make({ write: true }))).toBe("S2_UPDATE_WRITE");
    const again = new Mapped({ ...setup, s1Tables: { S2AP: 1, AF: 0 }, s2: { leaf: { ...CLEAN2, AF: 0 } } });
    expect(outcome(again.inhibit({ write: true }))).toBe("ok");
    expect(again.digest()).toBe(before);
  });
});

describe("a request for several permissions at once, IHI 0070 §3.13.7.1", () => {
  it("does not mark stage 1 dirty where stage 2 lets nobody write", () => {
    const m = new Mapped({ cd: HAHD, s1: { leaf: { ...CLEAN1, AF: 0 } }, ste: S2HAHD, s2: { leaf: { S2AP: 1 } } });
    const { smmu } = m.world;
    const t = m.world.request({ va: m.va, write: true });
    t.updates = Updates.Make;
    t.begin();
    const config = new ResolvedStream();
    expect(smmu.resolve(t, null, config)).toBe(true);
    t.want = 7;
    const before = m.lo(m.leaf1);
    smmu.translateIn(t, config, null);
    expect(outcome(t)).toBe("ok");
    expect([m.lo(m.leaf1), t.clean]).toEqual([before | AF, 1]);
  });
});

describe("pending updates", () => {
  it("change the descriptor as it is by then, and are forgotten", () => {
    const memory = new PhysicalMemory({ outside: "abort", zero: [[0, 4096]], segments: [] });
    const pending = new PendingUpdates();
    pending.add(2, 0, 8, false, Update.Accessed, -1);
    pending.add(2, 0, 8, false, Update.Dirty, -1);
    memory.write64(0, 8, 0x0008_0000, 0x7003);
    expect(pending.finish(memory, true, true, null)).toBe(false);
    memory.read64(0, 8);
    expect([memory.lo, memory.hi]).toEqual([0x7003 | AF | BIT7, 0x0008_0000]);
    expect(pending.count).toBe(0);
  });
});

const SEEDS = Array.from({ length: 32 }, (_, i) => 7001 + i * 13);

describe("whatever the flags", () => {
  it(`looking and doing agree, doing twice changes nothing more, and only flags change, seeds ${SEEDS[0]} to ${SEEDS.at(-1)}`, () => {
    let [changed, fast, refused] = [0, 0, 0];
    for (const seed of SEEDS) {
      const { world, requests, tables } = randomFlags(seed);
      const digest = (): string => {
        const d = new Digest();
        world.memory.digest(d);
        return d.hex();
      };
      const host = new HostStore(world);
      const walk = new FastWalk(world.memory, world.smmu.caps.xnx);
      const config = new ResolvedStream();
      const { t } = world;
      const answer = (): unknown[] => [t.end, t.reason, t.event, t.paHi, t.paLo, t.permissions1, t.permissions2];
      for (const request of requests) {
        const before = tables.map((at) => host.read(at));
        const was = digest();
        t.updates = Updates.Show;
        world.translate(request);
        const shown = answer();
        expect(digest(), `seed ${seed}`).toBe(was);
        const trace = new SmmuTraceRecorder();
        trace.begin(0);
        world.translate(request, trace);
        expect(answer(), `seed ${seed}`).toEqual(shown);
        const announced = new Set<number>();
        const records = trace.take();
        for (let at = 0; at < records.length; at += TRACE_WORDS) {
          if (TRACE.f.update.get(records, at) === 0) continue;
          announced.add(TRACE.f.pa.get(records, at) + TRACE.f.pa.getHi(records, at) * 2 ** 32);
        }
        t.updates = Updates.Make;
        world.translate(request);
        expect(answer(), `seed ${seed}`).toEqual(shown);
        const touched = new Set<number>();
        const odd = tables.filter((at, i) => {
          const [[lo, hi], [wasLo, wasHi]] = [host.read(at), before[i]!];
          if (lo !== wasLo) touched.add(at);
          // AF only ever becomes 1; beside it only bit 7 changes, and only with DBM.
          const dbm = ((hi >>> 19) & 1) === 1;
          return hi !== wasHi || ((lo ^ wasLo) & ~(dbm ? AF | BIT7 : AF)) !== 0 || (wasLo & AF & ~lo) !== 0;
        });
        expect(odd, `seed ${seed}`).toEqual([]);
        expect([...touched].sort(), `seed ${seed}`).toEqual([...announced].sort());
        if (touched.size > 0) changed++;
        if (t.reason === R.S2_UPDATE_WRITE) refused++;
        const now = digest();
        world.translate(request);
        expect(digest(), `seed ${seed}`).toBe(now);
        expect(answer(), `seed ${seed}`).toEqual(shown);
        t.begin();
        if (world.smmu.resolve(world.request(request), null, config) && config.fast && walk.translate(t, config))
          fast++;
      }
    }
    expect(changed).toBeGreaterThan(40);
    expect(refused).toBeGreaterThan(10);
    expect(fast).toBeGreaterThan(40);
  });
});
