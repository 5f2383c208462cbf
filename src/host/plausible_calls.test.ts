/** What no sequence of calls may do, however they are mixed: throw, lose count of users, reach foreign memory, leak. */
import { describe, expect, it } from "vitest";
import { PhysicalMemory } from "../engine/memory/physical_memory.ts";
import { ownMemory } from "../machine/kernel_memory.ts";
import type { HostDevice } from "./drivers/driver.ts";
import { Access } from "./iommufd/access.ts";
import type { IommufdContext } from "./iommufd/context.ts";
import { Device, NO_PASID } from "./iommufd/device.ts";
import { HwptNested, HwptPaging } from "./iommufd/hwpt.ts";
import { Ioas } from "./iommufd/ioas.ts";
import type { KernelObject } from "./iommufd/objects.ts";
import { Veventq } from "./iommufd/veventq.ts";
import { HwQueue, Vdevice, Viommu } from "./iommufd/viommu.ts";
import {
  DRIVER_BYTES,
  DRIVER_PA,
  HostWorld,
  MEMORY_LAYOUT,
  SCRATCH_BYTES,
  SCRATCH_PA,
  USER_BYTES,
  USER_PA,
} from "./testing/host_world.ts";
import { PlausibleCalls } from "./testing/plausible_calls.ts";
import { UNITS } from "./testing/units.ts";

const STEPS = 250;
/** Seeds by default; NESTWALK_FUZZ_SEEDS, where it is set, says how many more. */
const SEEDS = 6;
const IOVAS = [0x1_0000n, 0x10_0000n, 0x10_1000n, 1n << 24n, 0x4000_0000n, 0x800_0040n];

/** Whom an object holds. */
function held(object: KernelObject): readonly (KernelObject | null)[] {
  if (object instanceof HwptPaging) return [object.ioas, object.fault];
  if (object instanceof HwptNested) return [object.over, object.fault];
  if (object instanceof Viommu) return [object.parent];
  if (object instanceof Vdevice || object instanceof Veventq) return [object.viommu];
  if (object instanceof HwQueue) return [object.viommu, object.below];
  return object instanceof Access ? [object.ioas] : [];
}

/** Objects whose users are not as many as there are. */
function miscounted(context: IommufdContext, host: HostWorld, mapped: number): string[] {
  const count = new Map<KernelObject, number>();
  const add = (object: KernelObject | null, users = 1): unknown =>
    object === null ? null : count.set(object, (count.get(object) ?? 0) + users);
  const all = context.objects.all();
  const open = new Set<unknown>(host.process.openFiles().map(([, file]) => file));
  for (const object of all) {
    for (const one of held(object)) add(one);
    if (open.has(object) || object instanceof Device || object instanceof Access) add(object);
  }
  for (const group of new Set(all.flatMap((object) => (object instanceof Device ? [object.group] : [])))) {
    for (const { hwpt, devices } of group.attachments.values()) add(hwpt, devices.size);
  }
  const wrong = all.filter((object) => object.users !== (count.get(object) ?? 0));
  // A region that is mapped counts for its vIOMMU: which of them is not told.
  const extra = wrong.reduce((sum, object) => sum + object.users - (count.get(object) ?? 0), 0);
  return extra === mapped && wrong.every(({ type }) => type === "VIOMMU") ? [] : wrong.map((o) => `${o.type} ${o.id}`);
}

/**
 * What a device must reach at an address: null, nothing; undefined, that is not known here, as where a guest's table
 * is attached, or a container.
 */
function due(context: IommufdContext, host: HostDevice, pasid: number, iova: bigint): bigint | null | undefined {
  const bound = context.objects.all().find((o): o is Device => o instanceof Device && o.host.group === host.group);
  if (bound === undefined) return undefined;
  const hwpt = bound.group.attachments.get(pasid)?.hwpt;
  if (hwpt === undefined) return null;
  if (!(hwpt instanceof HwptPaging)) return undefined;
  const area = hwpt.ioas.table.areas.find(({ start, last }) => start <= iova && iova <= last);
  if (area === undefined) return null;
  return area.protection.read ? area.pages.pin(area.startByte + (iova - area.start)) : undefined;
}

/** First and last words of some mappings. */
const edges = (context: IommufdContext): bigint[] =>
  context.objects
    .all()
    .flatMap((object) => (object instanceof Ioas ? object.table.areas.slice(0, 4) : []))
    .flatMap(({ start, last }) => [start, (last + 1n) & ~0xfffn, (last - 3n) & ~3n]);

function makeWorld(arch: string, seed: number) {
  const memory = new PhysicalMemory({ ...MEMORY_LAYOUT, zero: [...MEMORY_LAYOUT.zero] });
  const own = ownMemory(memory, DRIVER_PA, DRIVER_BYTES);
  const [unit, driver] = UNITS[arch]!(memory, own);
  const devices = [1, 2, 3].map((sid): HostDevice => {
    const odd = seed % 2 === 1;
    return { name: `${sid}`, group: Math.min(sid, 2), sid, driver, maxPasidLog2: 4, ats: odd, pri: odd, stall: !odd };
  });
  const host = new HostWorld(memory, devices);
  const reach = (sid: number, iova: bigint, ssid: number | null): bigint | null => {
    const access = { sid, ssid, iova, privileged: false, instruction: false, write: false, length: 4 };
    const result = unit.transfer(access);
    driver.interrupt();
    return result.ok && result.pa !== null ? BigInt(result.pa) : null;
  };
  return { host, own, devices, reach, calls: new PlausibleCalls(host, 2654435761 * seed) };
}

const isTheirs = (pa: bigint): boolean =>
  (pa >= USER_PA && pa < USER_PA + USER_BYTES) || (pa >= SCRATCH_PA && pa < SCRATCH_PA + SCRATCH_BYTES);

/** Run calls in a world of their own. @returns how many succeeded */
function play(arch: string, seed: number): number {
  const { host, own, devices, reach, calls } = makeWorld(arch, seed);
  const { context } = host;
  const before = own.pages.free;
  if (seed % 4 > 0) calls.begin();
  let good = 0;
  for (let step = 0; step < STEPS; step++) {
    const came = calls.step();
    if (came === 0 || (typeof came === "object" && came !== null)) good++;
    if (typeof came === "number") expect(came).toBeGreaterThanOrEqual(0);
    expect(miscounted(context, host, calls.mapped)).toEqual([]);
    if (step % 5 > 0) continue;
    for (const device of devices) {
      for (const [i, iova] of [...IOVAS, ...edges(context)].entries()) {
        const ssid = i % 3 === 0 ? 3 : null;
        const pa = reach(device.sid, iova, ssid);
        // The doorbell of interrupts is mapped for devices, too.
        if (pa === 0x809_0040n) continue;
        if (pa !== null) expect(isTheirs(pa), `${pa.toString(16)}`).toBe(true);
        const wanted = due(context, device, ssid ?? NO_PASID, iova);
        if (wanted !== undefined) expect(pa, `${device.name} ${ssid} ${iova.toString(16)} ${step}`).toBe(wanted);
      }
    }
  }
  calls.finish();
  expect(context.objects.all()).toEqual([]);
  for (const { sid } of devices) for (const iova of IOVAS) expect(reach(sid, iova, null)).toBeNull();
  // Context tables and directories of PASIDs stay with their device.
  expect(before - own.pages.free).toBeLessThan(devices.length * 0x4_0000);
  return good;
}

const more = Number(process.env.NESTWALK_FUZZ_SEEDS ?? 0);
const first = Number(process.env.NESTWALK_FUZZ_FROM ?? 1);

describe.each(Object.keys(UNITS))("calls of a process, mixed by chance, on %s", (arch) => {
  it.each(Array.from({ length: SEEDS + more }, (_, i) => first + i))(
    "are answered and leave nothing behind, seed %i",
    (seed) => {
      expect(play(arch, seed)).toBeGreaterThan(STEPS / 25);
    },
  );
});
