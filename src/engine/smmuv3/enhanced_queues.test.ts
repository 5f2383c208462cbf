import { describe, expect, it } from "vitest";
import { commandByName } from "../../arch/smmuv3/commands.ts";
import { SMMU_ECMDQ_CONS, SMMU_ECMDQ_PROD } from "../../arch/smmuv3/ecmdq_registers.ts";
import { Digest } from "../../base/digest.ts";
import { GlobalError } from "./global_errors.ts";
import { ControlWorld } from "./testing/control_world.ts";
import { encode, type Fields } from "./testing/world.ts";

const QUEUE = 0x3200_0000;
const LG2 = 4;
const PAGE = 0x10000;

/** Two control pages of four queues each. */
class Enhanced extends ControlWorld {
  constructor(registers: Readonly<Record<string, Fields>> = {}) {
    const idr6 = { CMDQ_CONTROL_PAGE_LOG2NUMP: 1, CMDQ_CONTROL_PAGE_LOG2NUMQ: 2 };
    super({ IDR6: idr6, ...registers, IDR1: { ECMDQ: 1, ...registers.IDR1 } });
  }

  get(offset: number): number {
    this.control.read(offset, 4);
    return this.control.lo >>> 0;
  }

  set(offset: number, value: number): void {
    this.control.write(offset, 4, 0, value);
  }

  /** Offset of a queue's registers, as its control page's BASE tells. */
  queue(page: number, index: number): number {
    const base = this.get(0x4000 + 32 * page) & 0xffff_0000;
    return base + index * (PAGE / 4);
  }

  /** Set a queue up, empty, and switch it on. */
  start(at: number): void {
    this.set(at, QUEUE | LG2);
    this.set(at + 8, 0x8000_0000);
  }

  place(slot: number, name: string, fields: Fields = {}): void {
    const { layout, opcode } = commandByName(name)!;
    this.memory.writeBytes(QUEUE + 16 * slot, new Uint8Array(encode(layout, { Opcode: opcode, ...fields }).buffer));
  }

  cons(at: number, field: keyof typeof SMMU_ECMDQ_CONS.f): number {
    return SMMU_ECMDQ_CONS.f[field].get(Uint32Array.of(this.get(at + 12)), 0);
  }
}

const prod = (fields: Fields): number => encode(SMMU_ECMDQ_PROD, { EN: 1, ...fields })[0]!;

describe("enhanced Command queues, IHI 0070 §3.5.6", () => {
  it("are found through the control pages, one after the other", () => {
    const world = new Enhanced();
    const pages = [0, 1, 2].map((n) => [0, 4, 8, 12].map((at) => world.get(0x4000 + 32 * n + at)));
    expect(pages).toEqual([
      [0x2_0003, 0, 1, 1],
      [0x3_0003, 0, 1, 1],
      [0, 0, 0, 0],
    ]);
    expect(new Enhanced({ IDR0: { VATOS: 1 }, IDR2: { BA_VATOS: 4 } }).get(0x4000)).toBe(0x7_0003);
  });

  it("are nowhere without IDR1.ECMDQ", () => {
    const world = new Enhanced({ IDR1: { ECMDQ: 0 } });
    world.start(0x2_0000);
    expect([world.get(0x4000), world.get(0x4008), world.get(0x2_0000), world.get(0x2_0008)]).toEqual([0, 0, 0, 0]);
  });

  it("carry commands out, each queue its own, whatever CR0.CMDQEN says", () => {
    const world = new Enhanced({ CR0: { CMDQEN: 0 } });
    const at = world.queue(1, 3);
    world.start(at);
    world.place(0, "CFGI_STE", { StreamID: 4 });
    world.place(1, "CFGI_STE", { StreamID: 9 });
    world.set(at + 8, prod({ WR: 2 }));
    expect([world.cons(at, "RD"), world.calls.map((c) => c[1])]).toEqual([2, [4, 9]]);
    expect(world.get(world.queue(0, 3) + 12)).toBe(0);
  });

  it("are held one by one, each for as many commands as its limit says", () => {
    const world = new Enhanced();
    const { enhanced } = world.control;
    const [held, other] = [world.queue(1, 3), world.queue(0, 0)];
    for (const at of [held, other]) world.start(at);
    for (const slot of [0, 1]) world.place(slot, "CFGI_STE", { StreamID: slot });
    const limit = enhanced.limitOf(7)!;
    limit.limit = 0;
    for (const at of [held, other]) world.set(at + 8, prod({ WR: 2 }));
    expect([world.cons(held, "RD"), world.cons(other, "RD")]).toEqual([0, 2]);
    limit.limit = 1;
    enhanced.run(7);
    expect(world.cons(held, "RD")).toBe(1);
    expect([enhanced.limitOf(7), enhanced.limitOf(8)]).toEqual([limit, null]);
  });

  it("wait for EN, and keep BASE and CONS while they are on, §3.5.6.2", () => {
    const world = new Enhanced();
    const at = world.queue(0, 0);
    world.set(at, QUEUE | LG2);
    world.set(at + 12, 5);
    world.set(at + 8, 6);
    expect([world.cons(at, "RD"), world.cons(at, "ENACK"), world.calls]).toEqual([5, 0, []]);
    world.place(5, "CFGI_STE", { StreamID: 4 });
    world.set(at + 8, prod({ WR: 6 }));
    expect([world.cons(at, "RD"), world.cons(at, "ENACK"), world.calls.length]).toEqual([6, 1, 1]);
    world.set(at, 0x7777_7777);
    world.set(at + 12, 0);
    expect([world.get(at), world.cons(at, "RD")]).toEqual([QUEUE | LG2, 6]);
    world.set(at + 8, 6);
    expect(world.cons(at, "ENACK")).toBe(0);
  });

  it("stop at an error until it is acknowledged, which says so in GERROR once, §3.5.6.3", () => {
    const world = new Enhanced();
    const at = world.queue(0, 1);
    world.start(at);
    world.place(0, "CFGI_STE", { StreamID: 4 });
    world.place(1, "SYNC", { CS: 3 });
    world.set(at + 8, prod({ WR: 2 }));
    expect([world.cons(at, "RD"), world.cons(at, "ERR"), world.cons(at, "ERR_REASON")]).toEqual([1, 1, 1]);
    expect(world.control.errors.active).toBe(GlobalError.CMDQP_ERR);
    // Neither the acknowledgement in GERRORN nor another write starts it again.
    world.acknowledge();
    world.place(1, "SYNC");
    world.set(at + 8, prod({ WR: 2 }));
    expect(world.cons(at, "RD")).toBe(1);
    world.set(at + 8, prod({ WR: 2, ERRACK: 1 }));
    expect([world.cons(at, "RD"), world.control.errors.active]).toEqual([2, 0]);
  });

  it("run besides the Command queue, whose error is not theirs", () => {
    const world = new Enhanced();
    expect(world.issue("SYNC", { CS: 3 })).toBe(1);
    const at = world.queue(0, 0);
    world.start(at);
    world.place(0, "CFGI_STE", { StreamID: 4 });
    world.set(at + 8, prod({ WR: 1 }));
    expect([world.cons(at, "RD"), world.calls.length, world.error]).toEqual([1, 1, 1]);
  });

  it("come back from a snapshot, and count in the digest", () => {
    const world = new Enhanced();
    const digest = (): string => {
      const into = new Digest();
      world.control.digest(into);
      return into.hex();
    };
    const at = world.queue(1, 0);
    world.start(at);
    const [image, before] = [world.control.snapshot(), digest()];
    world.place(0, "SYNC");
    world.set(at + 8, prod({ WR: 1 }));
    expect([world.cons(at, "RD"), digest() === before]).toEqual([1, false]);
    world.control.restore(image);
    expect([world.cons(at, "RD"), digest() === before]).toEqual([0, true]);
  });
});
