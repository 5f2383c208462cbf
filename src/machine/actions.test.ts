import { describe, expect, it } from "vitest";
import { CD } from "../arch/smmuv3/cd.ts";
import { STE } from "../arch/smmuv3/ste.ts";
import { encode, NESTED_STE, PLAIN_CD } from "../engine/smmuv3/testing/world.ts";
import type { ActionResult } from "../protocol/engine.ts";
import type { Action, MachineDescription } from "../protocol/machine.ts";
import { Session } from "./session.ts";
import { SMMUV3 } from "./smmuv3/architecture.ts";

const STRTAB = 0x1000_0000;
const PRIQ = 0x1200_0000;
const ROOT = 0x1300_0000;
const CONTEXT = 0x1400_0000;
const SID = 3;
const access = { sid: SID, ssid: null, iova: 0x123n, write: false, privileged: false, instruction: false };

const put = (at: number, bytes: Uint8Array): Action => ({ do: "write", at: BigInt(at), bytes });
const BLOCK = Uint8Array.of(0x41, 0x04, 0, 0x40, 0, 0, 0, 0);

/** An SMMU like Grace's: stream 3 has one block of 1 GiB that may be read and written, and a device with ATS. */
const machine = (more: Partial<MachineDescription> = {}): MachineDescription => ({
  arch: "smmuv3",
  preset: "grace",
  registers: {
    STRTAB_BASE: BigInt(STRTAB),
    STRTAB_BASE_CFG: 4n,
    PRIQ_BASE: BigInt(PRIQ + 1),
    CR0: 0b11n,
    CR0ACK: 0b11n,
  },
  memory: { outside: "abort", zero: [[0n, 2n ** 32n]], segments: [] },
  devices: [
    {
      sid: SID,
      bdf: "",
      label: "",
      ats: { capacity: 4, pageRequests: 1, responsePasidRequired: false, answersInvalidations: true },
    },
  ],
  ...more,
});

const SET_UP: readonly Action[] = [
  put(
    STRTAB + SID * 64,
    new Uint8Array(encode(STE, { ...NESTED_STE, Config: 5, EATS: 1, S1ContextPtr: CONTEXT }).buffer),
  ),
  put(CONTEXT, new Uint8Array(encode(CD, { ...PLAIN_CD, T0SZ: 25, TTB0: ROOT }).buffer)),
  put(ROOT, BLOCK),
];

const open = (actions: readonly Action[] = [], more: Partial<MachineDescription> = {}) =>
  Session.open(
    {
      title: "",
      about: "",
      machine: machine(more),
      actions: [...SET_UP, ...actions],
      recorded: { accesses: [], events: [] },
    },
    SMMUV3,
  );

function session(actions: readonly Action[] = []): Session {
  const opened = open(actions);
  if (!opened.ok) throw new Error(`${opened.error.place}: ${opened.error.detail}`);
  return opened.value;
}

/** What became of the last of some actions. */
const last = (...actions: readonly Action[]): ActionResult | null =>
  session(actions).log(SET_UP.length + actions.length - 1, 1).rows[0]!.result;

describe("what becomes of an action", () => {
  it("a write carries its data, and a read brings it, the first 64 bytes kept", () => {
    const data = Uint8Array.from({ length: 100 }, (_, i) => i);
    const write: Action = { do: "dma", ...access, write: true, length: 100, data };
    expect(last(write)).toEqual({ type: "went", pa: 0x4000_0123n, data: null });
    expect(last(write, { do: "dma", ...access, length: 100 })).toEqual({
      type: "went",
      pa: 0x4000_0123n,
      data: data.slice(0, 64),
    });
  });

  it("a transaction may be asked to meet an event, IHI 0070 §7.3.17", () => {
    const of = session([{ do: "dma", ...access, length: 4, meets: "F_TLB_CONFLICT" }]);
    expect(of.log(SET_UP.length, 1).rows[0]).toMatchObject({
      result: { type: "refused", razwi: false, unknown: null },
      records: 0,
    });
  });

  it("a translation request is completed with an address, and a translated access goes there", () => {
    expect(last({ do: "translation request", ...access, write: true })).toMatchObject({
      type: "translation",
      permissions: 3,
      pa: 0x4000_0123n,
      sizeLg2: 30,
    });
    expect(last({ do: "translation request", ...access, sid: 9 })).toMatchObject({
      type: "no translation",
      status: "CA",
    });
    expect(last({ do: "translated", ...access, iova: 0x4000_0123n, length: 4 })).toMatchObject({ pa: 0x4000_0123n });
  });

  it("a page request is queued until the queue is full", () => {
    const request = {
      do: "page request",
      sid: SID,
      ssid: null,
      address: 0x1000n,
      prgIndex: 5,
      read: true,
      write: false,
      execute: false,
      privileged: false,
      last: true,
    } as const;
    expect(last(request)).toEqual({ type: "page", queued: true, response: null });
    expect(last(request, request, request)).toMatchObject({ type: "page", queued: false, response: { prgIndex: 5 } });
  });

  it("a device goes by its cache once it has a translation", () => {
    const once: Action = { do: "access", ...access, length: 4 };
    expect(last(once)).toMatchObject({ type: "device", turn: "translated", hit: false, pa: 0x4000_0123n });
    expect(last(once, once)).toMatchObject({ hit: true });
    expect(last({ ...once, iova: 1n << 40n })).toMatchObject({ turn: "waiting", why: "group 0", pa: null });
  });

  it("registers are written by name or place, also beside the SMMU's own", () => {
    expect(last({ do: "register", name: "GERRORN", value: 0n })).toEqual({ type: "written", taken: true });
    const by = session([
      { do: "register", name: "CMDQV_CONFIG", value: 1n, block: "cmdqv" },
      { do: "mmio", offset: 0x200, width: 4, value: 1n, block: "cmdqv" },
    ]);
    const rows = by.registers().rows.filter((r) => r.block === "cmdqv");
    expect(rows.find((r) => r.name === "CMDQV_CONFIG")?.value).toBe(1n);
    expect(rows.find((r) => r.name === "CMDQV_CMDQ_ALLOC_MAP_0")?.value).toBe(1n);
  });
});

describe("an action that cannot be done", () => {
  it.each([
    ["a register of a block that is not there", { do: "register", name: "CR0", value: 0n, block: "other" }, "other"],
    ["a register that a block lacks", { do: "register", name: "CR0", value: 0n, block: "cmdqv" }, "CR0"],
    ["an offset that is not aligned", { do: "mmio", offset: 2, width: 4, value: 0n }, "multiple of 4"],
    ["data of another length", { do: "dma", ...access, length: 4, data: new Uint8Array(3) }, "4 bytes, its data 3"],
    ["an event that nobody knows", { do: "dma", ...access, length: 4, meets: "F_UNHEARD_OF" }, "F_UUT"],
    ["an access of a device that is not there", { do: "access", ...access, sid: 9, length: 4 }, "Stream 9"],
  ] as const)("%s is refused with the place", (_, action, detail) => {
    expect(open([action as Action])).toMatchObject({
      ok: false,
      error: { place: `steps[${SET_UP.length}]`, detail: expect.stringContaining(detail) },
    });
  });

  it("among several ends them, with those before it done", () => {
    const s = session();
    const toggle: Action = { do: "toggle", at: 0n, bit: 0 };
    const bad: Action = { do: "toggle", at: 1n, bit: 0 };
    expect(s.applyAll([toggle, toggle, bad, toggle])).toMatchObject({ ok: false, error: { place: "actions[2]" } });
    expect(s.summary().step).toBe(SET_UP.length + 2);
  });
});

describe("a description that nothing can be made of", () => {
  it.each([
    [{ preset: "grave" }, "machine.preset", "neoverse"],
    [{ caches: { l2: { entries: 1, ways: 1 } } }, "machine.caches.l2", "tlb"],
    [{ caches: { tlb: { entries: 12, ways: 4 } } }, "machine.caches.tlb", "powers of two"],
    [{ options: { fast: true } }, "machine.options.fast", "shareGlobal"],
  ])("%o is refused at %s", (more, place, detail) => {
    expect(open([], more)).toMatchObject({ ok: false, error: { place, detail: expect.stringContaining(detail) } });
  });
});

describe("a shared case", () => {
  const caches = Object.fromEntries(["ste", "cd", "tlb"].map((name) => [name, { entries: 16, ways: 4 }]));

  it("takes along the transactions that filled a cache, so that what is stale there is stale in the case, too", () => {
    const opened = open([{ do: "dma", ...access, length: 4 }, put(ROOT, new Uint8Array(8))], { caches });
    if (!opened.ok) throw new Error(opened.error.detail);
    const shared = opened.value.share(access);
    if (!shared.ok) throw new Error(shared.error.detail);
    const { document } = shared.value;
    expect(document.actions.map((action) => action.do)).toEqual(["write", "write", "write", "dma", "write"]);
    const copy = Session.open(document, SMMUV3);
    if (!copy.ok) throw new Error(copy.error.detail);
    expect(copy.value.walk(access).outcome).toMatchObject({ type: "ok", pa: 0x4000_0123n });
    const tlb = copy.value.caches().caches.find((c) => c.name === "tlb");
    expect(tlb?.entries[0]?.stale).toMatchObject({ what: "stage 1" });
  });

  it("leaves the session at the step where it was, with what it had done", () => {
    const s = session([{ do: "access", ...access, length: 4 }, put(ROOT + 8, BLOCK)]);
    const before = s.summary();
    expect(s.share(access).ok).toBe(true);
    expect(s.summary()).toEqual(before);
    expect(s.log(SET_UP.length, 1).rows[0]?.result).toMatchObject({ type: "device" });
  });
});
