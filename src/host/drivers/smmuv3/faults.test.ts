import { describe, expect, it } from "vitest";
import { PhysicalMemory } from "../../../engine/memory/physical_memory.ts";
import { ownMemory } from "../../../machine/kernel_memory.ts";
import { SMMUV3 } from "../../../machine/smmuv3/architecture.ts";
import { FAULT_QUEUE_ALLOC, HWPT_ALLOC, HwptFlag, IOAS_ALLOC, IOAS_MAP } from "../../iommufd/ioctls.ts";
import { DRIVER_BYTES, DRIVER_PA, HostWorld, MEMORY_LAYOUT, USER_PA, USER_VA } from "../../testing/host_world.ts";
import type { HostDevice } from "../driver.ts";
import { SmmuDriver } from "./smmu_driver.ts";

const IOVA = 0x1234_5000n;
const SUCCESS = 0;
const INVALID = 1;

/** An SMMU that can stall, with PRI where asked, and a device on a HWPT with a fault queue. */
function makeWorld({ pri = false } = {}) {
  const memory = new PhysicalMemory({ ...MEMORY_LAYOUT, zero: [...MEMORY_LAYOUT.zero] });
  // As the emulated SMMU, but with both fault models.
  const idr0 = 0xd44101bn & ~(3n << 24n);
  const registers = {
    IDR0: pri ? idr0 | (1n << 16n) | (1n << 10n) : idr0,
    IDR1: 0x2730010n | (3n << 11n),
    IDR3: 0x1414n,
    IDR5: 0x74n,
    AIDR: 1n,
  };
  const description = { arch: "smmuv3", registers, memory: { outside: "abort", zero: [], segments: [] } } as const;
  const ats = { capacity: 4, pageRequests: 4, responsePasidRequired: false, answersInvalidations: true };
  const devices = pri ? [{ sid: 5, bdf: "0000:00:00.5", label: "", ats }] : [];
  const unit = SMMUV3.make({ ...description, devices }, memory);
  const config = { pageLg2: 12, coherentRootComplex: false, sva: true };
  const driver = SmmuDriver.start(config, unit, ownMemory(memory, DRIVER_PA, DRIVER_BYTES))!;
  const device: HostDevice = {
    name: "0000:00:00.5",
    group: 1,
    sid: 5,
    driver,
    maxPasidLog2: 0,
    ats: pri,
    pri: false,
    stall: !pri,
  };
  const host = new HostWorld(memory, [device]);
  const { fd, id } = host.bind(device);
  const ioas = host.must(IOAS_ALLOC, {}).out_ioas_id;
  const queue = host.must(FAULT_QUEUE_ALLOC, {});
  const options = { flags: HwptFlag.FAULT_ID_VALID, fault_id: queue.out_fault_id };
  const hwpt = host.must(HWPT_ALLOC, { ...options, dev_id: id, pt_id: ioas }).out_hwpt_id;
  expect(host.attach(fd, hwpt)).toBe(0);
  const file = host.process.file(queue.out_fault_fd)!;
  return { host, unit, driver, fd, id, ioas, file };
}

type World = ReturnType<typeof makeWorld>;

/** A write that faults: the number of its stall. */
function stalledWrite({ unit, driver }: World): number {
  const access = { sid: 5, ssid: null, iova: IOVA + 8n, privileged: false, instruction: false, length: 4 };
  const result = unit.transfer({ ...access, write: true, data: new Uint8Array(4) });
  driver.interrupt();
  if (result.ok || result.stalled === undefined) throw new Error("no stall");
  return result.stalled;
}

function takeFault({ file }: World): number[] {
  const bytes = file.read!(40, 0n);
  return typeof bytes === "string" ? [] : [...new Uint32Array(bytes.slice().buffer)];
}

const answer = ({ file }: World, cookie: number, code: number) =>
  file.write!(new Uint8Array(new Uint32Array([cookie, code]).buffer), 0n);

describe("a stalled transaction", () => {
  it("is read from the fault queue, and taken up again when the page is there", () => {
    const world = makeWorld();
    const stall = stalledWrite(world);
    const [flags, device, pasid, , permission, , low, high, , cookie] = takeFault(world);
    expect([flags, device, pasid, permission]).toEqual([2, world.id, 0, 2]);
    expect((BigInt(high!) << 32n) | BigInt(low!)).toBe(IOVA + 8n);
    expect(world.unit.stalls.resultOf(stall)).toBeNull();
    const mapping = { flags: 7, ioas_id: world.ioas, user_va: USER_VA, length: 0x1000n, iova: IOVA };
    world.host.must(IOAS_MAP, mapping);
    expect(answer(world, cookie!, SUCCESS)).toBe(8);
    expect(world.unit.stalls.resultOf(stall)).toMatchObject({ ok: true, pa: USER_PA + 8n });
  });

  it("is aborted by the answer that there is no such page", () => {
    const world = makeWorld();
    const stall = stalledWrite(world);
    expect(answer(world, takeFault(world)[9]!, INVALID)).toBe(8);
    expect(world.unit.stalls.resultOf(stall)).toMatchObject({ ok: false });
  });

  it("ends when the device leaves the HWPT, whether somebody read of it or not", () => {
    for (const read of [false, true]) {
      const world = makeWorld();
      const stall = stalledWrite(world);
      if (read) takeFault(world);
      expect(world.host.detach(world.fd)).toBe(0);
      expect(world.unit.stalls.resultOf(stall)).toMatchObject({ ok: false });
      expect(takeFault(world)).toEqual([]);
    }
  });
});

describe("a page request", () => {
  it("of a device behind an SMMU is refused: the driver serves none", () => {
    const { unit, driver } = makeWorld({ pri: true });
    const message = { sid: 5, ssid: null, address: IOVA, prgIndex: 3, read: true, write: true, last: true };
    const asked = unit.pcie.pageRequest({ ...message, execute: false, privileged: false });
    expect(asked).toMatchObject({ queued: true });
    const index = (name: string): bigint => {
      const { offset, width } = unit.register(name)!;
      return unit.read(offset, width);
    };
    expect([index("SMMU_PRIQ_PROD"), index("SMMU_PRIQ_CONS")]).toEqual([1n, 0n]);
    driver.interrupt();
    expect(index("SMMU_PRIQ_CONS")).toBe(1n);
    expect(index("SMMU_GERROR")).toBe(index("SMMU_GERRORN"));
  });
});
