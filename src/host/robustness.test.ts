/** Whatever a process calls, with whatever in its structures and memory: an answer, and nothing that grows without bound. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { low } from "../base/halves.ts";
import { PhysicalMemory } from "../engine/memory/physical_memory.ts";
import { ownMemory } from "../machine/kernel_memory.ts";
import type { HostDevice } from "./drivers/driver.ts";
import { ERA_RULES, type EraName } from "./eras/eras.ts";
import { IommufdFile } from "./iommufd/file.ts";
import {
  HWPT_ALLOC,
  HwptFlag,
  IOAS_ALLOC,
  IOAS_MAP,
  IOCTLS,
  type Ioctl,
  MAP_FIXED_IOVA,
  MAP_READABLE,
  MAP_WRITEABLE,
} from "./iommufd/ioctls.ts";
import { Selftest } from "./iommufd/selftest.ts";
import { ContainerWorld } from "./testing/container_world.ts";
import {
  DRIVER_BYTES,
  DRIVER_PA,
  HostWorld,
  MEMORY_LAYOUT,
  SCRATCH_BYTES,
  SCRATCH_PA,
  USER_BYTES,
  USER_PA,
  USER_VA,
} from "./testing/host_world.ts";
import { UNITS } from "./testing/units.ts";
import type { UapiStruct, Values } from "./uapi_struct.ts";
import { VfioDeviceFile } from "./vfio/device_file.ts";
import {
  DEVICE_ATTACH_IOMMUFD_PT,
  DEVICE_BIND_IOMMUFD,
  DEVICE_DETACH_IOMMUFD_PT,
  DEVICE_GET_INFO,
  DEVICE_SET_IRQS,
  IOMMU_GET_INFO,
  IOMMU_MAP_DMA,
  IOMMU_UNMAP_DMA,
} from "./vfio/ioctls.ts";
import {
  CACHE_INVALIDATE,
  DEVICE_GET_REGION_INFO,
  IOASID_GET_INFO,
  IOASID_REQUEST_ALLOC,
  IOASID_REQUEST_FREE,
  NESTING_OP_V7,
  NESTING_OP_V8,
  PASID_REQUEST,
  SET_MSI_BINDING,
  SET_PASID_TABLE,
} from "./vfio/ioctls_before_iommufd.ts";

/** Small numbers are ids, flags and types; large ones and addresses come too. */
const number = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 9 }).map(BigInt) },
  fc.constantFrom(16n, 24n, 32n, 40n, 0x1000n, 0x2000n, 0x10_0000n, 0xdeadn, 0xdeadbeefn),
  fc.integer({ min: 0, max: 0x20 }).map((n) => USER_VA + BigInt(n) * 0x1000n),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
);
const call = fc.record({
  ioctl: fc.constantFrom<Ioctl>(...IOCTLS),
  values: fc.array(number, { minLength: 12, maxLength: 12 }),
  size: fc.option(fc.integer({ min: 0, max: 64 }), { nil: null }),
});
const deviceCall = fc.record({ which: fc.nat(2), device: fc.nat(1), id: fc.nat(9), pasid: number, flags: fc.nat(1) });
const dma = fc.record({
  device: fc.nat(1),
  iova: fc.oneof(number, fc.nat(0x3f_ffff).map(BigInt)),
  write: fc.boolean(),
  data: fc.uint8Array({ minLength: 4, maxLength: 8 }),
});
const step = fc.oneof({ weight: 4, arbitrary: call }, { weight: 2, arbitrary: deviceCall }, dma);

function world(name: string) {
  const memory = new PhysicalMemory({ ...MEMORY_LAYOUT, zero: [...MEMORY_LAYOUT.zero] });
  const [unit, driver] = UNITS[name]!(memory, ownMemory(memory, DRIVER_PA, DRIVER_BYTES));
  const devices = [1, 2].map(
    (sid): HostDevice => ({ name: `${sid}`, group: sid, sid, driver, maxPasidLog2: 4, ats: false, pri: false }),
  );
  const host = new HostWorld(memory, devices);
  const fds = devices.map((d) => host.process.install(new VfioDeviceFile(host.kernel, d)));
  const ids = fds.map((fd) => host.device(fd, DEVICE_BIND_IOMMUFD, { iommufd: host.iommufd }).out.out_devid);
  return { memory, unit, driver, devices, host, fds, ids };
}

type World = ReturnType<typeof world>;

/** What an honest process begins with: memory mapped, a parent for nesting over it, and its devices on that. */
function mapMemory({ host, fds, ids }: World): number {
  const { out_ioas_id: ioas_id } = host.must(IOAS_ALLOC, {});
  const flags = MAP_FIXED_IOVA | MAP_READABLE | MAP_WRITEABLE;
  host.must(IOAS_MAP, { flags, ioas_id, user_va: USER_VA, length: 0x10_0000n, iova: 0x10_0000n });
  const parent = host.must(HWPT_ALLOC, { flags: HwptFlag.NEST_PARENT, dev_id: ids[0]!, pt_id: ioas_id });
  for (const fd of fds) host.attach(fd, parent.out_hwpt_id);
  return 2;
}

/** Memory of the process, and nothing else, may be where its devices reach. */
const isTheirs = (pa: bigint): boolean =>
  (pa >= USER_PA && pa < USER_PA + USER_BYTES) || (pa >= SCRATCH_PA && pa < SCRATCH_PA + SCRATCH_BYTES);

/** A DMA of a device, with the interrupts it leads to. @returns where it went */
function reach({ unit, driver, devices }: World, device: number, iova: bigint, data: Uint8Array | null): bigint | null {
  const access = { sid: devices[device]!.sid, ssid: null, iova, privileged: false, instruction: false };
  const what =
    data === null ? { write: false, length: 4 } : { write: true, length: data.length, data: Uint8Array.of(...data) };
  const result = unit.transfer({ ...access, ...what });
  driver.interrupt();
  return result.ok && "pa" in result ? result.pa : null;
}

describe.each(Object.keys(UNITS))("a host kernel with %s", (name) => {
  it("answers every call, lets devices reach memory of their process alone, and leaves nothing behind", () => {
    let reached = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) => {
        const made = world(name);
        const { host, unit, devices, fds } = made;
        const first = mapMemory(made);
        for (const [i, s] of steps.entries()) {
          if ("ioctl" in s) {
            const fields = s.ioctl.fields.map((f, at) => [f.name, s.values[at % 12]!]);
            const values = { ...Object.fromEntries(fields), size: BigInt(s.size ?? s.ioctl.size) } as never as Values;
            const { returned } = host.call(s.ioctl, values);
            expect(returned === 0 || typeof returned === "string").toBe(true);
          } else if ("which" in s) {
            const fd = fds[s.device]!;
            const pasid = low(s.pasid);
            if (s.which === 0) host.device(fd, DEVICE_DETACH_IOMMUFD_PT, { flags: s.flags, pasid });
            else host.device(fd, DEVICE_ATTACH_IOMMUFD_PT, { flags: s.flags, pt_id: s.id, pasid });
          } else {
            const pa = reach(made, s.device, s.iova, s.write ? s.data : null);
            expect(pa === null || isTheirs(pa)).toBe(true);
          }
          for (const device of [0, 1]) {
            const pa = reach(made, device, BigInt(0x10_0000 + 0x3000 * i), null);
            if (pa === null) continue;
            reached++;
            expect(isTheirs(pa)).toBe(true);
          }
        }
        const file = host.process.file(host.iommufd);
        const { objects } = (file as IommufdFile).context;
        expect(objects.all().length).toBeLessThanOrEqual(first + steps.length + 2 * devices.length);
        for (const [fd] of host.process.openFiles()) host.process.close(fd);
        expect(objects.all()).toEqual([]);
        // Every device is refused again.
        for (const { sid } of devices) {
          const access = { sid, ssid: null, iova: 0x1000n, write: false, privileged: false, instruction: false };
          expect(unit.transfer({ ...access, length: 4 }).ok).toBe(false);
        }
      }),
      { numRuns: 60, seed: 7 },
    );
    expect(reached).toBeGreaterThan(50);
  }, 60_000);
});

describe("a host kernel with the mock driver", () => {
  it("answers every call", () => {
    fc.assert(
      fc.property(fc.array(call, { minLength: 10, maxLength: 80 }), (steps) => {
        const { host } = world("smmuv3");
        const file = host.process.file(host.iommufd);
        if (!(file instanceof IommufdFile)) throw new Error("no iommufd");
        const selftest = new Selftest(file.context, host.process);
        for (const [i, { ioctl, values, size }] of steps.entries()) {
          const [a = 0, b = 0, c = 0] = values.map((v) => low(v));
          if (i % 5 === 0) selftest.makeDevice(a, b & 7);
          if (i % 7 === 0) selftest.replace(a, b);
          if (i % 11 === 0) selftest.attachPasid(a, b, c);
          if (i % 13 === 0) selftest.triggerFault(a, b, c, 3, values[3]!);
          if (i % 17 === 0) selftest.triggerEvent(a);
          const fields = ioctl.fields.map((f, j) => [f.name, values[j % 12]!]);
          host.call(ioctl, { ...Object.fromEntries(fields), size: BigInt(size ?? ioctl.size) } as never as Values);
        }
        for (const [fd] of host.process.openFiles()) host.process.close(fd);
        expect(file.context.objects.all()).toEqual([]);
      }),
      { numRuns: 60, seed: 8 },
    );
  }, 60_000);
});

/** Calls of containers by the structure that they begin with, and of the files beside them. */
const CONTAINER_CALLS = [
  IOMMU_GET_INFO,
  IOMMU_MAP_DMA,
  IOMMU_UNMAP_DMA,
  SET_PASID_TABLE.whole,
  CACHE_INVALIDATE.whole,
  SET_MSI_BINDING,
  NESTING_OP_V7.bind,
  NESTING_OP_V8.bind,
  NESTING_OP_V8.invalidate,
  PASID_REQUEST,
  IOASID_GET_INFO,
  IOASID_REQUEST_ALLOC,
  IOASID_REQUEST_FREE,
  DEVICE_GET_INFO,
  DEVICE_GET_REGION_INFO,
  DEVICE_SET_IRQS,
] as readonly (UapiStruct & { readonly request: number })[];
const containerStep = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      call: fc.constantFrom(...CONTAINER_CALLS),
      file: fc.nat(9),
      values: fc.array(number, { minLength: 16, maxLength: 16 }),
      // Lengths, versions and formats are right more often than not.
      good: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom(1, 3, 6), container: fc.nat(1), device: fc.nat(1) }) },
  fc.record({ read: number, file: fc.nat(9) }),
  dma,
);
const GOOD: Readonly<Record<string, bigint>> = {
  version: 1n,
  format: 1n,
  smmuv3_version: 1n,
  addr_width: 48n,
  cache: 1n,
};
const LENGTHS = ["call_argsz", "argsz"];

describe.each(Object.keys(ERA_RULES) as EraName[])("containers of %s", (era) => {
  it.each(Object.keys(UNITS))("answer every call on %s, and leave nothing behind", (arch) => {
    fc.assert(
      fc.property(fc.array(containerStep, { minLength: 10, maxLength: 50 }), (steps) => {
        const world = new ContainerWorld(arch, era);
        const { host, devices } = world;
        const containers = [world.open(), world.open()];
        const ioasid = host.kernel.openIoasid(host.process);
        if (typeof ioasid !== "string") host.process.install(ioasid);
        for (const s of steps) {
          const files = host.process.openFiles().map(([fd]) => fd);
          if ("call" in s) {
            const fields = s.call.fields.map(({ name, type }, i) => {
              const length = LENGTHS.includes(name) ? BigInt(s.call.size) : undefined;
              const value = (s.good ? (length ?? GOOD[name]) : undefined) ?? s.values[i % 16]!;
              return [name, type === "u64" ? value : low(value)];
            });
            const returned = host.raw(files[s.file % files.length]!, s.call, Object.fromEntries(fields) as never);
            expect(typeof returned === "string" || returned >= 0).toBe(true);
          } else if ("type" in s) {
            const group = world.join(containers[s.container]!, devices[s.device]!);
            world.setIommu(containers[s.container]!, s.type);
            world.mapGuest(containers[s.container]!);
            if (group.returned === 0) world.deviceOf(group.fd, devices[s.device]!.name);
          } else if ("read" in s) {
            const file = host.process.file(files[s.file % files.length]!)!;
            file.read?.(64, s.read);
            file.write?.(new Uint8Array(4), s.read);
          } else world.dma(devices[s.device]!.sid, s.iova, s.write ? 3 : null);
        }
        for (const [fd] of host.process.openFiles()) host.process.close(fd);
        expect(host.kernel.pasids.of(host.process)).toEqual([]);
        for (const { sid } of devices) for (const ssid of [null, 3]) expect(world.dma(sid, USER_VA, ssid)).toBeNull();
      }),
      { numRuns: 12, seed: 9 },
    );
  });
});
