import { describe, expect, it } from "vitest";
import { DEVTAB_BASE } from "../../../arch/amdvi/buffer_registers.ts";
import { DTE, DTE_BYTES } from "../../../arch/amdvi/dte.ts";
import { EFR } from "../../../arch/amdvi/feature_registers.ts";
import { highHalf, lowHalf } from "../../../base/address.ts";
import { encodeFields } from "../../../base/encode.ts";
import { join } from "../../../base/halves.ts";
import { PhysicalMemory } from "../../../engine/memory/physical_memory.ts";
import { AMDVI } from "../../../machine/amdvi/architecture.ts";
import { ownMemory } from "../../../machine/kernel_memory.ts";
import { HWPT_ALLOC, HwptFlag, IOAS_ALLOC, IOAS_MAP, IOAS_UNMAP } from "../../iommufd/ioctls.ts";
import { DRIVER_BYTES, DRIVER_PA, HostWorld, MEMORY_LAYOUT, USER_PA, USER_VA } from "../../testing/host_world.ts";
import type { HostDevice } from "../driver.ts";
import { AmdDriver } from "./amd_driver.ts";

const SID = 0x20;
const IOVA = 0x1234_5000n;
/** Guest tables, also for requests without a PASID, page requests and enhanced handling of them. */
const FEATURES = { PPRSup: 1, NXSup: 1, GTSup: 1, IASup: 1, GLXSup: 1, PASmax: 15, GIoSup: 1, EPHSup: 1, HATS: 1 };

/** A host whose device has a TLB of its own, and asks for pages. */
function makeWorld(features: Readonly<Record<string, number>> = {}) {
  const memory = new PhysicalMemory({ ...MEMORY_LAYOUT, zero: [...MEMORY_LAYOUT.zero] });
  const [lo = 0, hi = 0] = encodeFields(EFR, { ...FEATURES, ...features });
  const ats = { capacity: 16, pageRequests: 4, responsePasidRequired: false, answersInvalidations: true };
  const unit = AMDVI.make(
    {
      arch: "amdvi",
      preset: "full",
      registers: { EFR: join(hi, lo) },
      memory: { outside: "abort", zero: [], segments: [] },
      devices: [{ sid: SID, bdf: "0000:00:04.0", label: "", ats }],
    },
    memory,
  );
  const driver = AmdDriver.start({ nesting: "as shipped" }, unit, ownMemory(memory, DRIVER_PA, DRIVER_BYTES))!;
  const { ats: hasAts, pri } = driver.serves;
  const device: HostDevice = {
    name: "0000:00:04.0",
    group: 1,
    sid: SID,
    driver,
    maxPasidLog2: 4,
    ats: hasAts,
    pri,
  };
  const host = new HostWorld(memory, [device]);
  const { fd, id } = host.bind(device);
  const ioas = host.must(IOAS_ALLOC, {}).out_ioas_id;
  const allocate = (flags: number) => host.call(HWPT_ALLOC, { flags, dev_id: id, pt_id: ioas });
  const map = (iova: bigint): void => {
    host.must(IOAS_MAP, { flags: 7, ioas_id: ioas, user_va: USER_VA, length: 0x1000n, iova });
  };
  /** How an access goes out: with a translation that the device had, or that it asked for, or not at all. */
  const access = (iova: bigint): string => {
    const part = { sid: SID, ssid: null, iova, write: true, privileged: false, instruction: false, length: 4 };
    const result = unit.pcie!.access(part);
    if (result?.ok !== true || result.turn.kind !== "translated") return result?.turn.kind ?? "untranslated";
    return `${result.turn.hit ? "had" : "asked"} 0x${result.pa!.toString(16)}`;
  };
  /** DTE.Mode of the device. */
  const levels = (): number => {
    const table = new Uint32Array(new BigUint64Array([unit.read(0, 8)]).buffer);
    const at = DEVTAB_BASE.f.DevTabBase.address(table, 0) + DTE_BYTES * SID;
    memory.read64(highHalf(at), lowHalf(at));
    return DTE.f.Mode.get([memory.lo, memory.hi], 0);
  };
  return { host, unit, driver, fd, id, ioas, allocate, map, access, levels };
}

const DATA = `0x${USER_PA.toString(16)}`;

describe("Tables of a host's AMD driver (48882 §2.2.3, §2.2.6)", () => {
  it.each([
    ["host tables", 0, {}],
    ["guest tables", HwptFlag.PASID, {}],
    ["guest tables where there are no host tables (EFR.HATS)", 0, { HATS: 3 }],
  ])("devices go through them, and forget what is unmapped: %s", (_name, flags, features) => {
    const { host, fd, ioas, allocate, map, access } = makeWorld(features);
    expect(host.attach(fd, allocate(flags).out.out_hwpt_id)).toBe(0);
    map(IOVA);
    map(IOVA + 0x10_0000n);
    for (const how of ["asked", "had"])
      expect([access(IOVA), access(IOVA + 0x10_0000n)]).toEqual([`${how} ${DATA}`, `${how} ${DATA}`]);
    host.must(IOAS_UNMAP, { ioas_id: ioas, iova: IOVA, length: 0x1000n });
    expect(access(IOVA)).not.toContain(DATA);
    expect(access(IOVA + 0x10_0000n)).toBe(`had ${DATA}`);
  });

  it.each([
    ["host tables", 0, HwptFlag.PASID],
    ["guest tables", HwptFlag.PASID, 0],
  ])("a device that is moved or blocked forgets: from %s to others", (_name, first, second) => {
    const { host, fd, allocate, map, access } = makeWorld();
    const [a, b] = [allocate(first), allocate(second)].map(({ out }) => out.out_hwpt_id);
    map(IOVA);
    host.attach(fd, a!);
    expect([access(IOVA), access(IOVA)]).toEqual([`asked ${DATA}`, `had ${DATA}`]);
    expect(host.attach(fd, b!)).toBe(0);
    expect([access(IOVA), access(IOVA)]).toEqual([`asked ${DATA}`, `had ${DATA}`]);
    host.detach(fd);
    expect(access(IOVA)).not.toContain(DATA);
  });

  it("host tables get levels as addresses need them, also while devices use them, up to what the IOMMU has", () => {
    const { host, fd, id, ioas, allocate, map, access, levels } = makeWorld();
    expect(host.attach(fd, allocate(0).out.out_hwpt_id)).toBe(0);
    map(IOVA);
    expect([levels(), access(IOVA)]).toEqual([3, `asked ${DATA}`]);
    // The device has forgotten, as its entry has changed.
    map(1n << 40n);
    expect([levels(), access(IOVA), access(1n << 40n)]).toEqual([4, `asked ${DATA}`, `asked ${DATA}`]);
    map((1n << 57n) - 0x1000n);
    expect([levels(), access((1n << 57n) - 0x1000n)]).toEqual([5, `asked ${DATA}`]);
    const beyond = { flags: 7, ioas_id: ioas, user_va: USER_VA, length: 0x1000n, iova: 1n << 57n };
    expect(host.call(IOAS_MAP, beyond).returned).not.toBe(0);
    host.detach(fd);
    // Another domain has all of them from the start.
    expect(host.attach(fd, host.must(HWPT_ALLOC, { dev_id: id, pt_id: ioas }).out_hwpt_id)).toBe(0);
    expect([levels(), access(1n << 40n)]).toEqual([5, `asked ${DATA}`]);
  });

  it.each([
    ["no guest tables", { GTSup: 0 }],
    ["requests without a PASID do not go through guest tables", { GIoSup: 0 }],
    ["no page requests", { PPRSup: 0 }],
    ["no enhanced handling of page requests", { EPHSup: 0 }],
  ])("none are made for PASIDs where there are %s", (_name, features) => {
    expect(makeWorld(features).allocate(HwptFlag.PASID).returned).toBe("EOPNOTSUPP");
  });

  it("has none at all where the IOMMU has neither kind", () => {
    expect(makeWorld({ HATS: 3, GTSup: 0 }).allocate(0).returned).toBe("EOPNOTSUPP");
  });
});

describe("Page requests of a device behind a host's AMD driver (48882 §2.6)", () => {
  it("are answered, as nobody in user space can serve them", () => {
    const { host, unit, driver, fd, allocate } = makeWorld();
    host.attach(fd, allocate(HwptFlag.PASID).out.out_hwpt_id);
    const message = { sid: SID, address: IOVA, read: true, write: false, execute: false, privileged: false };
    const answers = [null, 3].map((ssid) => {
      expect(unit.pcie!.pageRequest({ ...message, ssid, prgIndex: 5, last: true })).toEqual({ queued: true });
      driver.interrupt();
      return unit.pcie!.takeResponses();
    });
    expect(answers.flat()).toMatchObject([
      { sid: SID, prgIndex: 5, code: 15 },
      { sid: SID, prgIndex: 5, ssid: 3, code: 1 },
    ]);
  });

  it("are no requests of a device with host tables", () => {
    const { host, unit, fd, allocate } = makeWorld();
    host.attach(fd, allocate(0).out.out_hwpt_id);
    const message = { sid: SID, address: IOVA, read: true, write: false, execute: false, privileged: false };
    expect(unit.pcie!.pageRequest({ ...message, ssid: null, prgIndex: 5, last: true }).queued).toBe(false);
  });
});
