import { describe, expect, it } from "vitest";
import { CD } from "../../arch/smmuv3/cd.ts";
import { commandByName } from "../../arch/smmuv3/commands.ts";
import { eventByNumber } from "../../arch/smmuv3/events.ts";
import { R } from "../../arch/smmuv3/reasons.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import type { FieldAccess } from "../../base/layout.ts";
import { xorshift32 } from "../../base/rng.ts";
import { type CacheName, type CacheOptions, EVERY_CACHE } from "../../engine/smmuv3/caches/options.ts";
import { presetById, presetRegisters } from "../../engine/smmuv3/presets.ts";
import { encode, type Fields, NESTED_STE, PLAIN_CD } from "../../engine/smmuv3/testing/world.ts";
import type { CacheSize } from "../../protocol/machine.ts";
import { Machine } from "../machine.ts";
import type { Transfer } from "../unit.ts";
import { SMMUV3 } from "./architecture.ts";
import type { SmmuUnit } from "./smmu_unit.ts";

const STRTAB = 0x1000_0000;
const CMDQ = 0x1100_0000;
const EVENTQ = 0x1200_0000;
const ROOT = 0x1300_0000;
const CONTEXT = 0x1400_0000;
const SID = 3;
const BLOCK = 2 ** 30;

/** A 1 GiB block of stage 1, readable and writable; bit 10 is the Access flag. */
const OPEN_BLOCK = 0x441;

/** A machine with stalls: stream 3 has one table of 1 GiB blocks, and its stage-1 faults stall. */
class Stage extends Machine<SmmuUnit> {
  constructor(options: { cd?: Fields; eventqLg2?: number; stallMax?: number; caches?: CacheOptions } = {}) {
    const registers = presetRegisters(presetById("neoverse")!);
    const idr5 = (registers.IDR5! & 0xffff) | ((options.stallMax ?? 64) << 16);
    super(
      {
        arch: "smmuv3",
        registers: {
          ...Object.fromEntries(Object.entries({ ...registers, IDR5: idr5 >>> 0 }).map(([n, v]) => [n, BigInt(v)])),
          STRTAB_BASE: BigInt(STRTAB),
          STRTAB_BASE_CFG: 4n,
          CMDQ_BASE: BigInt(CMDQ + 6),
          EVENTQ_BASE: BigInt(EVENTQ + (options.eventqLg2 ?? 4)),
          CR0: 0b1101n,
          CR0ACK: 0b1101n,
        },
        memory: { outside: "abort", zero: [[0n, 2n ** 32n]], segments: [] },
        devices: [],
        ...(options.caches && { caches: options.caches as Readonly<Record<CacheName, CacheSize>> }),
      },
      SMMUV3.make,
    );
    const ste = { ...NESTED_STE, Config: 5, S1ContextPtr: CONTEXT };
    const cd = { ...PLAIN_CD, T0SZ: 25, TTB0: ROOT, S: 1, ...options.cd };
    this.put(STRTAB + (SID * STE.bits) / 8, new Uint8Array(encode(STE, ste).buffer));
    this.put(CONTEXT, new Uint8Array(encode(CD, cd).buffer));
  }

  put(at: number, bytes: Uint8Array): void {
    if (!this.writeMemory(BigInt(at), bytes)) throw new Error(`no memory at 0x${at.toString(16)}`);
  }

  /** Map the block at `index` GiB to the first GiB of memory. */
  map(index: number): void {
    this.put(ROOT + 8 * index, new Uint8Array(Uint32Array.of(OPEN_BLOCK, 0).buffer));
  }

  command(name: string, fields: Fields = {}): void {
    const { layout, opcode } = commandByName(name)!;
    const index = Number(this.registerValue("CMDQ_PROD"));
    this.put(CMDQ + 16 * (index % 64), new Uint8Array(encode(layout, { Opcode: opcode, ...fields }).buffer));
    this.unit.write(0x98, BigInt((index + 1) % 128), 4);
  }

  resume(stall: number, fields: Fields): void {
    this.command("RESUME", { StreamID: SID, STAG: this.unit.stalls.tagOf(stall)!, ...fields });
  }

  /** The fields of the event records since the last call. */
  posted(): Record<string, number>[] {
    return this.unit.takeRecords().map((bytes) => {
      const words = new Uint32Array(bytes.buffer);
      const { layout } = eventByNumber(words[0]! & 0xff)!;
      const access = layout.f as Readonly<Record<string, FieldAccess>>;
      return Object.fromEntries(layout.fields.map((f) => [f.name, access[f.name]!.get(words, 0)]));
    });
  }
}

const dma = (iova: number, more: Partial<Transfer> = {}): Transfer => ({
  sid: SID,
  ssid: null,
  iova: BigInt(iova),
  length: 4,
  write: false,
  privileged: false,
  instruction: false,
  ...more,
});

describe("stalled transactions, IHI 0070 §3.12.2", () => {
  it("are recorded with their tag, and wait", () => {
    const stage = new Stage();
    expect(stage.unit.transfer(dma(5))).toEqual({ ok: false, razwi: false, stalled: 0 });
    expect(stage.unit.transfer(dma(BLOCK + 5, { write: true }))).toMatchObject({ stalled: 1 });
    const [first, second] = stage.posted();
    expect(first).toMatchObject({
      EventNumber: 0x10,
      StreamID: SID,
      Stall: 1,
      RnW: 1,
      STAG: stage.unit.stalls.tagOf(0),
    });
    expect(second).toMatchObject({ Stall: 1, RnW: 0, STAG: stage.unit.stalls.tagOf(1) });
    expect([stage.unit.stalls.resultOf(0), stage.unit.stalls.resultOf(1)]).toEqual([null, null]);
    expect(first!.STAG).not.toBe(second!.STAG);
  });

  it("are recorded whatever CD.R says, and answered as CMD_RESUME says, not CD.A, §5.5", () => {
    for (const [Ab, razwi] of [
      [0, true],
      [1, false],
    ] as const) {
      const stage = new Stage({ cd: { R: 0, A: 0 } });
      stage.unit.transfer(dma(5));
      expect(stage.posted().length).toBe(1);
      stage.resume(0, { Ac: 0, Ab });
      expect([stage.unit.stalls.resultOf(0), stage.unit.stalls.tagOf(0)]).toEqual([{ ok: false, razwi }, null]);
    }
  });

  it("go on where they stopped when they are retried: bytes and pages before stay as they were", () => {
    const stage = new Stage();
    stage.map(0);
    const data = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
    expect(stage.unit.transfer(dma(BLOCK - 8, { length: 16, write: true, data }))).toMatchObject({ stalled: 0 });
    expect(stage.readMemory(BigInt(BLOCK - 8), 8)).toEqual(data.subarray(0, 8));
    stage.put(BLOCK - 8, new Uint8Array(8));
    stage.map(1);
    stage.resume(0, { Ac: 1 });
    expect(stage.unit.stalls.resultOf(0)).toEqual({ ok: true, pa: BigInt(BLOCK - 8) });
    expect(stage.readMemory(BigInt(BLOCK - 8), 8)).toEqual(new Uint8Array(8));
    expect(stage.readMemory(0n, 8)).toEqual(data.subarray(8));
  });

  it("bring the data of a read that is retried", () => {
    const stage = new Stage();
    stage.put(8, Uint8Array.of(9, 8, 7, 6));
    stage.unit.transfer(dma(8));
    stage.map(0);
    stage.resume(0, { Ac: 1 });
    expect(stage.unit.stalls.resultOf(0)).toEqual({ ok: true, pa: 8n, data: Uint8Array.of(9, 8, 7, 6) });
  });

  it("may stall again, under a new number and a new record", () => {
    const stage = new Stage();
    stage.unit.transfer(dma(8));
    stage.resume(0, { Ac: 1 });
    expect([stage.unit.stalls.resultOf(0), stage.posted().length]).toEqual([
      { ok: false, razwi: false, stalled: 1 },
      2,
    ]);
    expect(stage.unit.stalls.tagOf(1)).not.toBeNull();
  });

  it("are not touched by a command with another stream or tag, §4.7.1", () => {
    const stage = new Stage();
    stage.unit.transfer(dma(8));
    const STAG = stage.unit.stalls.tagOf(0)!;
    stage.command("RESUME", { StreamID: SID + 1, STAG });
    stage.command("RESUME", { StreamID: SID, STAG: STAG + 1 });
    expect([stage.unit.stalls.resultOf(0), stage.unit.stalls.tagOf(0)]).toEqual([null, STAG]);
  });

  it("end with CMD_STALL_TERM and with SMMUEN", () => {
    for (const end of [
      (s: Stage) => s.command("STALL_TERM", { StreamID: SID }),
      (s: Stage) => s.unit.write(0x20, 0n, 4),
    ]) {
      const stage = new Stage();
      stage.unit.transfer(dma(8));
      stage.unit.transfer(dma(16));
      end(stage);
      expect([0, 1].map((n) => stage.unit.stalls.resultOf(n))).toEqual([0, 1].map(() => ({ ok: false, razwi: false })));
    }
  });
});

describe("stalls that find no room for their record, IHI 0070 §7.2.1", () => {
  const consume = (stage: Stage, to: number): void => stage.unit.write(0x100ac, BigInt(to), 4);

  it("wait without an overflow, and are looked at anew once there is room", () => {
    const stage = new Stage({ eventqLg2: 0 });
    expect([0, 1, 2].map((i) => stage.unit.transfer(dma(8 + BLOCK * i)))).toMatchObject(
      [0, 1, 2].map((stalled) => ({ stalled })),
    );
    expect([stage.posted().length, stage.registerValue("EVENTQ_PROD")]).toEqual([1, 1n]);
    expect([stage.unit.stalls.tagOf(1), stage.unit.stalls.tagOf(2)]).toEqual([null, null]);
    // The second has become good in the meantime: no record is written for it, and the third gets the room.
    stage.map(1);
    consume(stage, 1);
    expect([stage.unit.stalls.resultOf(1), stage.unit.stalls.resultOf(2)]).toEqual([
      { ok: true, pa: 8n, data: new Uint8Array(4) },
      null,
    ]);
    expect(stage.posted()).toMatchObject([{ EventNumber: 0x10, STAG: stage.unit.stalls.tagOf(2) }]);
  });

  it("wait for a free tag, too, §6.3.6 STALL_MAX", () => {
    const stage = new Stage({ stallMax: 1 });
    stage.unit.transfer(dma(8));
    stage.unit.transfer(dma(16));
    expect([stage.posted().length, stage.unit.stalls.tagOf(1)]).toEqual([1, null]);
    stage.resume(0, { Ac: 0, Ab: 1 });
    expect([stage.posted().length, stage.unit.stalls.tagOf(1) !== null]).toEqual([1, true]);
  });

  it("end with their stream as the others do", () => {
    const stage = new Stage({ eventqLg2: 0 });
    stage.unit.transfer(dma(8));
    stage.unit.transfer(dma(16));
    stage.command("STALL_TERM", { StreamID: SID });
    expect(stage.unit.stalls.resultOf(1)).toEqual({ ok: false, razwi: false });
    consume(stage, 1);
    expect(stage.posted().length).toBe(1);
  });

  it("wait while the Event queue is off", () => {
    const stage = new Stage();
    stage.unit.write(0x20, 0b1001n, 4);
    stage.unit.transfer(dma(8));
    expect(stage.posted()).toEqual([]);
    stage.unit.write(0x20, 0b1101n, 4);
    expect(stage.posted()).toMatchObject([{ STAG: stage.unit.stalls.tagOf(0) }]);
  });
});

describe("a machine with stalled transactions", () => {
  it("comes back from an image, and goes the same way again", () => {
    const stage = new Stage();
    stage.unit.transfer(dma(8));
    const image = stage.snapshot();
    const before = stage.digest();
    const finish = (): unknown[] => {
      stage.map(0);
      stage.resume(0, { Ac: 1 });
      stage.unit.transfer(dma(BLOCK));
      return [stage.unit.stalls.resultOf(0), stage.unit.stalls.tagOf(1), stage.digest()];
    };
    const once = finish();
    stage.restore(image);
    expect([stage.unit.stalls.resultOf(0), stage.digest()]).toEqual([null, before]);
    expect(finish()).toEqual(once);
    expect(once[0]).toMatchObject({ ok: true });
  });

  it("has another digest than one without", () => {
    const [a, b] = [new Stage(), new Stage()];
    a.unit.transfer(dma(8));
    b.unit.transfer(dma(8));
    expect(a.digest()).toBe(b.digest());
    a.unit.write(0x98, 0n, 4);
    a.unit.transfer(dma(16));
    expect(a.digest()).not.toBe(b.digest());
  });
});

it.each([1, 2, 3, 128383])("every stall has one answer in the end, whatever happens on the way, seed %i", (seed) => {
  const next = xorshift32(seed);
  const stage = new Stage({ eventqLg2: 1, stallMax: 3 });
  const open = new Set<number>();
  const mapped = new Uint8Array(4);
  for (let i = 0; i < 600; i++) {
    const index = next() % 4;
    switch (next() % 6) {
      case 0:
      case 1: {
        const result = stage.unit.transfer(
          dma(BLOCK * index + (next() % 4096), { write: next() % 2 === 0, length: 1 + (next() % 64) }),
        );
        if (!result.ok && result.stalled !== undefined) open.add(result.stalled);
        else expect([mapped[index], result.ok]).toEqual([1, true]);
        break;
      }
      case 2: {
        const [first] = open;
        if (first === undefined || stage.unit.stalls.tagOf(first) === null) break;
        stage.resume(first, { Ac: next() % 2, Ab: next() % 2 });
        break;
      }
      case 3:
        stage.unit.write(0x100ac, stage.registerValue("EVENTQ_PROD") & 3n, 4);
        break;
      case 4:
        mapped[index] = next() % 2;
        stage.put(ROOT + 8 * index, new Uint8Array(Uint32Array.of(mapped[index] === 1 ? OPEN_BLOCK : 0, 0).buffer));
        break;
      case 5:
        stage.unit.write(0x20, next() % 8 === 0 ? 0b1001n : 0b1101n, 4);
        break;
    }
    for (const stall of open) {
      const result = stage.unit.stalls.resultOf(stall);
      if (result === null) continue;
      open.delete(stall);
      if (!result.ok && result.stalled !== undefined) open.add(result.stalled);
    }
  }
  stage.command("STALL_TERM", { StreamID: SID });
  expect([...open].map((stall) => stage.unit.stalls.resultOf(stall))).toEqual(
    [...open].map(() => ({ ok: false, razwi: false })),
  );
});

describe("events that are asked for, IHI 0070 §7.3", () => {
  it.each([
    ["F_TLB_CONFLICT", 0x20],
    ["F_CFG_CONFLICT", 0x21],
    ["F_UUT", 0x01],
  ] as const)("%s ends a transaction that would have passed", (meets, number) => {
    const stage = new Stage();
    stage.map(0);
    expect(stage.unit.transfer(dma(8, { privileged: true, instruction: true, meets }))).toEqual({
      ok: false,
      razwi: false,
    });
    const [event] = stage.posted();
    expect(event).toMatchObject({ EventNumber: number, StreamID: SID });
    if (meets !== "F_CFG_CONFLICT") expect(event).toMatchObject({ PnU: 1, InD: 1, RnW: 1, InputAddr: 8 });
    expect(stage.unit.transfer(dma(8))).toMatchObject({ ok: true });
  });

  it("are none, but for F_UUT, where nothing is looked up", () => {
    const stage = new Stage();
    stage.unit.write(0x20, 0b1100n, 4);
    expect(stage.unit.transfer(dma(8, { meets: "F_TLB_CONFLICT" }))).toMatchObject({ ok: true });
    expect(stage.unit.transfer(dma(8, { meets: "F_UUT" }))).toMatchObject({ ok: false });
    expect(stage.posted()).toMatchObject([{ EventNumber: 1 }]);
  });
});

describe("Service Failure Mode, IHI 0070 §12.3", () => {
  const SFM_ERR = 1n << 8n;
  const aborted = { ok: false, razwi: false };
  /** A machine whose page 0 passes, whose page at 1 GiB stalls, and in which a transaction then meets the failure. */
  function failed(caches?: CacheOptions): Stage {
    const stage = new Stage(caches === undefined ? {} : { caches });
    stage.map(0);
    expect(stage.unit.transfer(dma(8))).toMatchObject({ ok: true });
    expect(stage.unit.transfer(dma(8))).toMatchObject({ ok: true });
    expect(stage.unit.transfer(dma(BLOCK))).toMatchObject({ stalled: 0 });
    stage.posted();
    expect(stage.unit.transfer(dma(8, { meets: "SFM_ERR" }))).toEqual(aborted);
    return stage;
  }

  it.each([
    ["without caches", undefined],
    ["with caches", EVERY_CACHE],
  ])("lets nothing through and records nothing, %s", (_name, caches) => {
    const stage = failed(caches);
    expect(stage.registerValue("GERROR")).toBe(SFM_ERR);
    expect(stage.unit.transfer(dma(8))).toEqual(aborted);
    expect(stage.unit.transfer(dma(2 * BLOCK))).toEqual(aborted);
    expect(stage.unit.stalls.resultOf(0)).toEqual(aborted);
    const message = { ...dma(8), at: 8n };
    expect(stage.unit.pcie.translated(message)).toEqual(aborted);
    expect(stage.unit.pcie.request(message)).toMatchObject({ status: "CA" });
    expect(
      stage.unit.pcie.pageRequest({ ...message, address: 8n, prgIndex: 1, read: true, execute: false, last: true }),
    ).toMatchObject({ queued: false, response: { code: 15 } });
    stage.unit.write(0x20, 0b1100n, 4);
    expect(stage.unit.transfer(dma(8))).toEqual(aborted);
    expect(stage.posted()).toEqual([]);
  });

  it("consumes no commands, outlives its acknowledgement, and is left by going back", () => {
    const stage = new Stage({ caches: EVERY_CACHE });
    stage.map(0);
    const before = stage.snapshot();
    const digest = stage.digest();
    stage.unit.transfer(dma(8, { meets: "SFM_ERR" }));
    stage.command("TLBI_NSNH_ALL");
    expect(stage.registerValue("CMDQ_CONS")).toBe(0n);
    stage.unit.write(0x64, SFM_ERR, 4);
    expect(stage.unit.transfer(dma(8, { meets: "SFM_ERR" }))).toEqual(aborted);
    expect(stage.registerValue("GERROR")).toBe(SFM_ERR);
    stage.restore(before);
    expect(stage.digest()).toBe(digest);
    expect(stage.unit.transfer(dma(8))).toMatchObject({ ok: true });
  });

  it("is what an inspected walk says", () => {
    const { inspect } = failed().unit;
    const walk = inspect.walk({ ...dma(8), sid: SID, ssid: null }, 0);
    expect(walk.outcome).toMatchObject({ type: "abort", reason: R.SERVICE_FAILURE });
    expect(walk.checks.find(({ state }) => state === "failed")).toMatchObject({ section: "IHI 0070 §12.3" });
  });
});
