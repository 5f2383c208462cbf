import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cmdqvRegisterAt } from "../../../arch/smmuv3/cmdqv.ts";
import { commandByName } from "../../../arch/smmuv3/commands.ts";
import { PhysicalMemory } from "../../memory/physical_memory.ts";
import { Cerror } from "../commands/command.ts";
import { AtsWorld } from "../testing/ats_world.ts";
import { encode, type Fields } from "../testing/world.ts";
import { Cmdqv, type CmdqvSize, GRACE } from "./cmdqv.ts";
import { Stage2QueueMemory } from "./stage2_queue_memory.ts";
import { VcmdqError } from "./vcmdq.ts";

const QUEUE = 0x100_0000;
const READ_INDEX = 0x200_0000;
const EN = 1;
const HYP_OWN = 1 << 17;
const ALLOC = 1;

const alloc = (v: number, l: number): number => ALLOC | (l << 1) | (v << 15);
const vintf = (v: number, offset = 0): number => 0x1000 + 0x100 * v + offset;
const allocMap = (q: number): number => 0x200 + 4 * q;
const direct = (q: number, offset: number): number => 0x1_0000 + 0x80 * q + offset;
const logical = (v: number, l: number, offset: number): number => 0x3_0000 + 0x2_0000 * v + 0x80 * l + offset;
const PAGE_1 = 0x1_0000;
const [CONS, PROD, CONFIG, STATUS, GERROR, GERRORN] = [0, 4, 8, 0xc, 0x10, 0x14] as const;

/** The extension over memory and an SMMU that remembers what it was asked to carry out. */
class Bench {
  readonly memory = new PhysicalMemory({ outside: "abort", zero: [[0, 2 ** 32]], segments: [] });
  readonly done: string[] = [];
  answer: number = Cerror.NONE;
  readonly cmdqv: Cmdqv;
  #slots = new Map<number, number>();

  constructor(size: CmdqvSize = GRACE) {
    this.cmdqv = new Cmdqv(size, {
      memory: this.memory,
      largestLg2: 8,
      execute: (words, at) => {
        const hex = Array.from({ length: 4 }, (_, i) => (words[at + i]! >>> 0).toString(16));
        this.done.push(hex.join(" "));
        return this.answer;
      },
    });
  }

  read(offset: number): number {
    return this.cmdqv.read32(offset);
  }

  write(offset: number, value: number): void {
    this.cmdqv.write32(offset, value);
  }

  write64(offset: number, value: number): void {
    this.cmdqv.write(offset, 8, Math.floor(value / 2 ** 32), value >>> 0);
  }

  /** What the driver does to a queue: off, indexes and bases zero, errors acknowledged; base, on. */
  init(at: (offset: number) => number, base = QUEUE, log2size = 4): void {
    this.write(at(CONFIG), 0);
    for (const offset of [PROD, CONS]) this.write(at(offset), 0);
    this.write64(at(PAGE_1), 0);
    this.write64(at(PAGE_1 + 8), 0);
    this.write(at(GERRORN), this.read(at(GERROR)));
    this.write64(at(PAGE_1), base + log2size);
    this.write(at(CONFIG), EN);
  }

  /** What the driver does to a VINTF: off, owner and VMID, on; its queues mapped in rising order, and enabled. */
  vintf(v: number, { hyp = false, vmid = 0, queues = [] as readonly number[] } = {}): void {
    this.write(vintf(v), 0);
    const config = (hyp ? HYP_OWN : 0) | (vmid << 1);
    this.write(vintf(v), config);
    this.write(vintf(v), config | EN);
    for (const [l, q] of queues.entries()) {
      this.write(allocMap(q), alloc(v, l));
      this.init((offset) => logical(v, l, offset), QUEUE + 0x1000 * q);
    }
  }

  /** Put a command into a queue. */
  put(q: number, name: string, fields: Fields = {}): void {
    const slot = this.#slots.get(q) ?? 0;
    this.#slots.set(q, slot + 1);
    const { layout, opcode } = commandByName(name)!;
    const bytes = new Uint8Array(encode(layout, { Opcode: opcode, ...fields }).buffer);
    this.memory.writeBytes(QUEUE + 0x1000 * q + 16 * (slot % 16), bytes);
  }

  /** Put a command into a queue and let it be seen. */
  send(q: number, name: string, fields: Fields = {}): void {
    this.put(q, name, fields);
    this.write(direct(q, PROD), this.#slots.get(q)! % 32);
  }
}

const words = (name: string, fields: Fields): string => {
  const { layout, opcode } = commandByName(name)!;
  return Array.from(encode(layout, { Opcode: opcode, ...fields }), (w) => w.toString(16)).join(" ");
};

describe("registers of the Tegra241 CMDQV", () => {
  it("tell the sizes, and that the firmware has enabled it", () => {
    const { cmdqv } = new Bench();
    expect(cmdqv.read32(4)).toBe(0x4671);
    expect([cmdqv.read32(0), cmdqv.read32(8)]).toEqual([1, 1]);
    expect(cmdqv.bytes).toBe(0x83_0000);
  });

  it("are cut to what they have room for", () => {
    const { cmdqv } = new Bench({ vcmdqsLg2: 99, vintfsLg2: Number.NaN, sidsLg2: -1 });
    expect(cmdqv.read32(4)).toBe(0x0071);
  });

  it("follow the driver's reset: off, on, every VCMDQ assigned and none mapped", () => {
    const bench = new Bench();
    bench.write(0, 0);
    expect(bench.read(8)).toBe(0);
    bench.write(0, EN);
    expect(bench.read(8)).toBe(1);
    for (let v = 0; v < 64; v++) for (const l of [0, 1]) bench.write(allocMap(2 * v + l), alloc(v, l) & ~ALLOC);
    expect(bench.read(allocMap(127))).toBe((63 << 15) | (1 << 1));
    bench.vintf(0, { hyp: true, queues: [0, 1] });
    expect(bench.read(vintf(0, 4))).toBe(0x2_0001);
    expect(bench.read(vintf(0))).toBe(HYP_OWN | EN);
    expect([0, 1].map((l) => bench.read(logical(0, l, STATUS)))).toEqual([1, 1]);
  });

  it("show a queue in both places, and nothing where none is mapped", () => {
    const bench = new Bench();
    bench.vintf(3, { queues: [7] });
    expect(bench.read(direct(7, PAGE_1))).toBe(QUEUE + 0x7000 + 4);
    expect(bench.read(logical(3, 0, PAGE_1))).toBe(QUEUE + 0x7000 + 4);
    bench.write(logical(3, 1, PROD), 5);
    expect(bench.read(logical(3, 1, PROD))).toBe(0);
    bench.write(allocMap(7), alloc(3, 0) & ~ALLOC);
    expect(bench.read(logical(3, 0, PAGE_1))).toBe(0);
    expect(bench.read(direct(7, PAGE_1))).toBe(QUEUE + 0x7000 + 4);
  });

  it("keep owner and VMID while a VINTF is enabled, and its queues' bases while they are", () => {
    const bench = new Bench();
    bench.vintf(1, { vmid: 5, queues: [2] });
    bench.write(vintf(1), HYP_OWN | (9 << 1) | EN);
    expect(bench.read(vintf(1))).toBe((5 << 1) | EN);
    bench.write(logical(1, 0, PAGE_1), 0);
    bench.write(logical(1, 0, CONS), 3);
    expect([bench.read(logical(1, 0, PAGE_1)), bench.read(logical(1, 0, CONS))]).toEqual([QUEUE + 0x2000 + 4, 0]);
  });

  it("stop queues whose VINTF, mapping or extension goes, until they are enabled anew", () => {
    const bench = new Bench();
    for (const change of [
      () => bench.write(vintf(1), 0),
      () => bench.write(allocMap(2), alloc(1, 0) & ~ALLOC),
      () => bench.write(0, 0),
    ]) {
      bench.write(0, EN);
      bench.vintf(1, { queues: [2] });
      expect(bench.read(direct(2, STATUS))).toBe(1);
      change();
      expect(bench.read(direct(2, STATUS))).toBe(0);
    }
  });

  it("fail to enable a queue that is mapped nowhere or too large", () => {
    const bench = new Bench();
    bench.init((offset) => direct(9, offset));
    expect([bench.read(direct(9, STATUS)), bench.read(direct(9, GERROR))]).toEqual([0, VcmdqError.CMDQ_INIT_ERR]);
    bench.vintf(1);
    bench.write(allocMap(9), alloc(1, 0));
    bench.init((offset) => direct(9, offset), QUEUE, 9);
    expect(bench.read(direct(9, STATUS))).toBe(0);
    bench.init((offset) => direct(9, offset), QUEUE, 8);
    expect(bench.read(direct(9, STATUS))).toBe(1);
    expect(bench.read(direct(9, GERROR))).toBe(bench.read(direct(9, GERRORN)));
  });

  it("have names for every offset that means something", () => {
    const names = [0, 4, 0x18, 0x20, 0x30, 0x3fc, 0x1304, 0x1347, 0x10084, 0x2000c, 0x30000, 0x7008c].map(
      (offset) => cmdqvRegisterAt(offset & ~3)?.name,
    );
    expect(names).toEqual([
      "CMDQV_CONFIG",
      "CMDQV_PARAM",
      "CMDQV_VI_ERR_MAP_1",
      "CMDQV_VI_INT_MASK_1",
      "CMDQV_CMDQ_ERR_MAP_3",
      "CMDQV_CMDQ_ALLOC_MAP_127",
      "VINTF3_STATUS",
      "VINTF3_SID_MATCH_1",
      "VCMDQ1_PROD_INDX",
      "VCMDQ0_CONS_INDX_BASE",
      "VINTF0_LVCMDQ0_CONS_INDX",
      "VINTF2_LVCMDQ1_STATUS",
    ]);
    expect(cmdqvRegisterAt(0xc)).toBeUndefined();
    expect(cmdqvRegisterAt(0x10018)).toBeUndefined();
  });
});

describe("a queue of the hypervisor (HYP_OWN)", () => {
  it("carries out every command as it is", () => {
    const bench = new Bench();
    bench.vintf(0, { hyp: true, vmid: 3, queues: [0] });
    bench.send(0, "CMD_CFGI_STE", { StreamID: 0x123, Leaf: 1 });
    bench.send(0, "CMD_TLBI_EL2_ASID", { ASID: 7 });
    bench.send(0, "CMD_TLBI_NH_ASID", { VMID: 9, ASID: 7 });
    bench.send(0, "CMD_SYNC");
    expect(bench.done).toEqual([
      words("CMD_CFGI_STE", { StreamID: 0x123, Leaf: 1 }),
      words("CMD_TLBI_EL2_ASID", { ASID: 7 }),
      words("CMD_TLBI_NH_ASID", { VMID: 9, ASID: 7 }),
      words("CMD_SYNC", {}),
    ]);
    expect(bench.read(direct(0, CONS))).toBe(4);
  });

  it("wraps as the SMMU's own queue does", () => {
    const bench = new Bench();
    bench.vintf(0, { hyp: true, queues: [0] });
    for (let n = 0; n < 21; n++) bench.send(0, "CMD_TLBI_NH_ASID", { ASID: n });
    expect(bench.done).toHaveLength(21);
    expect(bench.read(direct(0, CONS))).toBe(21);
    for (let n = 21; n < 33; n++) bench.send(0, "CMD_TLBI_NH_ASID", { ASID: n });
    expect([bench.done.length, bench.read(direct(0, CONS))]).toEqual([33, 1]);
  });

  it("knows no completion signal", () => {
    const bench = new Bench();
    bench.vintf(0, { hyp: true, queues: [0] });
    bench.send(0, "CMD_SYNC", { CS: 1 });
    expect(bench.read(direct(0, CONS))).toBe(1 << 24);
  });
});

describe("a queue of a guest", () => {
  it("gives TLB invalidations the VMID of its VINTF", () => {
    const bench = new Bench();
    bench.vintf(2, { vmid: 0x1234, queues: [5] });
    bench.send(5, "CMD_TLBI_NH_ASID", { ASID: 7 });
    bench.send(5, "CMD_TLBI_NH_VA", { VMID: 0xffff, ASID: 7, Address: 0x4000, Leaf: 1, TG: 1, NUM: 3 });
    expect(bench.done).toEqual([
      words("CMD_TLBI_NH_ASID", { VMID: 0x1234, ASID: 7 }),
      words("CMD_TLBI_NH_VA", { VMID: 0x1234, ASID: 7, Address: 0x4000, Leaf: 1, TG: 1, NUM: 3 }),
    ]);
  });

  it("replaces StreamIDs by the pairs that are enabled, and refuses others", () => {
    const bench = new Bench();
    bench.vintf(2, { queues: [5] });
    const pair = (i: number, virtual: number, physical: number, on: boolean): void => {
      bench.write(vintf(2, 0x80 + 4 * i), physical);
      bench.write(vintf(2, 0x40 + 4 * i), (virtual << 1) | (on ? 1 : 0));
    };
    pair(0, 0x10, 0x999, false);
    pair(15, 0x10, 0xabcde, true);
    bench.send(5, "CMD_ATC_INV", { StreamID: 0x10, Size: 52 });
    expect(bench.done).toEqual([words("CMD_ATC_INV", { StreamID: 0xabcde, Size: 52 })]);
    bench.send(5, "CMD_ATC_INV", { StreamID: 0x11, Size: 52 });
    expect(bench.done).toHaveLength(1);
    expect(bench.read(direct(5, CONS))).toBe((4 << 24) | 1);
    expect(bench.read(direct(5, GERROR))).toBe(VcmdqError.CMDQ_ERR);
  });

  const PERMITTED = new Set(["CMD_TLBI_NH_ASID", "CMD_TLBI_NH_VA", "CMD_SYNC"]);
  it.each([
    "CMD_CFGI_STE",
    "CMD_CFGI_CD",
    "CMD_CFGI_ALL",
    "CMD_TLBI_NH_ALL",
    "CMD_TLBI_NH_VAA",
    "CMD_TLBI_EL2_ALL",
    "CMD_TLBI_S12_VMALL",
    "CMD_TLBI_S2_IPA",
    "CMD_TLBI_NSNH_ALL",
    "CMD_PRI_RESP",
    "CMD_RESUME",
    "CMD_PREFETCH_CONFIG",
    "CMD_TLBI_NH_ASID",
    "CMD_TLBI_NH_VA",
    "CMD_SYNC",
  ])("is asked for %s", (name) => {
    const bench = new Bench();
    bench.vintf(2, { queues: [5] });
    if (name === "CMD_CFGI_ALL") bench.send(5, "CMD_CFGI_STE_RANGE", { Range: 31 });
    else bench.send(5, name);
    const permitted = PERMITTED.has(name);
    expect(bench.done).toHaveLength(permitted ? 1 : 0);
    expect(bench.read(direct(5, CONS))).toBe(permitted ? 1 : Cerror.ILL << 24);
  });
});

describe("errors of queues", () => {
  it("show in the maps of the extension and of the VINTF, and interrupt unless masked", () => {
    const bench = new Bench();
    bench.vintf(33, { queues: [66, 67] });
    bench.send(67, "CMD_TLBI_NH_ALL");
    expect([bench.read(0x14), bench.read(0x18)]).toEqual([0, 1 << 1]);
    expect([0, 1, 2, 3].map((n) => bench.read(0x24 + 4 * n))).toEqual([0, 0, 1 << 3, 0]);
    bench.cmdqv.read(vintf(33, 0xc0), 8);
    expect([bench.cmdqv.hi, bench.cmdqv.lo]).toEqual([0, 1 << 1]);
    expect((bench.read(vintf(33, 4)) >>> 1) & 7).toBe(1);
    expect(bench.cmdqv.raised).toBe(1);
    bench.write(0x20, 1 << 1);
    bench.send(66, "CMD_TLBI_NH_ALL");
    expect(bench.cmdqv.raised).toBe(1);
  });

  it("are recovered from as the driver does: the command replaced by CMD_SYNC, the error acknowledged", () => {
    const bench = new Bench();
    bench.vintf(1, { vmid: 3, queues: [2] });
    bench.put(2, "CMD_TLBI_NH_ASID", { ASID: 1 });
    bench.put(2, "CMD_TLBI_NH_ALL");
    bench.send(2, "CMD_TLBI_NH_ASID", { ASID: 2 });
    expect(bench.read(logical(1, 0, CONS))).toBe((Cerror.ILL << 24) | 1);
    expect(bench.done).toHaveLength(1);
    bench.send(2, "CMD_SYNC");
    expect(bench.done).toHaveLength(1);
    const sync = new Uint8Array(encode(commandByName("CMD_SYNC")!.layout, { Opcode: 0x46 }).buffer);
    bench.memory.writeBytes(QUEUE + 0x2000 + 16, sync);
    bench.write(logical(1, 0, GERRORN), bench.read(logical(1, 0, GERROR)));
    expect(bench.done).toHaveLength(4);
    expect(bench.read(logical(1, 0, CONS)) & 0xfffff).toBe(4);
    expect(bench.read(vintf(1, 0xc0))).toBe(0);
  });

  it("stop only the queue they are in", () => {
    const bench = new Bench();
    bench.vintf(1, { queues: [2, 3] });
    bench.send(2, "CMD_TLBI_NH_ALL");
    bench.send(3, "CMD_TLBI_NH_ASID");
    expect(bench.done).toHaveLength(1);
  });

  it("pass on what the SMMU answers, such as an invalidation that timed out", () => {
    const bench = new Bench();
    bench.vintf(1, { queues: [2] });
    bench.answer = Cerror.ATC_INV_SYNC;
    bench.send(2, "CMD_SYNC");
    expect(bench.read(direct(2, CONS))).toBe(Cerror.ATC_INV_SYNC << 24);
  });

  it("come from a fetch that gets no answer", () => {
    const bench = new Bench();
    bench.vintf(1, { queues: [2] });
    bench.init((offset) => logical(1, 0, offset), 2 ** 40);
    bench.write(logical(1, 0, PROD), 1);
    expect(bench.read(direct(2, CONS))).toBe(Cerror.ABT << 24);
  });

  it("wait for memory that the session lacks, and raise none", () => {
    const memory = new PhysicalMemory({ outside: "unknown", zero: [], segments: [] });
    const cmdqv = new Cmdqv(GRACE, { memory, largestLg2: 8, execute: () => Cerror.NONE });
    cmdqv.write32(vintf(0), EN);
    cmdqv.write32(allocMap(0), alloc(0, 0));
    cmdqv.write(direct(0, PAGE_1), 8, 0, QUEUE | 4);
    cmdqv.write32(direct(0, CONFIG), EN);
    cmdqv.write32(direct(0, PROD), 1);
    expect([cmdqv.read32(direct(0, CONS)), cmdqv.read32(direct(0, GERROR))]).toEqual([0, 0]);
  });
});

describe("the read index in memory (CONS_DRAM_EN)", () => {
  it("is written after commands, and an abort of that is an error of its own", () => {
    const bench = new Bench();
    bench.write(0, EN | (1 << 20));
    bench.vintf(1, { queues: [2, 3] });
    for (const [q, at] of [
      [2, READ_INDEX + 4],
      [3, 2 ** 40],
    ] as const) {
      bench.write(direct(q, CONFIG), 0);
      bench.write64(direct(q, PAGE_1 + 8), at);
      bench.write(direct(q, CONFIG), EN);
      bench.send(q, "CMD_TLBI_NH_ASID");
    }
    bench.memory.read64(0, READ_INDEX);
    expect([bench.memory.lo, bench.memory.hi]).toEqual([0, 1]);
    expect(bench.read(direct(2, GERROR))).toBe(0);
    expect(bench.read(direct(3, GERROR))).toBe(VcmdqError.CONS_DRAM_WR_ABT_ERR);
    bench.send(3, "CMD_TLBI_NH_ASID");
    expect(bench.done).toHaveLength(3);
  });
});

describe("an image", () => {
  it("brings everything back", () => {
    const bench = new Bench();
    bench.vintf(1, { vmid: 3, queues: [2, 3] });
    bench.send(2, "CMD_TLBI_NH_ALL");
    const image = bench.cmdqv.snapshot();
    const text = JSON.stringify(image);
    bench.write(logical(1, 0, GERRORN), 1);
    bench.vintf(1, { vmid: 4, queues: [3] });
    bench.write(0, 0);
    bench.cmdqv.restore(image);
    expect(JSON.stringify(bench.cmdqv.snapshot())).toBe(text);
    expect(bench.read(direct(2, CONS))).toBe(Cerror.ILL << 24);
  });
});

describe("the extension beside an SMMU", () => {
  it("has a guest's commands carried out by the SMMU, which takes the device's translations back", () => {
    const world = new AtsWorld();
    const { processor } = world.interface;
    const cmdqv = new Cmdqv(GRACE, {
      memory: world.memory,
      largestLg2: 8,
      execute: (words, at) => processor.execute(words, at),
    });
    cmdqv.write32(vintf(1), (7 << 1) | EN);
    cmdqv.write32(allocMap(2), alloc(1, 0));
    cmdqv.write32(vintf(1, 0x80), 1);
    cmdqv.write32(vintf(1, 0x40), (0x20 << 1) | 1);
    cmdqv.write(direct(2, PAGE_1), 8, 0, QUEUE | 4);
    cmdqv.write32(direct(2, CONFIG), EN);
    const { layout, opcode } = commandByName("CMD_ATC_INV")!;
    world.put(layout, QUEUE, { Opcode: opcode, StreamID: 0x20, Address: 0x1000, SSV: 1, SubstreamID: 3, Global: 1 });
    cmdqv.write32(logical(1, 0, PROD), 1);
    expect(cmdqv.read32(logical(1, 0, CONS))).toBe(1);
    expect(world.devices.takeInvalidations()).toEqual([
      { sid: 1, ssv: true, ssid: 3, global: true, hi: 0, lo: 0x1000, sizeLg2: 12 },
    ]);
  });

  it("can read a guest's queue at guest addresses, through the stage 2 of one of its streams", () => {
    const world = new AtsWorld();
    const { resolver, stage2 } = world.smmu;
    const guestQueue = world.guest.allocate(4096);
    const done: number[] = [];
    const cmdqv = new Cmdqv(GRACE, {
      memory: world.memory,
      largestLg2: 8,
      execute: (words, at) => {
        done.push(words[at]! & 0xff);
        return Cerror.NONE;
      },
      queueMemory: () => new Stage2QueueMemory(resolver, stage2, 1),
    });
    cmdqv.write32(vintf(1), EN);
    cmdqv.write32(allocMap(2), alloc(1, 0));
    const { layout, opcode } = commandByName("CMD_SYNC")!;
    world.put(layout, world.guest.physical(guestQueue), { Opcode: opcode });
    const run = (base: number): number => {
      cmdqv.write32(direct(2, CONFIG), 0);
      cmdqv.write32(direct(2, PROD), 0);
      cmdqv.write32(direct(2, CONS), 0);
      cmdqv.write(direct(2, PAGE_1), 8, 0, base | 4);
      cmdqv.write32(direct(2, CONFIG), EN);
      cmdqv.write32(direct(2, PROD), 1);
      return cmdqv.read32(direct(2, CONS));
    };
    expect(run(guestQueue)).toBe(1);
    expect(done).toEqual([opcode]);
    expect(run(guestQueue + 0x100_0000)).toBe(Cerror.ABT << 24);
  });
});

describe("whatever is written", () => {
  it("neither throws nor lets a guest carry out more than it may (seed 2410)", () => {
    const size = { vcmdqsLg2: 2, vintfsLg2: 1, sidsLg2: 2 };
    const queue = fc.tuple(fc.nat(3), fc.constantFrom(PROD, PROD, PROD, CONS, CONFIG, GERRORN, STATUS, GERROR));
    const offset = fc.oneof(
      { weight: 6, arbitrary: queue.map(([q, r]) => direct(q, r)) },
      { weight: 3, arbitrary: queue.map(([q, r]) => logical(q >> 1, q & 1, r)) },
      fc.constantFrom(0, 4, 8, 0x14, 0x1c, 0x20, 0x24, 0x200, 0x204, 0x208, 0x20c),
      fc.nat(0x7f).map((n) => 0x1000 + 4 * n),
      fc.tuple(fc.nat(3), fc.nat(3)).map(([q, r]) => direct(q, PAGE_1 + 4 * r)),
      fc.nat(0x9_0000 / 4).map((n) => 4 * n),
    );
    const value = fc.oneof(
      { weight: 4, arbitrary: fc.nat(31) },
      fc.constantFrom(QUEUE | 4, QUEUE | 1, (9 << 1) | 1, 0xffff_ffff, alloc(1, 0), alloc(0, 1)),
      fc.nat(0xffff_ffff),
    );
    const opcodes = [0x11, 0x12, 0x46, 0x11, 0x30, 0x46, 4, 0x40];
    let carriedOut = 0;
    const property = fc.property(fc.array(fc.tuple(offset, value), { maxLength: 120 }), (writes) => {
      const bench = new Bench(size);
      for (let i = 0; i < 0x400; i++) bench.memory.writeBytes(QUEUE + 16 * i, Uint8Array.of(opcodes[i % 8]!));
      bench.vintf(0, { vmid: 5, queues: [0, 1] });
      bench.vintf(1, { vmid: 6, queues: [2, 3] });
      let owned = true;
      for (const [at, to] of writes) {
        bench.write(at, to);
        bench.read(at);
        owned &&= [0, 1].every((v) => (bench.read(vintf(v)) & HYP_OWN) === 0);
        const codes = bench.done.map((text) => Number.parseInt(text.split(" ")[0]!, 16) & 0xff);
        if (owned) expect(codes.every((code) => code === 0x11 || code === 0x12 || code === 0x46)).toBe(true);
      }
      carriedOut += bench.done.length;
    });
    fc.assert(property, { seed: 2410, numRuns: 150 });
    expect(carriedOut).toBeGreaterThan(50);
  });
});
