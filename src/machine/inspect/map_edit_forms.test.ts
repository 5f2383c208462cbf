import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEVTAB_BASE } from "../../arch/amdvi/buffer_registers.ts";
import { DTE } from "../../arch/amdvi/dte.ts";
import { CD } from "../../arch/smmuv3/cd.ts";
import { SMMU_IDR0, SMMU_IDR3 } from "../../arch/smmuv3/id_registers.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import { CONTEXT_ENTRY, ROOT_ENTRY } from "../../arch/vtd/root_context.ts";
import { encodeFields, type FieldNumbers } from "../../base/encode.ts";
import { join } from "../../base/halves.ts";
import type { Layout } from "../../base/layout.ts";
import type { MachineDescription, SessionDocument } from "../../protocol/machine.ts";
import type { MapChange, MapPlan } from "../../protocol/map_edit.ts";
import { Session } from "../session.ts";
import { loadArchitecture } from "../units.ts";

const SID = 0x10;
const PAGE = 0x1000n;
/** What stands in memory before anything happens: a structure, or entries of a table by index. */
type Placed = readonly [at: number, words: Uint32Array | Readonly<Record<number, bigint>>];

const value = (layout: Layout, fields: FieldNumbers): bigint => {
  const words = encodeFields(layout, fields);
  return join(words[1] ?? 0, words[0]!);
};

function segment([at, what]: Placed, bigEndian = false): { at: bigint; bytes: Uint8Array } {
  if (what instanceof Uint32Array) return { at: BigInt(at), bytes: new Uint8Array(what.buffer) };
  const view = new DataView(new ArrayBuffer(4096));
  for (const [i, entry] of Object.entries(what)) view.setBigUint64(8 * Number(i), entry, !bigEndian);
  return { at: BigInt(at), bytes: new Uint8Array(view.buffer) };
}

const device = {
  sid: SID,
  bdf: "0000:00:02.0",
  label: "a device with ATS",
  ats: { capacity: 64, pageRequests: 0, responsePasidRequired: false, answersInvalidations: true },
};

/** An SMMUv3 with one stream, stage 1 of four levels from 0x4000 on: TTB0 leads by 0x5000 and 0x6000 to 0x7000. */
function smmu(level3: Readonly<Record<number, bigint>>, o: { endi?: number; bbml?: number } = {}): MachineDescription {
  const tables: Placed[] = [
    [0x4000, { 0: 0x5003n }],
    [0x5000, { 0: 0x6003n }],
    [
      0x6000,
      { 0: 0x7003n, 16: 0x8000_0000n | (1n << 52n) | 0x741n, ...runOf(0x8000_0000n, 16, 0x20_0000n, 0x741n, 16) },
    ],
    [0x7000, level3],
  ];
  const stream = encodeFields(STE, { V: 1, Config: 5, S1ContextPtr: 0x3000, EATS: 1 });
  const streams = new Uint32Array((SID + 2) * stream.length);
  streams.set(stream, SID * stream.length);
  // Another stream goes by the same tables, with an ASID of its own.
  streams.set(encodeFields(STE, { V: 1, Config: 5, S1ContextPtr: 0x3800 }), (SID + 1) * stream.length);
  const cd = (asid: number) =>
    encodeFields(CD, {
      T0SZ: 16,
      EPD1: 1,
      V: 1,
      IPS: 5,
      AA64: 1,
      R: 1,
      A: 1,
      ASID: asid,
      TTB0: 0x4000,
      ENDI: o.endi ?? 0,
    });
  return {
    arch: "smmuv3",
    registers: {
      IDR0: value(SMMU_IDR0, { S1P: 1, S2P: 1, TTF: 2, COHACC: 1, ATS: 1, ASID16: 1, VMID16: 1 }),
      IDR1: 0x0273_0010n,
      IDR3: value(SMMU_IDR3, { BBML: o.bbml ?? 0 }),
      IDR5: 0x75n,
      CR0: 0x9n,
      CMDQ_BASE: 0x9_0000n | 8n,
      STRTAB_BASE: 0x1_0000n,
      STRTAB_BASE_CFG: 6n,
    },
    memory: {
      outside: "abort",
      zero: [[0n, 1n << 26n]],
      segments: [
        segment([0x1_0000, streams]),
        segment([0x3000, cd(1)]),
        segment([0x3800, cd(2)]),
        ...tables.map((t) => segment(t, o.endi === 1)),
      ],
    },
    devices: [device],
  };
}

/** Entries that map memory from `at` on, with the Contiguous bit. */
function runOf(at: bigint, count: number, span: bigint, bits: bigint, from: number): Readonly<Record<number, bigint>> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [from + i, (at + BigInt(i) * span) | (1n << 52n) | bits]),
  );
}

/** 16 pages in a run at 0x10000, 16 pages that stand alone at 0x20000. */
const RUNS = {
  ...runOf(0x4000_0000n, 16, PAGE, 0x743n, 16),
  ...Object.fromEntries(Array.from({ length: 16 }, (_, i) => [32 + i, (0x5000_0000n + BigInt(i) * PAGE) | 0x743n])),
};

/** An AMD IOMMU whose root, of level 4, leads past levels 3 and 2 to pages; one of its pages is 16 entries long. */
function amd(): MachineDescription {
  const rw = 3n << 61n;
  const stream = encodeFields(DTE, {
    V: 1,
    TV: 1,
    Mode: 4,
    IR: 1,
    IW: 1,
    I: 1,
    DomainID: 5,
    HostPageTableRootPtr: 0x4000,
  });
  const streams = new Uint32Array(SID * stream.length + stream.length);
  streams.set(stream, SID * stream.length);
  // Next level 1: the entry skips two. Size in the address: ones from bit 12 up to below the size's own.
  const coded = (at: bigint): bigint => at | (7n << 12n) | (7n << 9n) | rw | 1n;
  const pages = Object.fromEntries(
    Array.from({ length: 16 }, (_, i) => [16 + i, coded(0x4000_0000n)]).concat(
      Array.from({ length: 16 }, (_, i) => [32 + i, (0x5000_0000n + BigInt(i) * PAGE) | rw | 1n]),
    ),
  );
  return {
    arch: "amdvi",
    preset: "full",
    registers: {
      DEVTAB_BASE: value(DEVTAB_BASE, { DevTabBase: 0x1_0000, Size: 0 }),
      CMD_BASE: 0x9_0000n | (8n << 56n),
      CONTROL: 1n | (1n << 12n),
      STATUS: 0x10n,
    },
    memory: {
      outside: "abort",
      zero: [[0n, 1n << 26n]],
      segments: [
        segment([0x1_0000, streams]),
        segment([0x4000, { 0: 0x7000n | (1n << 9n) | rw | 1n }]),
        segment([0x7000, pages]),
      ],
    },
    devices: [device],
  };
}

/** A VT-d unit in legacy mode; its second stage has four levels. */
function intel(): MachineDescription {
  const context = new Uint32Array((SID + 1) * 4);
  context.set(encodeFields(CONTEXT_ENTRY, { P: 1, TT: 1, SSPTPTR: 0x4000, AW: 2, DID: 5 }), SID * 4);
  const pages = Object.fromEntries(
    Array.from({ length: 16 }, (_, i) => [32 + i, (0x5000_0000n + BigInt(i) * PAGE) | 3n]),
  );
  return {
    arch: "vtd",
    preset: "skylake-sp",
    registers: { RTADDR: 0x1_0000n, GSTS: 0xc400_0000n, IQA: 0x9_0000n },
    memory: {
      outside: "abort",
      zero: [[0n, 1n << 26n]],
      segments: [
        segment([0x1_0000, encodeFields(ROOT_ENTRY, { P: 1, CTP: 0x3000 })]),
        segment([0x3000, context]),
        segment([0x4000, { 0: 0x5003n }]),
        segment([0x5000, { 0: 0x6003n }]),
        segment([0x6000, { 0: 0x7003n }]),
        segment([0x7000, pages]),
      ],
    },
    devices: [device],
  };
}

async function open(machine: MachineDescription): Promise<Session> {
  const architecture = await loadArchitecture(machine.arch);
  const caches = Object.fromEntries(architecture.choices.caches.map(({ name, size }) => [name, size]));
  const recorded = { accesses: [], events: [] };
  const document: SessionDocument = { title: "", about: "", machine: { ...machine, caches }, actions: [], recorded };
  const opened = Session.open(document, architecture);
  if (!opened.ok) throw new Error(`${opened.error.place}: ${opened.error.detail}`);
  return opened.value;
}

/** Where a device's own access leads, by its cache where it has the address; null where it is refused. */
function access(session: Session, iova: bigint): bigint | null {
  const plain = { sid: SID, ssid: null, iova, write: false, privileged: false, instruction: false, length: 1 };
  const done = session.apply({ do: "access", ...plain });
  if (!done.ok) throw new Error(done.error.detail);
  const { result } = session.log(done.value.step - 1, 1).rows[0]!;
  return result?.type === "device" ? result.pa : null;
}

/** The same without a cache of the device's own. */
function dma(session: Session, iova: bigint, sid: number): bigint | null {
  const plain = { sid, ssid: null, iova, write: false, privileged: false, instruction: false, length: 1 };
  const done = session.apply({ do: "dma", ...plain });
  if (!done.ok) throw new Error(done.error.detail);
  const { result } = session.log(done.value.step - 1, 1).rows[0]!;
  return result?.type === "went" ? result.pa : null;
}

const stale = (session: Session): readonly unknown[] =>
  session
    .caches()
    .caches.flatMap(({ name, entries }) => entries.flatMap((e) => (e.stale === null ? [] : [[name, e.stale]])));

const stageOf = (session: Session): 1 | 2 => (session.tableMap(SID, null, 1) === null ? 2 : 1);

function plan(session: Session, change: MapChange): MapPlan {
  const planned = session.planEdit({ sid: SID, ssid: null, stage: stageOf(session), change });
  if (!planned.ok) throw new Error(planned.error.detail);
  return planned.value[0]!;
}

const names = ({ actions }: Pick<MapPlan, "actions">): string[] =>
  actions.map((action) => (action.do === "command" ? action.name : action.do));

/** Carry a change out, and see that what `alike` leads to stays the same and that nothing is stale afterwards. */
function carryOut(session: Session, change: MapChange, alike: readonly bigint[]): MapPlan {
  const before = alike.map((iova) => access(session, iova));
  const planned = plan(session, change);
  const done = session.applyAll(planned.actions);
  if (!done.ok) throw new Error(done.error.detail);
  expect(stale(session)).toEqual([]);
  expect(alike.map((iova) => access(session, iova))).toEqual(before);
  return planned;
}

const MACHINES = [
  ["an SMMUv3", () => smmu(RUNS)],
  ["an SMMUv3 with big-endian tables", () => smmu(RUNS, { endi: 1 })],
  ["an SMMUv3 that changes block sizes at once", () => smmu(RUNS, { bbml: 2 })],
  ["a VT-d unit", intel],
  ["an AMD IOMMU whose tables skip levels", amd],
] as const;

describe.each(MACHINES)("Changes to tables of %s, whose device has a cache of its own", (name, machine) => {
  it("make the device forget, after the IOMMU has", async () => {
    const session = await open(machine());
    expect(access(session, 0x2_1000n)).toBe(0x5000_1000n);
    const { actions, bigEndian } = carryOut(session, { do: "unmap", from: 0x2_1000n, bytes: PAGE }, [
      0x2_0000n,
      0x2_2000n,
    ]);
    const order = names({ actions });
    const atDevice = order.findIndex((command) => /ATC|dev_tlb|IOTLB_PAGES/.test(command));
    expect(atDevice).toBeGreaterThan(order.findIndex((command) => /TLBI|^iotlb|IOMMU_PAGES/.test(command)));
    expect(order.at(-1)).toMatch(/SYNC|wait|WAIT/);
    expect(order[atDevice - 1]).toMatch(/SYNC|wait|WAIT/);
    expect(bigEndian).toBe(name.includes("big-endian") ? true : undefined);
    expect(access(session, 0x2_1000n)).toBeNull();
    carryOut(session, { do: "map", from: 0x2_1000n, to: 0x5100_0000n, bytes: PAGE, rights: 3 }, [0x2_0000n]);
    expect(access(session, 0x2_1008n)).toBe(0x5100_0008n);
  });

  it("of a bit are as any other", async () => {
    const session = await open(machine());
    const before = access(session, 0x2_3000n)!;
    // A bit of the address, 0x2000.
    carryOut(session, { do: "flip", from: 0x2_3000n, bit: 13 }, [0x2_0000n, 0x2_4000n]);
    expect(access(session, 0x2_3000n)).toBe(before ^ 0x2000n);
  });
});

describe.each([MACHINES[0], MACHINES[1], MACHINES[2], MACHINES[4]])(
  "A run that counts as one, of %s",
  (name, machine) => {
    const run = Array.from({ length: 16 }, (_, i) => 0x1_0000n + BigInt(i) * PAGE);

    it("is taken apart where a change reaches a part of it, with the run broken first where it has to be", async () => {
      const session = await open(machine());
      const rest = run.filter((iova) => iova < 0x1_3000n || iova >= 0x1_5000n);
      const { actions } = carryOut(session, { do: "unmap", from: 0x1_3000n, bytes: 2n * PAGE }, rest);
      expect(access(session, 0x1_3000n)).toBeNull();
      expect(access(session, 0x1_4000n)).toBeNull();
      const waits = names({ actions }).filter((command) => /SYNC|WAIT/.test(command)).length;
      // Break, wait for the SMMU and the device, make; then the same for the change.
      const breaks = name === "an SMMUv3" || name.includes("big-endian");
      expect(waits).toBe(breaks ? 4 : 2);
    });

    it("goes whole without being taken apart", async () => {
      const session = await open(machine());
      carryOut(session, { do: "unmap", from: 0x1_0000n, bytes: 16n * PAGE }, [0x2_0000n]);
      expect(run.map((iova) => access(session, iova))).toEqual(run.map(() => null));
    });

    it("is left by a page whose bit changes", async () => {
      const session = await open(machine());
      carryOut(
        session,
        { do: "flip", from: 0x1_3000n, bit: 20 },
        run.filter((iova) => iova !== 0x1_3000n),
      );
      expect(access(session, 0x1_3000n)).toBe(0x4010_3000n);
    });
  },
);

describe("Blocks in a run", () => {
  it.each([0, 1])("are split alone, BBML %i", async (bbml) => {
    const session = await open(smmu(RUNS, { bbml }));
    const blocks = Array.from({ length: 16 }, (_, i) => 0x200_0000n + BigInt(i) * 0x20_0000n);
    carryOut(session, { do: "split", from: 0x260_1000n }, [...blocks, 0x260_1000n, 0x27f_f000n]);
    const merged = carryOut(session, { do: "merge", from: 0x260_1000n }, [...blocks, 0x260_1000n]);
    expect(merged.freed).toHaveLength(1);
  });
});

describe("Runs of pages", () => {
  it("become a block as they are, and the block stands alone", async () => {
    const pages = runOf(0x6000_0000n, 512, PAGE, 0xf43n, 0);
    const session = await open(smmu(pages));
    const merged = carryOut(session, { do: "merge", from: 0x1_1000n }, [0n, 0x1_1000n, 0x1f_f000n]);
    // What was in force goes before the block comes.
    expect(names(merged).join()).toMatch(/^write,(CMD_TLBI_NH_ASID,)+CMD_SYNC,CMD_ATC_INV,CMD_SYNC,write$/);
    const { actions } = plan(session, { do: "unmap", from: 0n, bytes: 0x20_0000n });
    expect(names({ actions })[0]).toBe("write");
    expect(names({ actions })).not.toContain("CMD_TLBI_NH_ASID");
  });
});

describe("Tables that two streams share", () => {
  it("are forgotten for both when one of them is asked to change them", async () => {
    const machine = smmu({ 32: 0x5000_0f43n, 33: 0x5000_1f43n });
    const session = await open({ ...machine, devices: [device, { ...device, sid: SID + 1, bdf: "0000:00:02.1" }] });
    expect([access(session, 0x2_0000n), dma(session, 0x2_0000n, SID + 1)]).toEqual([0x5000_0000n, 0x5000_0000n]);
    const { actions } = carryOut(session, { do: "unmap", from: 0x2_0000n, bytes: PAGE }, [0x2_1000n]);
    const asids = actions.flatMap((a) => (a.do === "command" && a.fields.ASID !== undefined ? [a.fields.ASID] : []));
    expect(asids).toEqual([1n, 2n]);
    expect(dma(session, 0x2_0000n, SID + 1)).toBeNull();
  });
});

describe("Skipped levels", () => {
  it("are put in when an address in them is mapped that they left out", async () => {
    const session = await open(amd());
    // Bit 21 is one that the skipped levels would translate.
    expect(access(session, 0x20_0000n)).toBeNull();
    carryOut(session, { do: "map", from: 0x20_0000n, to: 0x6000_0000n, bytes: PAGE, rights: 3 }, [
      0x1_0000n,
      0x2_0000n,
    ]);
    expect(access(session, 0x20_0000n)).toBe(0x6000_0000n);
  });
});

describe.each(MACHINES)("Changes made by chance to tables of %s", (_name, machine) => {
  const PAGES = 40;
  const page = fc.nat(PAGES - 1);
  const change = fc.oneof(
    fc.record({ do: fc.constant("unmap" as const), page, pages: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ do: fc.constant("map" as const), page, pages: fc.integer({ min: 1, max: 5 }), to: fc.nat(255) }),
    fc.record({ do: fc.constant("flip" as const), page, bit: fc.integer({ min: 12, max: 24 }) }),
    fc.record({ do: fc.constantFrom("split" as const, "merge" as const), page }),
  );

  it("do what they say and nothing else, and leave nothing stale", { timeout: 60_000 }, async () => {
    const document = machine();
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
        const session = await open(document);
        const all = Array.from({ length: PAGES }, (_, i) => BigInt(i) * PAGE);
        const expected = all.map((iova) => access(session, iova));
        for (const one of changes) {
          const from = BigInt(one.page) * PAGE;
          const bytes = "pages" in one ? BigInt(one.pages) * PAGE : PAGE;
          const asked: MapChange =
            one.do === "map"
              ? { do: "map", from, to: 0x7000_0000n + BigInt(one.to) * PAGE, bytes, rights: 3 }
              : one.do === "unmap"
                ? { do: "unmap", from, bytes }
                : one.do === "flip"
                  ? { do: "flip", from, bit: one.bit }
                  : { do: one.do, from };
          // A bit of what is not mapped is one of nothing.
          if (one.do === "flip" && expected[one.page] === null) continue;
          const planned = session.planEdit({ sid: SID, ssid: null, stage: stageOf(session), change: asked });
          if (!planned.ok) continue;
          expect(session.applyAll(planned.value[0]!.actions).ok).toBe(true);
          expect(stale(session)).toEqual([]);
          const touched = one.do === "split" || one.do === "merge" ? 0 : Number(bytes / PAGE);
          for (let i = one.page; i < Math.min(PAGES, one.page + touched); i++) {
            const offset = BigInt(i - one.page) * PAGE;
            if (asked.do === "map") expected[i] = asked.to + offset;
            else expected[i] = asked.do === "flip" ? expected[i]! ^ (1n << BigInt(asked.bit)) : null;
          }
          expect(all.map((iova) => access(session, iova))).toEqual(expected);
        }
      }),
      { numRuns: 12 },
    );
  });
});
