import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Access,
  type Action,
  ARCHES,
  type MachineDescription,
  type RecordedAccess,
  type Transfer,
} from "../protocol/machine.ts";
import {
  AMD_NESTING,
  DIRTY_LOG_STEPS,
  MISTAKES,
  type Mistake,
  TRANSLATION_MODES,
  VM_MODES,
  VMID_OWNERS,
  VMM_STEPS,
  type VmidOwner,
} from "../protocol/software.ts";
import { formatScenario, parseScenario, readScenario, type Scenario, writeScenario } from "./document.ts";
import { LIMITS } from "./limits.ts";
import { decodeFragment, encodeFragment } from "./url_codec.ts";

const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const words = (most: number) =>
  fc
    .array(fc.oneof(fc.constant(0n), fc.constant(0x44d91003n), u64), { minLength: 1, maxLength: most })
    .map((values) => new Uint8Array(BigUint64Array.from(values).buffer));

/** Runs that do not overlap: each in a page of its own. */
const segments = fc
  .uniqueArray(fc.bigInt({ min: 0n, max: (1n << 40n) - 1n }), { maxLength: 12 })
  .chain((pages) =>
    fc.tuple(
      ...pages.map((page) =>
        fc
          .tuple(fc.integer({ min: 0, max: 447 }), words(64))
          .map(([index, bytes]) => ({ at: (page << 12n) | BigInt(8 * index), bytes })),
      ),
    ),
  );

const sid = fc.integer({ min: 0, max: 0xffffffff });
const ssid = fc.option(fc.integer({ min: 0, max: 0xfffff }));

const access: fc.Arbitrary<Access> = fc.record(
  {
    sid,
    ssid,
    iova: u64,
    write: fc.boolean(),
    privileged: fc.boolean(),
    instruction: fc.boolean(),
    attributes: fc.record({ mair: fc.integer({ min: 0, max: 255 }), sh: fc.integer({ min: 0, max: 3 }) }),
    noSnoop: fc.constant(true),
  },
  { requiredKeys: ["sid", "ssid", "iova", "write", "privileged", "instruction"] },
);

const address = fc.bigInt({ min: 0n, max: (1n << 52n) - 1n });
const registerName = fc.constantFrom("CR0", "CR2", "STRTAB_BASE", "STRTAB_BASE_CFG", "IDR0", "EVENTQ_PROD");

const transfer: fc.Arbitrary<Transfer> = fc
  .tuple(access, fc.integer({ min: 1, max: 4096 }), fc.option(fc.uint8Array({ minLength: 1, maxLength: 40 })))
  .map(([a, length, data]) => (data === null ? { ...a, length } : { ...a, length: data.length, data }));
const block = fc.constantFrom({}, { block: "cmdqv" }, { block: "iommu1 pe" });

const action: fc.Arbitrary<Action> = fc.oneof(
  fc
    .tuple(transfer, fc.constantFrom({}, { meets: "F_TLB_CONFLICT" }))
    .map(([t, meets]) => ({ do: "dma" as const, ...t, ...meets })),
  fc
    .tuple(transfer, fc.constantFrom("translated" as const, "access" as const))
    .map(([t, kind]) => ({ do: kind, ...t })),
  access.map((a) => ({ do: "translation request" as const, ...a })),
  fc.record({
    do: fc.constant("page request" as const),
    sid,
    ssid,
    address: u64,
    prgIndex: fc.integer({ min: 0, max: 511 }),
    read: fc.boolean(),
    write: fc.boolean(),
    execute: fc.boolean(),
    privileged: fc.boolean(),
    last: fc.boolean(),
  }),
  fc
    .tuple(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.constantFrom(4 as const, 8 as const), u64, block)
    .map(([offset, width, value, b]) => ({ do: "mmio" as const, offset, width, value, ...b })),
  fc.record({ do: fc.constant("write" as const), at: address, bytes: fc.uint8Array({ minLength: 1, maxLength: 70 }) }),
  fc.record({
    do: fc.constant("toggle" as const),
    at: address.map((a) => a & ~7n),
    bit: fc.integer({ min: 0, max: 63 }),
  }),
  fc.record({
    do: fc.constant("guest map" as const),
    device: fc.integer({ min: 0, max: 0xffff }),
    pasid: ssid,
    iova: u64,
    bytes: fc.integer({ min: 1, max: LIMITS.guestBytes }),
    write: fc.boolean(),
  }),
  fc.record({
    do: fc.constantFrom("guest flush" as const, "guest detach" as const),
    device: fc.integer({ min: 0, max: 0xffff }),
    pasid: ssid,
  }),
  fc.record({ do: fc.constant("guest switch" as const), to: fc.constantFrom(...TRANSLATION_MODES) }),
  fc.record({ do: fc.constantFrom("guest faults" as const, "vmids begin anew" as const) }),
  fc.record({
    do: fc.constant("guest partition" as const),
    device: fc.integer({ min: 0, max: 0xffff }),
    pasid: ssid,
    partid: fc.integer({ min: 0, max: 0xffff }),
    pmg: fc.integer({ min: 0, max: 0xff }),
  }),
  fc.record({ do: fc.constant("dirty log" as const), what: fc.constantFrom(...DIRTY_LOG_STEPS) }),
  fc.record({ do: fc.constant("vmm msi" as const), device: fc.integer({ min: 0, max: 0xffff }) }),
  fc.record({
    do: fc.constant("guest map at" as const),
    device: fc.integer({ min: 0, max: 0xffff }),
    pasid: ssid,
    iova: u64,
    bytes: fc.integer({ min: 1, max: LIMITS.guestBytes }),
    to: u64,
  }),
  fc.record({ do: fc.constant("vmm" as const), what: fc.constantFrom(...VMM_STEPS) }),
  fc.record(
    {
      do: fc.constant("vmm call" as const),
      call: fc.constantFrom("IOMMU_DESTROY", "vfio_device_detach_iommufd_pt"),
      fields: fc.dictionary(registerName, u64).map((r) => ({ ...r })),
      device: fc.integer({ min: 0, max: 0xffff }),
      data: fc.uint8Array({ minLength: 1, maxLength: 70 }),
    },
    { requiredKeys: ["do", "call", "fields"] },
  ),
  fc.tuple(registerName, u64, block).map(([name, value, b]) => ({ do: "register" as const, name, value, ...b })),
);

const size = fc.constantFrom({ entries: 1, ways: 1 }, { entries: 256, ways: 4 });

const machine: fc.Arbitrary<MachineDescription> = fc.record(
  {
    arch: fc.constantFrom(...ARCHES),
    preset: fc.constantFrom("neoverse", "grace"),
    caches: fc.dictionary(fc.constantFrom("tlb", "ste"), size, { minKeys: 1 }).map((c) => ({ ...c })),
    software: fc.record(
      {
        kind: fc.constantFrom("kernel" as const, "virtual machine" as const),
        mode: fc.constantFrom(...VM_MODES),
        amdNesting: fc.constantFrom(...AMD_NESTING),
        vmid: fc.constantFrom(...(Object.keys(VMID_OWNERS) as VmidOwner[])),
        partids: fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 1, maxLength: LIMITS.partids }),
        sharedStage2: fc.boolean(),
        guestBytes: fc.integer({ min: 2, max: 32 }).map((n) => n * 0x20_0000),
        assigned: fc.array(
          fc.record(
            { bdf: fc.string(), virtualId: fc.integer({ min: 0, max: 0xffff }), mdev: fc.uuid() },
            { requiredKeys: ["bdf", "virtualId"] },
          ),
          { maxLength: 3 },
        ),
        lazy: fc.boolean(),
        journal: fc.integer({ min: 1, max: 2 ** 20 }),
        mistakes: fc.subarray(Object.keys(MISTAKES) as Mistake[]),
      },
      { requiredKeys: ["kind", "guestBytes", "assigned", "lazy", "mistakes"] },
    ),
    options: fc.constantFrom({ shareGlobal: true }, { erratum772415: false }),
    cmdqv: fc.constant({ vcmdqsLg2: 7, vintfsLg2: 6, sidsLg2: 4 }),
    registers: fc.dictionary(registerName, u64).map((r) => ({ ...r })),
    memory: fc.record({
      outside: fc.constantFrom("abort" as const, "unknown" as const),
      zero: fc.array(
        address.chain((at) =>
          fc
            .bigInt({ min: 0n, max: (1n << 49n) - (at >> 3n) })
            .map((words): [bigint, bigint] => [at & ~7n, words * 8n]),
        ),
        { maxLength: 4 },
      ),
      segments,
    }),
    devices: fc.array(
      fc.record(
        {
          sid,
          bdf: fc.string(),
          label: fc.string({ unit: "binary" }),
          ats: fc.record({
            capacity: fc.integer({ min: 1, max: 64 }),
            pageRequests: fc.integer({ min: 0, max: 512 }),
            responsePasidRequired: fc.boolean(),
            answersInvalidations: fc.boolean(),
          }),
          iommu: fc.integer({ min: 0, max: LIMITS.iommus - 1 }),
        },
        { requiredKeys: ["sid", "bdf", "label"] },
      ),
      { maxLength: 4 },
    ),
  },
  { requiredKeys: ["arch", "registers", "memory", "devices"] },
);

const recorded: fc.Arbitrary<RecordedAccess> = fc.record({
  access,
  pa: fc.option(u64),
  result: fc.option(fc.constantFrom("F_TRANSLATION", "refused, no event")),
  source: fc.constantFrom("", "traced I/O"),
});

const note = fc.record({ step: fc.integer({ min: 0, max: 8 }), text: fc.string({ unit: "binary" }) });

const scenario: fc.Arbitrary<Scenario> = fc.record(
  {
    title: fc.string({ unit: "binary" }),
    about: fc.string({ unit: "binary" }),
    machine,
    actions: fc.array(action, { maxLength: 8 }),
    recorded: fc.record({
      accesses: fc.array(recorded, { maxLength: 8 }),
      events: fc.array(
        fc.array(u64, { minLength: 4, maxLength: 4 }).map((w) => ({ words: w })),
        { maxLength: 4 },
      ),
    }),
    view: fc.option(fc.record({ access })),
    notes: fc.array(note, { minLength: 1, maxLength: 4 }),
  },
  { requiredKeys: ["title", "about", "machine", "actions", "recorded", "view"] },
);

describe("scenario/1", { timeout: 30_000 }, () => {
  it("reads back what it wrote, seed 1", () => {
    fc.assert(
      fc.property(scenario, (s) => {
        expect(parseScenario(formatScenario(s), "file")).toEqual({ ok: true, value: s });
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it("writes the same text again after reading, seed 2", () => {
    fc.assert(
      fc.property(scenario, (s) => {
        const text = formatScenario(s);
        const back = parseScenario(text, "file");
        expect(back.ok && formatScenario(back.value)).toBe(text);
      }),
      { seed: 2, numRuns: 100 },
    );
  });

  it("reads back what it packed into a link, seed 3", async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (s) => {
        const fragment = await encodeFragment(s);
        expect(fragment).toMatch(/^c=1\.[A-Za-z0-9_-]+$/);
        expect(await decodeFragment(`#${fragment}`)).toEqual({ ok: true, value: s });
      }),
      { seed: 3, numRuns: 100 },
    );
  });

  it("gives a scenario or a problem for any JSON value, and for any change to a good one, seed 4", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        const r = readScenario(json, "file");
        expect(r.ok || r.error.place.startsWith("file")).toBe(true);
      }),
      { seed: 4, numRuns: 300 },
    );
    const anyKey = fc.tuple(scenario, fc.nat(), fc.jsonValue());
    fc.assert(
      fc.property(anyKey, ([s, which, value]) => {
        const json = structuredClone(writeScenario(s)) as Record<string, unknown>;
        const places: [Record<string, unknown>, string][] = [];
        const visit = (o: unknown): void => {
          if (typeof o !== "object" || o === null) return;
          for (const key of Object.keys(o)) {
            places.push([o as Record<string, unknown>, key]);
            visit((o as Record<string, unknown>)[key]);
          }
        };
        visit(json);
        const [holder, key] = places[which % places.length]!;
        holder[key] = value;
        const r = readScenario(json, "file");
        expect(r.ok || (r.error.place.startsWith("file") && r.error.detail.length > 0)).toBe(true);
      }),
      { seed: 4, numRuns: 300 },
    );
  });
});
