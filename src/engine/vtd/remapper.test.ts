import { describe, expect, it } from "vitest";
import { PASID_DIRECTORY_ENTRY, PASID_TABLE_ENTRY, Pgtt } from "../../arch/vtd/pasid_entries.ts";
import { R, REASONS } from "../../arch/vtd/reasons.ts";
import { CONTEXT_ENTRY, ROOT_ENTRY, SM_CONTEXT_ENTRY } from "../../arch/vtd/root_context.ts";
import { xorshift32 } from "../../base/rng.ts";
import { AddressType, End, Updates } from "../common/request.ts";
import { Ttm } from "./remapping_state.ts";
import { RequestConfig } from "./request_config.ts";
import { ALL, CONTEXTS, DIRECTORY, NestedWorld, PAGE, PASID, PASIDS, put, ROOT, SID } from "./testing/nested_world.ts";
import { VtdTraceRecorder } from "./trace_recorder.ts";
import type { Translation } from "./translation.ts";

const VA = 0x1234_5000;

const reasonOf = (t: Translation): string => REASONS[t.reason]!.id;

/** A world of legacy mode: the requester's second stage is that of the world, by a context entry with these fields. */
function legacyWorld(fields: Readonly<Record<string, number>> = {}): NestedWorld {
  const world = new NestedWorld();
  world.state.ttm = Ttm.Legacy;
  put(world.memory, ROOT_ENTRY, ROOT + 16 * (SID >> 8), { P: 1, CTP: CONTEXTS });
  const entry = { P: 1, AW: 2, SSPTPTR: world.second.root, DID: 3, ...fields };
  put(world.memory, CONTEXT_ENTRY, CONTEXTS + 16 * (SID & 0xff), entry);
  return world;
}

const LEGACY = { hasPasid: false, pasid: 0 } as const;

describe("legacy mode, VT-d §3.4.2", () => {
  it("translates by the second stage alone", () => {
    const world = legacyWorld();
    const guest = world.guestPage();
    const t = world.translate(guest + 0x10, LEGACY);
    expect([t.end, t.paLo, t.did, t.permissions]).toEqual([End.Ok, world.host(guest) + 0x10, 3, 7]);
  });

  it("passes addresses through where TT says so, but not into the interrupt range, §3.14", () => {
    const world = legacyWorld({ TT: 2 });
    expect(world.translate(0x5000, LEGACY)).toMatchObject({ end: End.Ok, paLo: 0x5000, reason: R.PASS_THROUGH });
    expect(reasonOf(world.translate(0xfee0_1000, LEGACY))).toBe("LGN_4");
    expect(world.translate(0xfee0_1000, { ...LEGACY, write: true }).end).toBe(End.Interrupt);
  });

  it("answers translation requests and takes translated ones with TT 01b only, LCT.5", () => {
    for (const [TT, reason] of [
      [0, "LCT_5"],
      [1, "NONE"],
      [2, "LCT_5"],
    ] as const) {
      const world = legacyWorld({ TT });
      const guest = world.guestPage();
      const request = { ...LEGACY, addressType: AddressType.TranslationRequest };
      expect(reasonOf(world.translate(guest, request))).toBe(reason);
      const translated = world.translate(0x7000, { ...LEGACY, addressType: AddressType.Translated });
      expect(reasonOf(translated)).toBe(TT === 1 ? "TRANSLATED" : "LCT_5");
    }
  });

  it("has no answer for requests with PASID, RTA.2, or page requests, RTA.3", () => {
    const world = legacyWorld();
    expect(world.translate(0x1000)).toMatchObject({ end: End.Fault, reason: R.RTA_2, record: true });
    expect(reasonOf(world.translate(0x1000, { ...LEGACY, pageRequest: true }))).toBe("RTA_3");
  });

  it("says what is missing of each access, by the rights of all levels, LGN.2 and LGN.3", () => {
    const world = legacyWorld();
    const [readOnly, writeOnly] = [world.guestPage({ ...ALL, write: false }), world.guestPage({ ...ALL, read: false })];
    expect(reasonOf(world.translate(readOnly, { ...LEGACY, write: true }))).toBe("LGN_2");
    expect(reasonOf(world.translate(writeOnly, LEGACY))).toBe("LGN_3");
    expect(world.translate(writeOnly, { ...LEGACY, write: true })).toMatchObject({ end: End.Ok, permissions: 2 });
  });

  it("FPD silences what is qualified and nothing else, §7.1.3", () => {
    const world = legacyWorld({ FPD: 1 });
    expect(world.translate(0x5000_0000, LEGACY)).toMatchObject({ end: End.Fault, record: false });
    put(world.memory, ROOT_ENTRY, ROOT + 16 * (SID >> 8), { P: 0 });
    expect(world.translate(0x5000_0000, LEGACY)).toMatchObject({ reason: R.LRT_2, record: true });
  });
});

describe("translation table modes, VT-d §3.4", () => {
  it("blocks what it cannot do: a reserved mode, RTA.1, and abort-DMA, which leaves no record", () => {
    const world = new NestedWorld();
    world.state.ttm = Ttm.Reserved;
    expect(world.translate(VA)).toMatchObject({ end: End.Fault, reason: R.RTA_1, record: true });
    world.state.ttm = Ttm.AbortDma;
    const expected = world.caps.adms ? { reason: R.ABORT_DMA, record: false } : { reason: R.RTA_1, record: true };
    expect(world.translate(VA)).toMatchObject({ end: End.Fault, ...expected });
  });

  it("lets everything pass while translation is off, but for protected regions, §3.15", () => {
    const world = new NestedWorld();
    world.state.enabled = false;
    world.state.protects = (_hi, lo) => lo === 0x9000;
    expect(world.translate(0x8000)).toMatchObject({ end: End.Ok, paLo: 0x8000, reason: R.TRANSLATION_OFF });
    expect(world.translate(0x9000)).toMatchObject({ end: End.Fault, reason: R.PROTECTED_REGION, record: false });
    const request = world.translate(0x8000, { addressType: AddressType.TranslationRequest });
    expect(request.end).toBe(End.Fault);
  });
});

describe("scalable mode, VT-d §3.4.3", () => {
  it("finds the PASID of requests without one in RID_PASID, where ECAP.RPS offers it, §9.4", () => {
    const world = new NestedWorld();
    const guest = world.map(VA);
    expect(world.translate(VA, { hasPasid: false, pasid: 0 })).toMatchObject({
      paLo: world.host(guest),
      usedPasid: PASID,
    });
  });

  it("checks PASIDE before the size of the directory, SCT.6 and SCT.7", () => {
    const world = new NestedWorld();
    const context = { P: 1, PASIDDIRPTR: DIRECTORY };
    const at = CONTEXTS + 32 * (SID & 0x7f) + (SID & 0x80 ? PAGE : 0);
    expect(reasonOf(world.translate(VA, { pasid: 2 ** 13 }))).toBe("SCT_7");
    put(world.memory, SM_CONTEXT_ENTRY, at, context);
    expect(reasonOf(world.translate(VA, { pasid: 2 ** 13 }))).toBe("SCT_6");
    put(world.memory, SM_CONTEXT_ENTRY, at, { ...context, RID_PASID: 2 ** 13 });
    expect(reasonOf(world.translate(VA, { hasPasid: false }))).toBe("SCT_9");
  });

  it("collects FPD on the way: of the context entry, the directory entry and the table entry, §7.1.3", () => {
    const world = new NestedWorld();
    world.map(VA);
    const silent = (): boolean => !world.translate(VA + 64 * PAGE).record;
    expect(silent()).toBe(false);
    put(world.memory, PASID_DIRECTORY_ENTRY, DIRECTORY, { P: 1, FPD: 1, SMPTBLPTR: PASIDS });
    expect(silent()).toBe(true);
    // What cannot be read is reported all the same.
    put(world.memory, PASID_DIRECTORY_ENTRY, DIRECTORY, { P: 1, FPD: 1, SMPTBLPTR: 2 ** 40 });
    expect(world.translate(VA)).toMatchObject({ reason: R.SPT_1, record: true });
    put(world.memory, PASID_DIRECTORY_ENTRY, DIRECTORY, { P: 1, SMPTBLPTR: PASIDS });
    put(world.memory, PASID_TABLE_ENTRY, PASIDS + 64 * PASID, { FPD: 1 });
    expect(world.translate(VA)).toMatchObject({ reason: R.SPT_2, record: false });
  });

  it.each([
    [Pgtt.First, [12, 64]],
    [Pgtt.Second, [64, 12]],
    [Pgtt.PassThrough, [64, 64]],
    [Pgtt.Nested, [12, 12]],
  ] as const)("PGTT %i uses the stages it names, §9.6", (PGTT, sizes) => {
    const world = new NestedWorld();
    const guest = world.guestPage();
    world.map(guest, ALL, guest);
    // A first stage that stands alone lies in host memory.
    const FSPTPTR = PGTT === Pgtt.First ? identity(world, guest) : world.first.root;
    world.entry({ PGTT, FSPTPTR });
    const t = world.translate(guest + 4);
    expect([t.end, t.sizeLg2First, t.sizeLg2Second]).toEqual([End.Ok, ...sizes]);
  });
});

/** First-stage tables in host memory that map one page to itself. @returns the root */
function identity(world: NestedWorld, va: number): number {
  const tables = [world.page(), world.page(), world.page(), world.page()];
  for (const [i, table] of tables.entries()) {
    const next = tables[i + 1] ?? va;
    const at = table + 8 * (Math.floor(va / 2 ** (39 - 9 * i)) % 512);
    world.memory.write64(0, at, Math.floor(next / 2 ** 32), (next % 2 ** 32) | 7);
  }
  return tables[0]!;
}

describe("nested translation, VT-d §3.8", () => {
  it("sets A on the way and D with the leaf, through the second stage, §3.6.2", () => {
    const world = new NestedWorld();
    const guest = world.map(VA);
    const entry = world.first.find(VA)!;
    const bits = (): number => {
      world.memory.read64(0, world.host(entry.at));
      return world.memory.lo & 0x60;
    };
    world.translate(VA, { write: true });
    expect(bits()).toBe(0);
    world.translate(VA, { updates: Updates.Make });
    expect(bits()).toBe(0x20);
    expect(world.translate(VA, { write: true, updates: Updates.Make }).paLo).toBe(world.host(guest));
    expect(bits()).toBe(0x60);
  });

  it("keeps to rights of both stages together", () => {
    const world = new NestedWorld();
    world.map(VA, ALL, world.guestPage({ ...ALL, write: false }));
    world.map(VA + PAGE, { ...ALL, write: false, execute: false });
    expect(reasonOf(world.translate(VA, { write: true }))).toBe("SGN_6");
    expect(reasonOf(world.translate(VA + PAGE, { write: true }))).toBe("SGN_6_FIRST");
    expect(reasonOf(world.translate(VA + PAGE, { instruction: true }))).toBe("SGN_3");
    expect(world.translate(VA + PAGE).permissions).toBe(1);
  });

  it("asks SRE and ERE of the requests they are for, SPT.5 and SPT.6", () => {
    const world = new NestedWorld();
    world.map(VA);
    world.entry({ SRE: 0, ERE: 0 });
    expect(world.translate(VA).end).toBe(End.Ok);
    expect(reasonOf(world.translate(VA, { instruction: true, privileged: true }))).toBe("SPT_5");
    expect(reasonOf(world.translate(VA, { privileged: true }))).toBe("SPT_6");
    // Both come with a PASID, or not at all.
    expect(world.translate(VA, { hasPasid: false, instruction: true, privileged: true }).end).toBe(End.Ok);
  });

  it("SMEP keeps a supervisor from executing what users may, and lets it read, SGN.3", () => {
    const world = new NestedWorld();
    world.map(VA);
    world.entry({ SMEP: 1 });
    expect(reasonOf(world.translate(VA, { instruction: true, privileged: true }))).toBe("SGN_3_SMEP");
    expect(world.translate(VA, { privileged: true }).end).toBe(End.Ok);
    expect(world.translate(VA, { instruction: true }).end).toBe(End.Ok);
  });

  it("a translation request takes what there is, and fails only where there is nothing, §4.2.3", () => {
    const world = new NestedWorld();
    world.map(VA, { ...ALL, write: false });
    world.map(VA + PAGE, ALL, world.guestPage({ ...ALL, read: false, write: false }));
    put(world.memory, SM_CONTEXT_ENTRY, CONTEXTS + 32 * (SID & 0x7f) + (SID & 0x80 ? PAGE : 0), {
      P: 1,
      DTE: 1,
      PASIDE: 1,
      PASIDDIRPTR: DIRECTORY,
    });
    const request = { addressType: AddressType.TranslationRequest, write: true } as const;
    expect(world.translate(VA, request)).toMatchObject({ end: End.Ok, permissions: 5 });
    const denied = world.translate(VA + PAGE, request);
    expect([denied.end, REASONS[denied.reason]!.ats]).toEqual([End.Fault, "no access"]);
  });

  it("refuses a page that meets the interrupt range as a whole, SGN.8", () => {
    const world = new NestedWorld();
    world.entry({ PGTT: Pgtt.Second });
    world.second.map(0x4000_0000, 0xfee0_0000, 2 ** 21, ALL);
    expect(reasonOf(world.translate(0x4000_1000))).toBe("SGN_8");
    world.second.map(0x8000_0000, 0xfe00_0000, 2 ** 21, ALL);
    expect(world.translate(0x8000_1000)).toMatchObject({ end: End.Ok });
    world.second.map(0xc000_0000, 0xfec0_0000, 2 ** 21, ALL);
    expect(world.translate(0xc000_1000)).toMatchObject({ end: End.Ok });
  });

  it("manages accessed and dirty bits of the second stage with SSADE, §3.7.2", () => {
    const world = new NestedWorld();
    const guest = world.map(VA);
    world.entry({ SSADE: 1 });
    const bits = (gpa: number): number => {
      world.memory.read64(0, world.second.find(gpa)!.at);
      return (world.memory.lo >>> 8) & 3;
    };
    const table = world.first.find(VA)!.at;
    world.translate(VA, { updates: Updates.Make });
    // The table was written to, for its entry's A; the page was read.
    expect([bits(table), bits(guest)]).toEqual([3, 1]);
    world.translate(VA, { write: true, updates: Updates.Make });
    expect(bits(guest)).toBe(3);
  });
});

describe("whatever memory holds", () => {
  it.each([1, 2, 3, 4, 128383])("a request ends, and a trace does not change how, seed %i", (seed) => {
    const next = xorshift32(seed);
    const world = new NestedWorld({ aw: ([1, 2, 3] as const)[seed % 3]!, firstLevels: seed % 2 === 0 ? 4 : 5 });
    for (let i = 0; i < 8; i++) world.map(VA + i * PAGE);
    const recorder = new VtdTraceRecorder();
    const structures = [ROOT, CONTEXTS, CONTEXTS + PAGE, DIRECTORY, PASIDS].map((at) => [at, PAGE] as const);
    const config = new RequestConfig();
    for (let i = 0; i < 3000; i++) {
      const [base, bytes] =
        next() % 2 === 0 ? structures[next() % structures.length]! : [world.entries[next() % world.entries.length]!, 8];
      const at = base + 8 * (next() % (bytes / 8));
      world.memory.read64(0, at);
      const { hi, lo } = world.memory;
      if (next() % 8 === 0) world.memory.write64(0, at, next(), next());
      const kinds = [
        AddressType.Untranslated,
        AddressType.Untranslated,
        AddressType.TranslationRequest,
        AddressType.Translated,
      ];
      const t = world.request(next() % 4 === 0 ? next() : 0, next() % 4 === 0 ? next() : VA + (next() % (8 * PAGE)), {
        sid: next() % 8 === 0 ? next() & 0xffff : SID,
        pasid: next() % 8 === 0 ? next() & 0xfffff : PASID,
        hasPasid: next() % 4 !== 0,
        write: next() % 2 === 0,
        privileged: next() % 2 === 0,
        instruction: next() % 4 === 0,
        addressType: kinds[next() % 4]!,
        pageRequest: next() % 16 === 0,
      });
      recorder.begin(0);
      world.remapper.translate(t, recorder);
      const shown = { end: t.end, reason: t.reason, record: t.record, paHi: t.paHi, paLo: t.paLo };
      t.updates = next() % 2 === 0 ? Updates.Make : Updates.Show;
      world.remapper.translate(t, null);
      expect({ end: t.end, reason: t.reason, record: t.record, paHi: t.paHi, paLo: t.paLo }).toEqual(shown);
      world.remapper.resolve(t, null, config);
      // Mostly put back, so that walks get far.
      if (next() % 16 !== 0) world.memory.write64(0, at, hi, lo);
    }
  });
});
