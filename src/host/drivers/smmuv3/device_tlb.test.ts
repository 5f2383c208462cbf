import { describe, expect, it } from "vitest";
import { STE } from "../../../arch/smmuv3/ste.ts";
import { encodeFields } from "../../../base/encode.ts";
import { PhysicalMemory } from "../../../engine/memory/physical_memory.ts";
import { ownMemory } from "../../../machine/kernel_memory.ts";
import { SMMUV3 } from "../../../machine/smmuv3/architecture.ts";
import {
  HWPT_ALLOC,
  HwptDataType,
  HwptFlag,
  IOAS_ALLOC,
  IOAS_MAP,
  IOAS_UNMAP,
  VDEVICE_ALLOC,
  VIOMMU_ALLOC,
} from "../../iommufd/ioctls.ts";
import { DRIVER_BYTES, DRIVER_PA, HostWorld, MEMORY_LAYOUT, USER_PA, USER_VA } from "../../testing/host_world.ts";
import type { HostDevice } from "../driver.ts";
import { SmmuDriver } from "./smmu_driver.ts";

const SID = 5;
const IOVA = 0x1234_5000n;
/** A guest's memory, as it addresses it: a context, three tables above the last, and data. */
const GUEST = 0x4000_0000n;
const GUEST_BYTES = 0x10_0000n;

/** A host whose device has a TLB of its own. */
function makeWorld() {
  const memory = new PhysicalMemory({ ...MEMORY_LAYOUT, zero: [...MEMORY_LAYOUT.zero] });
  // Both stages, ATS, and no stalls.
  const registers = { IDR0: 0xd44101bn | (1n << 10n), IDR1: 0x2730010n, IDR3: 0x1414n, IDR5: 0x74n, AIDR: 1n };
  const ats = { capacity: 16, pageRequests: 0, responsePasidRequired: false, answersInvalidations: true };
  const devices = [{ sid: SID, bdf: "0000:00:00.5", label: "", ats }];
  const nothing = { outside: "abort", zero: [], segments: [] } as const;
  const unit = SMMUV3.make({ arch: "smmuv3", registers, memory: nothing, devices }, memory);
  const config = { pageLg2: 12, coherentRootComplex: true, sva: false };
  const driver = SmmuDriver.start(config, unit, ownMemory(memory, DRIVER_PA, DRIVER_BYTES))!;
  const device: HostDevice = {
    name: "0000:00:00.5",
    group: 1,
    sid: SID,
    driver,
    maxPasidLog2: 0,
    ats: true,
    pri: false,
  };
  const host = new HostWorld(memory, [device]);
  const { fd, id } = host.bind(device);
  const ioas = host.must(IOAS_ALLOC, {}).out_ioas_id;
  /** How an access goes out: with a translation that the device had, or that it asked for, or not at all. */
  const access = (iova: bigint): string => {
    const part = { sid: SID, ssid: null, iova, write: true, privileged: false, instruction: false, length: 4 };
    const result = unit.pcie.access(part);
    if (result?.ok !== true || result.turn.kind !== "translated") return "refused";
    return `${result.turn.hit ? "had" : "asked"} 0x${result.pa!.toString(16)}`;
  };
  const map = (iova: bigint, length: bigint): void => {
    host.must(IOAS_MAP, { flags: 7, ioas_id: ioas, user_va: USER_VA, length, iova });
  };
  return { host, fd, id, ioas, access, map };
}

describe("The device TLB behind a host's SMMUv3 driver (IHI 0070 §3.9)", () => {
  it.each([
    ["stage 1", 0],
    ["stage 2", HwptFlag.NEST_PARENT],
  ])("forgets what is unmapped, and keeps the rest: %s", (_name, flags) => {
    const { host, fd, id, ioas, access, map } = makeWorld();
    const hwpt = host.must(HWPT_ALLOC, { flags, dev_id: id, pt_id: ioas }).out_hwpt_id;
    expect(host.attach(fd, hwpt)).toBe(0);
    map(IOVA, 0x1000n);
    map(IOVA + 0x10_0000n, 0x1000n);
    for (const how of ["asked", "had"]) {
      expect([access(IOVA), access(IOVA + 0x10_0000n)]).toEqual([`${how} 0x80000000`, `${how} 0x80000000`]);
    }
    host.must(IOAS_UNMAP, { ioas_id: ioas, iova: IOVA, length: 0x1000n });
    expect([access(IOVA), access(IOVA + 0x10_0000n)]).toEqual(["refused", "had 0x80000000"]);
  });

  it("forgets everything when the device is moved or blocked", () => {
    const { host, fd, id, ioas, access, map } = makeWorld();
    map(IOVA, 0x1000n);
    const hwpts = [0, HwptFlag.NEST_PARENT].map(
      (flags) => host.must(HWPT_ALLOC, { flags, dev_id: id, pt_id: ioas }).out_hwpt_id,
    );
    for (const hwpt of hwpts) {
      expect(host.attach(fd, hwpt)).toBe(0);
      expect([access(IOVA), access(IOVA)]).toEqual(["asked 0x80000000", "had 0x80000000"]);
    }
    expect(host.detach(fd)).toBe(0);
    expect(access(IOVA)).toBe("refused");
  });

  it("is a guest's to use where its entry says so, and forgets what its stage 2 loses", () => {
    const { host, fd, id, ioas, access, map } = makeWorld();
    map(GUEST, GUEST_BYTES);
    const parent = host.must(HWPT_ALLOC, { flags: HwptFlag.NEST_PARENT, dev_id: id, pt_id: ioas }).out_hwpt_id;
    const viommu = host.must(VIOMMU_ALLOC, { type: 1, dev_id: id, hwpt_id: parent }).out_viommu_id;
    host.must(VDEVICE_ALLOC, { viommu_id: viommu, dev_id: id, virt_id: 0x10n });
    const words = (at: bigint, ...some: readonly bigint[]): void => {
      host.process.write(USER_VA + at, new Uint8Array(new BigUint64Array(some).buffer));
    };
    words(0n, 0x55e202c0003510n, GUEST | 0x1000n, 0n, 0xffn);
    for (const level of [1n, 2n, 3n]) words(level << 12n, GUEST | ((level + 1n) << 12n) | 3n);
    words(0x4000n, GUEST | 0x10743n);
    const nested = (EATS: number): number => {
      const walks = { S1CIR: 1, S1COR: 1, S1CSH: 3 };
      const entry = encodeFields(STE, { V: 1, Config: 5, S1ContextPtr: Number(GUEST), ...walks, EATS });
      const data_uptr = host.put(new Uint8Array(entry.buffer, 0, 16));
      const data = { data_type: HwptDataType.ARM_SMMUV3, data_len: 16, data_uptr };
      return host.must(HWPT_ALLOC, { dev_id: id, pt_id: viommu, ...data }).out_hwpt_id;
    };
    expect(host.attach(fd, nested(0))).toBe(0);
    expect(access(0n)).toBe("refused");
    expect(host.attach(fd, nested(1))).toBe(0);
    const there = `0x${(USER_PA + 0x10000n).toString(16)}`;
    expect([access(0n), access(0n)]).toEqual([`asked ${there}`, `had ${there}`]);
    host.must(IOAS_UNMAP, { ioas_id: ioas, iova: GUEST, length: GUEST_BYTES });
    expect(access(0n)).toBe("refused");
  });
});
