/** What the recorded program's world needs of a machine, whatever its IOMMU is. */
import { PhysicalMemory } from "../engine/memory/physical_memory.ts";
import type { HostDevice, IommuDriver } from "../host/drivers/driver.ts";
import type { Unit } from "../machine/unit.ts";
import type { Header } from "./play_uapi_lines.ts";

/** One access of a device. */
export interface DeviceAccess {
  readonly iova: bigint;
  /** What is written; null for a read. */
  readonly data: Uint8Array | null;
  readonly length: number;
}

/** What became of it: where it went (null for an interrupt message) and what a read brought; null for a fault. */
export type AccessResult = { readonly pa: bigint | null; readonly data: Uint8Array | null } | null;

/** The hardware of a machine, with the drivers of its IOMMUs. */
export interface Hardware {
  readonly memory: PhysicalMemory;
  readonly devices: readonly HostDevice[];
  access(device: HostDevice, access: DeviceAccess): AccessResult;
  /** A guest's context descriptor as this machine understands it. */
  guestContext(words: readonly bigint[]): readonly bigint[];
  /** A guest's table entry as this machine understands it; `below` fills the table at `spare` if that is needed. */
  guestEntry(level: number, entry: bigint, spare: bigint): GuestEntry;
}

export interface GuestEntry {
  readonly entry: bigint;
  readonly below: readonly bigint[];
}

/** Physical memory of every machine: the kernel's, then the program's. */
export const KERNEL_MEMORY = 0x4000_0000n;
export const USER_MEMORY = 0x8000_0000n;
const MEMORY_BYTES = 0x6000_0000n;

export const makeMemory = (): PhysicalMemory =>
  new PhysicalMemory({
    outside: "abort",
    zero: [[Number(KERNEL_MEMORY), Number(MEMORY_BYTES)]],
    segments: [],
  });

/** Requester id of `dddd:bb:dd.f`. */
function requesterOf(bdf: string): number {
  const parts = /:([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/i.exec(bdf);
  if (parts === null) return 0;
  return (Number.parseInt(parts[1]!, 16) << 8) | (Number.parseInt(parts[2]!, 16) << 3) | Number(parts[3]);
}

/** The devices of a header, each behind the driver that `driverOf` gives its requester. */
export const devicesOf = (header: Header, driverOf: (sid: number) => IommuDriver): HostDevice[] =>
  header.devices.map(({ bdf, group }) => {
    const sid = requesterOf(bdf);
    return { name: bdf, group, sid, driver: driverOf(sid), maxPasidLog2: 0, ats: false, pri: false };
  });

/** Have a unit see an access. */
export function accessThrough(unit: Unit, sid: number, privileged: boolean, access: DeviceAccess): AccessResult {
  const { iova, data, length } = access;
  const base = { sid, ssid: null, iova, write: data !== null, privileged, instruction: false, length };
  const result = unit.transfer(data === null ? base : { ...base, data });
  return result.ok ? { pa: result.pa, data: result.data ?? null } : null;
}
