/** Whatever a process calls, with whatever in its structures and memory: an answer, and nothing that grows without bound. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { low } from "../base/halves.ts";
import { PhysicalMemory } from "../engine/memory/physical_memory.ts";
import { AMDVI } from "../machine/amdvi/architecture.ts";
import { SMMUV3 } from "../machine/smmuv3/architecture.ts";
import type { Unit } from "../machine/unit.ts";
import { VTD } from "../machine/vtd/architecture.ts";
import { AmdDriver } from "./drivers/amdvi/amd_driver.ts";
import type { HostDevice, IommuDriver } from "./drivers/driver.ts";
import type { OwnMemory } from "../kernel/own_memory.ts";
import { ownMemory } from "../machine/kernel_memory.ts";
import { SmmuDriver } from "./drivers/smmuv3/smmu_driver.ts";
import { VtdDriver } from "./drivers/vtd/vtd_driver.ts";
import { IommufdFile } from "./iommufd/file.ts";
import { IOCTLS, type Ioctl } from "./iommufd/ioctls.ts";
import { Selftest } from "./iommufd/selftest.ts";
import { DRIVER_BYTES, DRIVER_PA, HostWorld, MEMORY_LAYOUT, USER_VA } from "./testing/host_world.ts";
import type { Values } from "./uapi_struct.ts";
import { VfioDeviceFile } from "./vfio/device_file.ts";
import { DEVICE_ATTACH_IOMMUFD_PT, DEVICE_BIND_IOMMUFD, DEVICE_DETACH_IOMMUFD_PT } from "./vfio/ioctls.ts";

const nothing = { outside: "abort", zero: [], segments: [] } as const;

/** A unit with its driver, for each architecture, with everything that makes nesting possible. */
const MACHINES: Readonly<
  Record<string, (memory: PhysicalMemory, own: OwnMemory) => [Unit, IommuDriver & { interrupt(): void }]>
> = {
  smmuv3: (memory, own) => {
    const registers = { IDR0: 0xd44101bn, IDR1: 0x2730010n, IDR3: 0x1514n, IDR5: 0x74n, AIDR: 1n };
    const unit = SMMUV3.make({ arch: "smmuv3", registers, memory: nothing, devices: [] }, memory);
    return [unit, SmmuDriver.start({ pageLg2: 12, coherentRootComplex: true, sva: true }, unit, own)!];
  },
  vtd: (memory, own) => {
    const registers = { VER: 0x10n, CAP: 0x80d2008c222f0606n, ECAP: 0x1e80084f00f4an };
    const unit = VTD.make({ arch: "vtd", registers, memory: nothing, devices: [] }, memory);
    return [unit, VtdDriver.start(unit, own)!];
  },
  amdvi: (memory, own) => {
    const registers = { EFR: 0x10000000029d3n, EFR2: 8n };
    const unit = AMDVI.make({ arch: "amdvi", registers, memory: nothing, devices: [] }, memory);
    return [unit, AmdDriver.start({ nesting: "as intended" }, unit, own)!];
  },
};

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
const dma = fc.record({ device: fc.nat(1), iova: number, write: fc.boolean() });
const step = fc.oneof({ weight: 4, arbitrary: call }, { weight: 2, arbitrary: deviceCall }, dma);

function world(name: string) {
  const memory = new PhysicalMemory({ ...MEMORY_LAYOUT, zero: [...MEMORY_LAYOUT.zero] });
  const [unit, driver] = MACHINES[name]!(memory, ownMemory(memory, DRIVER_PA, DRIVER_BYTES));
  const devices = [1, 2].map(
    (sid): HostDevice => ({ name: `${sid}`, group: sid, sid, driver, maxPasidLog2: 4, ats: false, pri: false }),
  );
  const host = new HostWorld(memory, devices);
  const fds = devices.map((d) => host.process.install(new VfioDeviceFile(host.kernel, d)));
  for (const fd of fds) host.device(fd, DEVICE_BIND_IOMMUFD, { iommufd: host.iommufd });
  return { memory, unit, driver, devices, host, fds };
}

describe.each(Object.keys(MACHINES))("a host kernel with %s", (name) => {
  it("answers every call, and leaves nothing behind when its files are closed", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) => {
        const { host, unit, driver, devices, fds } = world(name);
        for (const s of steps) {
          if ("ioctl" in s) {
            const fields = s.ioctl.fields.map((f, i) => [f.name, s.values[i % 12]!]);
            const values = { ...Object.fromEntries(fields), size: BigInt(s.size ?? s.ioctl.size) } as never as Values;
            const { returned } = host.call(s.ioctl, values);
            expect(returned === 0 || typeof returned === "string").toBe(true);
          } else if ("which" in s) {
            const fd = fds[s.device]!;
            const pasid = low(s.pasid);
            if (s.which === 0) host.device(fd, DEVICE_DETACH_IOMMUFD_PT, { flags: s.flags, pasid });
            else host.device(fd, DEVICE_ATTACH_IOMMUFD_PT, { flags: s.flags, pt_id: s.id, pasid });
          } else {
            const device = devices[s.device]!;
            const access = { sid: device.sid, ssid: null, iova: s.iova, privileged: false, instruction: false };
            unit.transfer({ ...access, length: 4, write: s.write, ...(s.write ? { data: new Uint8Array(4) } : {}) });
            driver.interrupt();
          }
        }
        const file = host.process.file(host.iommufd);
        const { objects } = (file as IommufdFile).context;
        expect(objects.all().length).toBeLessThanOrEqual(steps.length + 2 * devices.length);
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
  }, 60_000);
});

describe("a host kernel with the mock driver", () => {
  it("answers every call", () => {
    fc.assert(
      fc.property(fc.array(call, { minLength: 10, maxLength: 80 }), (steps) => {
        const { host } = world("smmuv3");
        const file = host.process.file(host.iommufd);
        if (!(file instanceof IommufdFile)) throw new Error("no iommufd");
        const selftest = new Selftest(file.context);
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
