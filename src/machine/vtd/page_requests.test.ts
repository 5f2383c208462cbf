import { describe, expect, it } from "vitest";
import { join } from "../../base/halves.ts";
import { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import { presetById, presetIdentity } from "../../engine/vtd/presets.ts";
import type { Access } from "../../protocol/machine.ts";
import { VTD } from "./architecture.ts";
import type { VtdUnit } from "./vtd_unit.ts";

const ROOT = 0x1000;
const CONTEXT = 0x2000;
const DIRECTORY = 0x3000;
const PASIDS = 0x4000;
const TABLES = 0x5000;
const LEAF = TABLES + 0x3000;
const QUEUE = 0x10000;
const PAGE_QUEUE = 0x11000;
const STATUS = 0x12000;
const MESSAGES = 0x13000;
const SID = 0x18;
const PASID = 5;
const ACCESS: Access = { sid: SID, ssid: PASID, iova: 0x10n, write: true, privileged: false, instruction: false };

/** A unit whose device asks for pages: its PASID has a second stage of which page 0 is not mapped. */
class World {
  readonly memory = new PhysicalMemory({ outside: "abort", zero: [[0, 0x10_0000]], segments: [] });
  readonly unit: VtdUnit;
  #tail = 0;

  constructor(answersInvalidations = true) {
    this.put(ROOT, CONTEXT | 1);
    this.put(CONTEXT + SID * 32, DIRECTORY | 0b1_1101);
    this.put(DIRECTORY, PASIDS | 1);
    this.put(PASIDS + PASID * 64, TABLES | (2 << 6) | (2 << 2) | 1);
    this.put(PASIDS + PASID * 64 + 8, 7);
    for (let level = 0; level < 3; level++) this.put(TABLES + 0x1000 * level, (TABLES + 0x1000 * (level + 1)) | 3);
    const { ver, cap, ecap } = presetIdentity(presetById("sapphire-rapids")!);
    const ats = { capacity: 8, pageRequests: 4, responsePasidRequired: true, answersInvalidations };
    const description = {
      arch: "vtd",
      registers: { VER: BigInt(ver), CAP: join(cap.hi, cap.lo), ECAP: join(ecap.hi, ecap.lo) },
      memory: { outside: "abort", zero: [], segments: [] },
      devices: [{ sid: SID, bdf: "0000:00:03.0", label: "accelerator", ats }],
    } as const;
    this.unit = VTD.make(description, this.memory);
    this.write("RTADDR", BigInt(ROOT) | 0x400n);
    this.write("IQA", BigInt(QUEUE) | 0x800n);
    this.write("PQA", BigInt(PAGE_QUEUE));
    this.write("PEDATA", 0x33n);
    this.write("PEADDR", BigInt(MESSAGES));
    this.write("PECTL", 0n);
    for (const command of [0x4000_0000n, 0x400_0000n, 0x8400_0000n]) this.write("GCMD", command);
  }

  put(at: number, lo: number, hi = 0): void {
    this.memory.write64(0, at, hi, lo);
  }

  word(at: number): number {
    this.memory.read64(0, at);
    return this.memory.lo >>> 0;
  }

  read(name: string): bigint {
    const { offset, width } = this.unit.register(name)!;
    return this.unit.read(offset, width);
  }

  write(name: string, value: bigint): void {
    const { offset, width } = this.unit.register(name)!;
    this.unit.write(offset, value, width);
  }

  /** Submit a descriptor of two quadwords, each high and low half. */
  submit(hi: number, lo: number, hi2 = 0, lo2 = 0): void {
    this.put(QUEUE + this.#tail, lo, hi);
    this.put(QUEUE + this.#tail + 8, lo2, hi2);
    this.#tail += 32;
    this.write("IQT", BigInt(this.#tail));
  }

  access(): string {
    const result = this.unit.pcie.access({ ...ACCESS, length: 4, data: Uint8Array.of(1, 2, 3, 4) });
    return result!.ok ? `to ${result!.pa!.toString(16)}` : result!.turn.kind;
  }
}

describe("page requests of a device behind a VT-d unit, VT-d §7.4 to §7.7", () => {
  it("ask for a page, and go on once software has mapped it and answered", () => {
    const w = new World();
    expect(w.access()).toBe("waiting");
    expect(w.read("PRS")).toBe(1n);
    expect(w.read("PQT")).toBe(32n);
    expect(w.word(MESSAGES)).toBe(0x33);
    expect(w.word(PAGE_QUEUE)).toBe(0x0018_0101);
    expect(w.unit.takeRecords()).toEqual([]);
    w.put(LEAF, 0x9003);
    w.submit(PASID, 0x9 | 0x10 | (SID << 16), 0, 0x4);
    expect(w.unit.pcie.takeResponses()).toMatchObject([{ sid: SID, ssid: PASID, prgIndex: 0, code: 0 }]);
    expect(w.access()).toBe("to 9010");
  });

  it("keep a translation until the device is told, and answer a wait after that", () => {
    const w = new World();
    w.put(LEAF, 0x9003);
    w.access();
    w.put(LEAF, 0xa003);
    expect(w.access()).toBe("to 9010");
    w.submit(PASID, 0x8 | (SID << 16), 0, 0x0);
    w.submit(0x77, 0x25, 0, STATUS);
    expect(w.word(STATUS)).toBe(0x77);
    expect(w.access()).toBe("to a010");
  });

  it("stop the queue at a wait for a device that does not answer (ITE)", () => {
    const w = new World(false);
    w.put(LEAF, 0x9003);
    w.access();
    w.submit(PASID, 0x8 | (SID << 16), 0, 0x0);
    w.submit(0x77, 0x25, 0, STATUS);
    expect(w.word(STATUS)).toBe(0);
    expect(w.read("FSTS")).toBe(0x40n);
    expect(w.read("IQERCD")).toBe(BigInt(SID) << 32n);
  });
});
