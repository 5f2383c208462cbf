import { describe, expect, it } from "vitest";
import type { EraName } from "../eras/eras.ts";
import { EventFile } from "../kernel.ts";
import { ContainerWorld, GUEST_PA } from "../testing/container_world.ts";
import { DEVICE_SET_IRQS, Extension } from "./ioctls.ts";
import { GPASID_BIND_DATA, NESTING_OP_V8 } from "./ioctls_before_iommufd.ts";
import { MediatedDevice } from "./mediated.ts";

const V8 = "vSVA over VFIO v8";
const PARTS = ["a", "b"].map((name) => ({ name, parent: "1" }));
const DATA = GUEST_PA + 0x8000n;

/** A host with two parts of its first device, each in a container of the nesting type with all of the guest's memory. */
function makeWorld(arch = "vtd", era: EraName = V8) {
  const world = new ContainerWorld(arch, era, PARTS);
  const parts = world.host.kernel.devices.filter((device) => device instanceof MediatedDevice);
  const containers = parts.map((part) => {
    const container = world.open();
    const group = world.join(container, part);
    expect(group.returned).toBe(0);
    expect(world.setIommu(container, Extension.NESTING_IOMMU)).toBe(0);
    expect(world.mapGuest(container)).toBe(0);
    return { part, container, group: group.fd };
  });
  return { world, containers };
}

describe("Parts of a device (mdev) with domains of their own", () => {
  it("have groups of their own, and a PASID each that the kernel chose", () => {
    const { world, containers } = makeWorld();
    expect(containers.map(({ part }) => [part.group, part.sid, part.defaultPasid])).toEqual([
      [3, 1, 1],
      [4, 1, 2],
    ]);
    for (const pasid of [1, 2]) expect(world.dma(1, DATA, pasid)).toBe(world.hostAddress(DATA));
    // The device itself is the host's: nobody has attached it to anything.
    expect([world.dma(1, DATA), world.dma(1, DATA, 3)]).toEqual([null, null]);
  });

  it("take one container each, and leave it with their PASID", () => {
    const { world, containers } = makeWorld();
    const [a, b] = containers;
    expect(world.join(a!.container, b!.part).returned).toBe("EBUSY");
    world.host.process.close(a!.group);
    world.host.process.close(a!.container);
    expect([world.dma(1, DATA, 1), a!.part.defaultPasid]).toEqual([null, null]);
    expect(world.dma(1, DATA, 2)).toBe(world.hostAddress(DATA));
    expect(world.host.kernel.pasids.ownerOf(1)).toBeNull();
  });

  it("bind first stages to PASIDs of their process, on the device, and never to the kernel's", () => {
    const { world, containers } = makeWorld();
    const [{ container }] = containers as [(typeof containers)[0]];
    const { pasids } = world.host.kernel;
    const { process } = world.host;
    expect(pasids.allocate(process, 1, 9, 10)).toBe(3);
    const call = NESTING_OP_V8.bind;
    const data = { argsz: GPASID_BIND_DATA.size, version: 1, format: 1, addr_width: 48, gpgd: GUEST_PA };
    const bind = (hpasid: bigint) => world.host.raw(container, call, { call_argsz: call.size, ...data, hpasid });
    expect([bind(1n), bind(2n), bind(3n)]).toEqual(["EACCES", "EACCES", 0]);
    world.guest(GUEST_PA, (GUEST_PA + 0x1000n) | 7n);
    world.guest(GUEST_PA + 0x1000n, (GUEST_PA + 0x2000n) | 7n);
    world.guest(GUEST_PA + 0x2000n, (GUEST_PA + 0x3000n) | 7n);
    world.guest(GUEST_PA + 0x3000n + 8n, DATA | 7n);
    expect(world.dma(1, 0x1000n, 3)).toBe(world.hostAddress(DATA));
    expect(world.dma(1, 0x1000n, 1)).toBeNull();
  });

  it("interrupt by a message of the device's for each, and their eventfds count no other's", () => {
    const { world, containers } = makeWorld();
    const { kernel, process } = world.host;
    const files = containers.map(({ part, group }) => {
      const event = process.install(new EventFile());
      const fd = world.deviceOf(group, part.name) as number;
      const head = { argsz: DEVICE_SET_IRQS.size + 4, flags: 0x24, index: 1, count: 1 };
      const tail = new Uint8Array(new Int32Array([event]).buffer);
      const at = world.host.put(Uint8Array.from([...DEVICE_SET_IRQS.encode(head), ...tail]));
      expect(process.ioctl(fd, DEVICE_SET_IRQS.request, at)).toBe(0);
      return event;
    });
    const counts = () =>
      files.map((event) => new DataView((process.file(event)!.read!(8, 0n) as Uint8Array).buffer).getUint8(0));
    const [first, second] = containers.map(({ part }) => kernel.messageOf(part)!);
    expect(first!.address).not.toBe(second!.address);
    const access = { ssid: null, privileged: false, instruction: false, write: true, length: 4 };
    const sent = (sid: number, { address: iova, data }: { address: bigint; data: number }): boolean => {
      const { ok } = world.unit.transfer({ ...access, sid, iova });
      if (ok) kernel.interrupt(sid, data, iova);
      return ok;
    };
    expect([sent(1, first!), counts()]).toEqual([true, [1, 0]]);
    expect([sent(1, second!), counts()]).toEqual([true, [0, 1]]);
    // Another device may not send them.
    expect([sent(2, first!), counts()]).toEqual([false, [0, 0]]);
    expect(kernel.messageOf(world.devices[0]!)).toBeNull();
  });

  it.each([
    ["smmuv3", V8],
    ["vtd", "Linux 7.2"],
  ] as const)("are none on %s, %s", (arch, era) => {
    const world = new ContainerWorld(arch, era, PARTS);
    expect(world.host.kernel.devices).toEqual(world.devices);
  });
});
