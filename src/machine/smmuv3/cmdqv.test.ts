import { describe, expect, it } from "vitest";
import { CD } from "../../arch/smmuv3/cd.ts";
import { commandByName } from "../../arch/smmuv3/commands.ts";
import { registerByName } from "../../arch/smmuv3/registers.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import { GRACE } from "../../engine/smmuv3/cmdqv/cmdqv.ts";
import { encode, type Fields, PLAIN_CD } from "../../engine/smmuv3/testing/world.ts";
import { Machine } from "../machine.ts";
import { SMMUV3 } from "./architecture.ts";
import type { SmmuUnit } from "./smmu_unit.ts";

const RAM = 0x4000_0000;
const CONTEXT = RAM + 0x1_0000;
const COMMANDS = RAM + 0x2_0000;
const GUEST_COMMANDS = RAM + 0x3_0000;
const ROOT = RAM + 0x10_0000;
const SID = 3;
const VIRTUAL_SID = 0x28;

const REGISTERS: Readonly<Record<string, Fields>> = {
  IDR0: { S1P: 1, TTF: 2, ATS: 1, ASID16: 1 },
  IDR1: { SIDSIZE: 8, CMDQS: 8 },
  IDR5: { OAS: 5, GRAN4K: 1 },
  AIDR: { ArchMinorRev: 2 },
  CR0: { SMMUEN: 1, CMDQEN: 1 },
  STRTAB_BASE: { ADDR: RAM },
  STRTAB_BASE_CFG: { LOG2SIZE: 8 },
  CMDQ_BASE: { LOG2SIZE: 8, ADDR: COMMANDS },
};

const VINTF = 0x1100;
const QUEUE = 0x1_0080;
const LOGICAL = 0x5_0000;

/** A host that has given VINTF 1 with VCMDQ 1 to a guest, whose device answers invalidations or does not. */
class Rig {
  readonly machine: Machine<SmmuUnit>;
  #host = 0;
  #guest = 0;

  constructor(answersInvalidations = true) {
    const registers = Object.entries(REGISTERS).map(([name, fields]) => {
      const [lo, hi] = encode(registerByName(name)!.layout, fields);
      return [name, (BigInt(hi ?? 0) << 32n) | BigInt(lo!)] as const;
    });
    this.machine = new Machine(
      {
        arch: "smmuv3",
        registers: Object.fromEntries(registers),
        memory: { outside: "abort", zero: [[BigInt(RAM), 0x800_0000n]], segments: [] },
        devices: [],
        cmdqv: GRACE,
      },
      SMMUV3.make,
    );
    this.put(CONTEXT, CD, { ...PLAIN_CD, T0SZ: 25, TTB0: ROOT });
    this.put(RAM + 64 * SID, STE, { V: 1, Config: 5, S1ContextPtr: CONTEXT, EATS: 1 });
    // One block of 1 GiB at the root.
    this.machine.writeMemory(BigInt(ROOT), Uint8Array.of(0x41, 0x04, 0, 0x40, 0, 0, 0, 0));
    const options = { sid: SID, capacity: 4, pageRequests: 0, responsePasidRequired: false, answersInvalidations };
    this.machine.unit.pcie.add(options);
    const { machine } = this;
    machine.unit.blocks.cmdqv!.write(VINTF, (7n << 1n) | 1n, 4);
    machine.unit.blocks.cmdqv!.write(0x204, 1n | (1n << 15n), 4);
    machine.unit.blocks.cmdqv!.write(VINTF + 0x80, BigInt(SID), 4);
    machine.unit.blocks.cmdqv!.write(VINTF + 0x40, BigInt(VIRTUAL_SID << 1) | 1n, 4);
    this.enable();
  }

  /** The guest's queue: set up by the host through page 1, enabled by the guest through its page 0. */
  enable(): void {
    this.machine.unit.blocks.cmdqv!.write(LOGICAL + 8, 0n, 4);
    this.machine.unit.blocks.cmdqv!.write(LOGICAL + 4, 0n, 4);
    this.machine.unit.blocks.cmdqv!.write(LOGICAL, 0n, 4);
    this.machine.unit.blocks.cmdqv!.write(QUEUE + 0x1_0000, BigInt(GUEST_COMMANDS | 6), 8);
    this.machine.unit.blocks.cmdqv!.write(LOGICAL + 8, 1n, 4);
    this.#guest = 0;
  }

  put(at: number, layout: Parameters<typeof encode>[0], fields: Fields): void {
    this.machine.writeMemory(BigInt(at), new Uint8Array(encode(layout, fields).buffer));
  }

  host(name: string, fields: Fields = {}): bigint {
    const { layout, opcode } = commandByName(name)!;
    this.put(COMMANDS + 16 * this.#host++, layout, { Opcode: opcode, ...fields });
    this.machine.unit.write(0x98, BigInt(this.#host), 4);
    return this.machine.registerValue("CMDQ_CONS");
  }

  guest(name: string, fields: Fields = {}): bigint {
    const { layout, opcode } = commandByName(name)!;
    this.put(GUEST_COMMANDS + 16 * this.#guest++, layout, { Opcode: opcode, ...fields });
    this.machine.unit.blocks.cmdqv!.write(LOGICAL + 4, BigInt(this.#guest), 4);
    return this.machine.unit.blocks.cmdqv!.read(LOGICAL, 4);
  }

  /** Whether the device's next access needs to ask for a translation. */
  get hits(): boolean {
    const plain = { sid: SID, ssid: null, iova: 0x123n, write: false, privileged: false, instruction: false };
    const result = this.machine.unit.pcie.access({ ...plain, length: 4 })!;
    if (!result.ok) throw new Error("the device was not granted its access");
    return result.turn.kind === "translated" && result.turn.hit;
  }
}

describe("a guest with a queue of its own", () => {
  it("invalidates the cache of its own device, and of no other", () => {
    const rig = new Rig();
    expect([rig.hits, rig.hits]).toEqual([false, true]);
    expect(rig.guest("CMD_ATC_INV", { StreamID: VIRTUAL_SID, Size: 52 })).toBe(1n);
    expect(rig.guest("CMD_SYNC")).toBe(2n);
    expect(rig.hits).toBe(false);
    expect(rig.guest("CMD_ATC_INV", { StreamID: SID, Size: 52 })).toBe(0x0400_0002n);
    expect(rig.hits).toBe(true);
    expect(rig.machine.registerValue("GERROR")).toBe(0n);
  });

  it("has the timeout of its invalidation reported in its own queue", () => {
    const rig = new Rig(false);
    rig.guest("CMD_ATC_INV", { StreamID: VIRTUAL_SID, Size: 52 });
    expect(rig.guest("CMD_SYNC")).toBe(0x0300_0001n);
    expect(rig.machine.unit.blocks.cmdqv!.read(LOGICAL + 0x10, 4)).toBe(1n);
    expect(rig.host("CMD_SYNC")).toBe(1n);
  });

  it("leaves no timeout to the next guest, if the host flushes it with a CMD_SYNC of its own queue", () => {
    const rig = new Rig(false);
    rig.guest("CMD_ATC_INV", { StreamID: VIRTUAL_SID, Size: 52 });
    rig.machine.unit.blocks.cmdqv!.write(LOGICAL + 8, 0n, 4);
    expect(rig.host("CMD_SYNC")).toBe(0x0300_0000n);
    rig.enable();
    expect(rig.guest("CMD_SYNC")).toBe(1n);
  });

  it("counts in the digest and comes back with an image", () => {
    const rig = new Rig();
    const [image, digest] = [rig.machine.snapshot(), rig.machine.digest()];
    rig.guest("CMD_SYNC");
    expect(rig.machine.digest()).not.toBe(digest);
    rig.machine.restore(image);
    expect(rig.machine.unit.blocks.cmdqv!.read(LOGICAL, 4)).toBe(0n);
  });
});

it("a machine without the extension has none of its registers", () => {
  const machine = new Machine(
    {
      arch: "smmuv3",
      registers: {},
      memory: { outside: "abort", zero: [], segments: [] },
      devices: [],
    },
    SMMUV3.make,
  );
  expect(machine.unit.blocks.cmdqv).toBeUndefined();
});
