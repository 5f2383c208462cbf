import { describe, expect, it } from "vitest";
import { R } from "../../arch/smmuv3/reasons.ts";
import { VMS } from "../../arch/smmuv3/vms.ts";
import { TRACE, TRACE_WORDS, TraceKind } from "../../protocol/trace.ts";
import { EVERY_CACHE, NO_CACHE_OPTIONS } from "./caches/options.ts";
import { EVENT_WORDS, Event, encodeEvent } from "./event_record.ts";
import { Mapped, type Setup } from "./testing/mapped_page.ts";
import type { Fields } from "./testing/world.ts";
import { SmmuTraceRecorder } from "./trace_recorder.ts";
import { End } from "./translation.ts";

const AT = 0x3000_0000;
const OF_STE: Fields = { PARTID: 5, PMG: 1 };
const OF_CD: Fields = { PARTID: 7, PMG: 2 };
const MPAM = { IDR3: { MPAM: 1 }, MPAMIDR: { PARTID_MAX: 100, PMG_MAX: 3 } };

const mapped = (ste: Fields, setup: Setup = {}): Mapped => {
  const m = new Mapped({ cd: OF_CD, registers: MPAM, ...setup, ste: { ...OF_STE, ...ste } });
  m.world.put(VMS, AT, { PARTID7: 42, PARTID8: 43, PARTID9: 101 });
  return m;
};
/** PARTID and PMG of a read that goes through. */
const ids = (m: Mapped): [number, number] | null => {
  const t = m.make();
  expect(t.end).toBe(End.Ok);
  const found = m.world.smmu.partition(t);
  return found === null ? null : [found.partid, found.pmg];
};

describe("PARTID and PMG of a transaction, IHI 0070 §17.2", () => {
  it.each<[string, Setup, Fields, [number, number] | null]>([
    ["both stages, S1MPAM 0: the STE's", {}, {}, [5, 1]],
    ["both stages, S1MPAM 1: the CD's, mapped by the VMS", {}, { S1MPAM: 1, VMSPtr: AT }, [42, 2]],
    ["stage 1 alone, S1MPAM 0: the STE's", { s2: null }, {}, [5, 1]],
    ["stage 1 alone, S1MPAM 1: the CD's", { s2: null }, { S1MPAM: 1, VMSPtr: AT }, [7, 2]],
    ["stage 2 alone: the STE's", { s1: null }, { S1MPAM: 1, VMSPtr: AT }, [5, 1]],
    ["bypass: the STE's", {}, { Config: 4, S1MPAM: 1 }, [5, 1]],
    ["an SMMU without MPAM: none", { registers: {} }, { S1MPAM: 1, VMSPtr: AT }, null],
    ["SMMUv3.1: none", { registers: { ...MPAM, AIDR: { ArchMinorRev: 1 } } }, { S1MPAM: 1, VMSPtr: AT }, null],
    [
      "the SMMU off: GBPMPAM's",
      { registers: { ...MPAM, CR0: { SMMUEN: 0 }, GBPMPAM: { GBP_PARTID: 9, GBP_PMG: 3 } } },
      {},
      [9, 3],
    ],
    ["no PARTID but 0: that", { registers: { ...MPAM, MPAMIDR: {} } }, { S1MPAM: 1, VMSPtr: AT }, [0, 0]],
  ])("%s", (_name, setup, ste, expected) => {
    expect(ids(mapped(ste, setup))).toEqual(expected);
  });

  it("the low 5 bits of CD.PARTID name an entry of PARTID_MAP, and what lies beyond PARTID_MAX is 0, §5.6", () => {
    const of = (PARTID: number) => ids(mapped({ S1MPAM: 1, VMSPtr: AT }, { cd: { PARTID, PMG: 3 } }));
    expect([of(8), of(8 + 32), of(9), of(31)]).toEqual([
      [43, 3],
      [43, 3],
      [0, 3],
      [0, 3],
    ]);
  });

  it("the map is read anew for each transaction, with caches as without, §5.6.2", () => {
    for (const caches of [EVERY_CACHE, NO_CACHE_OPTIONS]) {
      const m = mapped({ S1MPAM: 1, VMSPtr: AT }, { caches });
      const seen = [42, 17, 18].map((partid) => {
        m.world.put(VMS, AT, { PARTID7: partid });
        return ids(m);
      });
      expect(seen).toEqual([42, 17, 18].map((partid) => [partid, 2]));
    }
  });
});

describe("a VMS that cannot be read, IHI 0070 §5.6.1, §7.3.20", () => {
  const BEYOND = 2 ** 41;

  it("is F_VMS_FETCH with its physical address, after everything before it was found legal", () => {
    const t = mapped({ S1MPAM: 1, VMSPtr: BEYOND }).make();
    expect([t.end, t.event, t.reason]).toEqual([End.Fault, Event.F_VMS_FETCH, R.VMS_FETCH]);
    const words = new Uint32Array(EVENT_WORDS);
    encodeEvent(t, words, 0);
    expect([...words]).toEqual([0x25, 1, 0, 0, 0, 0, 0, 2 ** 9]);
    expect(mapped({ S1MPAM: 1, VMSPtr: BEYOND }, { cd: { V: 0 } }).make().event).toBe(Event.C_BAD_CD);
  });

  it("does no harm where the VMS is not needed: stage 1 is bypassed, or the STE says the PARTID", () => {
    const ssids = { S1CDMax: 1, S1DSS: 1 };
    expect(ids(mapped({ S1MPAM: 1, VMSPtr: BEYOND, ...ssids }, { s1: null }))).toEqual([5, 1]);
    expect(ids(mapped({ S1MPAM: 0, VMSPtr: BEYOND }))).toEqual([5, 1]);
  });

  it("stands in the trace after the CD", () => {
    const m = mapped({ S1MPAM: 1, VMSPtr: AT });
    const recorder = new SmmuTraceRecorder();
    recorder.begin(0);
    expect(m.show({}, recorder).end).toBe(End.Ok);
    const words = recorder.take();
    const kinds = Array.from({ length: words.length / TRACE_WORDS }, (_, i) =>
      TRACE.f.kind.get(words, i * TRACE_WORDS),
    );
    expect(kinds.filter((k) => k === TraceKind.VMS)).toHaveLength(1);
    expect(kinds[kinds.indexOf(TraceKind.VMS) - 1]).toBe(TraceKind.CD);
  });
});
