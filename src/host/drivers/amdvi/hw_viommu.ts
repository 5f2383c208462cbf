/**
 * vIOMMUs that AMD hardware carries out: a guest's command buffer, event log and page request log are read and written by
 * the IOMMU itself, in the guest's memory and by the guest's ids. 48882 revision 3.10, chapter 5; calls and order of
 * set-up as public patches of the feature for Linux have them (drivers/iommu/amd/viommu.c, iommufd.c). Linux 7.2 is
 * without it.
 *
 * CHOICE(hw-viommu-data): the caller's data is one 64-bit word, the offset of the guest's page of registers to map.
 * CHOICE(hw-queue-flags): the patches name the flags of a queue and give no values; here they count from bit 0 in the
 * order of the register's fields. A length is in bytes, as iommufd has it of other queues.
 */
import { PRIVATE_REGIONS, VF_BYTES } from "../../../arch/amdvi/viommu.ts";
import type { FieldNumbers } from "../../../base/encode.ts";
import { join } from "../../../base/halves.ts";
import type { Command } from "../../../kernel/amdvi/command_buffer.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { KernelRegisters } from "../../../kernel/registers.ts";
import { type Made, made, refused, type Status } from "../../errno.ts";
import { HwQueueType } from "../../iommufd/ioctls.ts";
import { struct, u64 } from "../../uapi_struct.ts";
import {
  type DriverData,
  type DriverViommu,
  type HardwareQueues,
  type HostDevice,
  type NestedDomain,
  type QueueRequest,
  readDriverData,
  type ViommuCore,
} from "../driver.ts";
import type { AmdPaging } from "./amd_domains.ts";
import type { AmdDriver } from "./amd_driver.ts";
import { AmdViommu } from "./amd_viommu.ts";

/** iommu_viommu_amd. */
const VIOMMU_DATA = struct("iommu_viommu_amd", "posted for Linux: include/uapi/linux/iommufd.h", [
  u64("out_vfmmio_mmap_offset", "offset of the guest's page of registers, for mmap"),
]);

/** A buffer that hardware works on: the register that places it, and what a caller's flags enable, from bit 0. */
interface QueueKind {
  readonly register: string;
  readonly length: string;
  readonly base: string;
  /** What a unit of the base field is, in bytes. */
  readonly baseUnit: number;
  readonly flags: readonly string[];
}

const QUEUES: Readonly<Record<number, QueueKind>> = {
  [HwQueueType.AMD_CMD]: {
    register: "GUEST_CMD_CONTROL",
    length: "ComLen",
    base: "ComBase",
    baseUnit: 1,
    flags: ["CmdBufEn", "ComWaitIntEn"],
  },
  [HwQueueType.AMD_EVT]: {
    register: "GUEST_EVT_CONTROL",
    length: "EventLen",
    base: "EventBase",
    baseUnit: 1,
    flags: ["EventLogEn", "EventIntEn"],
  },
  [HwQueueType.AMD_PPR]: {
    register: "GUEST_PPR_CONTROL",
    length: "PPRLogLen",
    base: "PPRLogBase_51_12",
    baseUnit: 0x1000,
    flags: ["PPRLogEn", "PprIntEn", "PPREn", "PprAutoRspEn", "BlkStopMrkEn", "PprAutoRspAon"],
  },
};

/** Every flag of any kind. */
const MOST_FLAGS = Math.max(...Object.values(QUEUES).map(({ flags }) => flags.length));
/** log2 of the entries of a buffer, 16 bytes each (48882, CMD_BASE). */
const ENTRIES_LG2 = { least: 8, most: 15 };
const ENTRY_BYTES_LG2 = 4;
const PAGE = 0x1000n;
const MOST_VIRTUAL_ID = 0xffffn;
/** Ids of guests; 0 is nobody's. */
const GUESTS = { first: 1, end: 256 };
/** DeviceIDs that no device has, from the last one down, lead to the memory of guests. */
const LAST_DEVICE = 0xffff;

const GUESTS_ON = { vIommuEn: 1, vCmdEn: 1, GstBufferTRPMode: 1 };

/** Memory behind a piece of the private address space. */
interface BackedRegion {
  readonly at: bigint;
  readonly pa: number;
  readonly bytes: number;
}

const reset = (guestId: number): Command => ({ name: "RESET_VMMIO", fields: { GuestID: guestId, All: 1 } });

/** What the vIOMMUs of one IOMMU share: its private address space, ids, and the registers that guests reach. */
export class HwViommus {
  readonly driver: AmdDriver;
  readonly registers: KernelRegisters;
  /** Physical address of the first guest's page of registers. */
  readonly #pages: bigint;
  readonly #memory: OwnMemory;
  readonly #privateSpace: AmdPaging;
  readonly #guests = new Set<number>();
  readonly #owners = new Map<HostDevice, { readonly guestId: number; readonly virtualId: number }>();

  private constructor(
    driver: AmdDriver,
    registers: KernelRegisters,
    memory: OwnMemory,
    parts: { pages: bigint; space: AmdPaging },
  ) {
    this.driver = driver;
    this.registers = registers;
    this.#memory = memory;
    this.#pages = parts.pages;
    this.#privateSpace = parts.space;
  }

  /** Give the IOMMU its private address space, and switch guests on. */
  static start(driver: AmdDriver, registers: KernelRegisters, memory: OwnMemory, pages: bigint): Made<HwViommus> {
    const space = driver.makePaging({ format: "host", nestParent: false, tracked: false });
    if (!space.ok) return space;
    const own = Number(registers.read("PCI_RID") & 0xffffn);
    driver.attachments.lead(own, space.value);
    registers.update("CONTROL", GUESTS_ON);
    return made(new HwViommus(driver, registers, memory, { pages, space: space.value }));
  }

  /** A guest, with memory for its id maps. */
  open(core: ViommuCore, parent: AmdPaging, data: DriverData): Made<HwViommu> {
    const given = readDriverData(data, VIOMMU_DATA.size, VIOMMU_DATA.size);
    if (!given.ok) return given;
    let guestId = GUESTS.first;
    while (this.#guests.has(guestId)) guestId++;
    if (guestId >= GUESTS.end) return refused("ENOSPC");
    const maps = this.#mapTables(guestId);
    if (!maps.ok) return maps;
    this.#guests.add(guestId);
    const offset = core.exposePages(this.#pages + BigInt(guestId * VF_BYTES), BigInt(VF_BYTES));
    if (!data.write(VIOMMU_DATA.encode({ out_vfmmio_mmap_offset: offset }))) {
      this.close(guestId, maps.value);
      return refused("EFAULT");
    }
    this.driver.run(reset(guestId));
    this.driver.attachments.lead(this.translating(guestId), parent);
    this.write(guestId, "GUEST_MISC_CONTROL", { TransDevID: this.translating(guestId) });
    return made(new HwViommu(this, core, guestId, parent, maps.value));
  }

  /** A guest is gone. */
  close(guestId: number, maps: readonly BackedRegion[]): void {
    this.driver.run(reset(guestId));
    this.driver.attachments.lead(this.translating(guestId), null);
    for (const region of maps) this.#unback(region);
    this.#guests.delete(guestId);
  }

  /** The device whose entry leads to a guest's memory. */
  translating(guestId: number): number {
    return LAST_DEVICE - guestId;
  }

  write(guestId: number, register: string, fields: FieldNumbers): void {
    this.registers.writeFields(`VF${guestId}_${register}`, fields);
  }

  /** A device belongs to a guest now, or to none. */
  own(device: HostDevice, owner: { readonly guestId: number; readonly virtualId: number } | null): void {
    if (owner === null) this.#owners.delete(device);
    else this.#owners.set(device, owner);
    this.driver.attachments.renew(device);
  }

  /** Fields of a device's entry that say whose it is. */
  entryFields(device: HostDevice): FieldNumbers {
    const owner = this.#owners.get(device);
    return owner === undefined ? {} : { vImuEn: 1, GuestID: owner.guestId, GDeviceID: owner.virtualId };
  }

  /** Memory behind a guest's parts of the private address space. */
  #mapTables(guestId: number): Made<BackedRegion[]> {
    const backed: BackedRegion[] = [];
    for (const { baseHi, bytes } of [PRIVATE_REGIONS.DeviceIdMap, PRIVATE_REGIONS.DomainIdMap]) {
      const pa = this.#memory.allocate(bytes);
      const at = join(baseHi, 0) + BigInt(guestId * bytes);
      const rights = { read: true, write: true };
      const failed = pa === null ? "ENOMEM" : this.#privateSpace.map(at, BigInt(pa), BigInt(bytes), rights);
      if (failed !== null) {
        if (pa !== null) this.#memory.release(pa, bytes);
        for (const region of backed) this.#unback(region);
        return refused(failed);
      }
      backed.push({ at, pa: pa!, bytes });
    }
    return made(backed);
  }

  #unback({ at, pa, bytes }: BackedRegion): void {
    this.#privateSpace.unmap(at, BigInt(bytes));
    this.#memory.release(pa, bytes);
  }
}

/** One guest's. */
export class HwViommu implements DriverViommu, HardwareQueues {
  readonly queues: HardwareQueues = this;
  readonly flags = 2 ** MOST_FLAGS - 1;
  readonly allocNested: (flags: number, data: DriverData) => Made<NestedDomain>;
  readonly #shared: HwViommus;
  readonly #core: ViommuCore;
  readonly #guestId: number;
  readonly #maps: readonly BackedRegion[];
  readonly #open = new Set<number>();

  constructor(shared: HwViommus, core: ViommuCore, guestId: number, parent: AmdPaging, maps: readonly BackedRegion[]) {
    this.#shared = shared;
    this.#core = core;
    this.#guestId = guestId;
    this.#maps = maps;
    const nested = new AmdViommu(shared.driver, parent, true, (guest, host) =>
      this.#map("GUEST_DID_MAP_CONTROL1", guest, host),
    );
    this.allocNested = (flags, data) => nested.allocNested!(flags, data);
  }

  addDevice(device: HostDevice, virtualId: bigint): Status {
    if (virtualId > MOST_VIRTUAL_ID) return "EINVAL";
    this.#map("GUEST_DID_MAP_CONTROL0", Number(virtualId), device.sid);
    this.#shared.own(device, { guestId: this.#guestId, virtualId: Number(virtualId) });
    return null;
  }

  removeDevice(device: HostDevice): void {
    const virtualId = this.#core.virtualId(device);
    if (virtualId !== null) this.#map("GUEST_DID_MAP_CONTROL0", Number(virtualId), 0);
    this.#shared.own(device, null);
  }

  offers(type: number): boolean {
    return QUEUES[type] !== undefined;
  }

  open({ type, flags, index, iova, length }: QueueRequest): Status {
    const { register, length: lengthField, base, baseUnit, flags: names } = QUEUES[type]!;
    if (index !== 0 || flags >= 2 ** names.length) return "EINVAL";
    if (this.#open.has(type)) return "EEXIST";
    const lg2 = length.toString(2).length - 1 - ENTRY_BYTES_LG2;
    if ((length & (length - 1n)) !== 0n || lg2 < ENTRIES_LG2.least || lg2 > ENTRIES_LG2.most || iova % PAGE !== 0n)
      return "EINVAL";
    this.#open.add(type);
    const enabled = Object.fromEntries(names.map((name, bit) => [name, (flags >>> bit) & 1]));
    this.#shared.write(this.#guestId, register, {
      [lengthField]: lg2,
      [base]: Number(iova) / baseUnit,
      ...enabled,
    });
    return null;
  }

  close({ type }: Pick<QueueRequest, "type">): void {
    this.#shared.write(this.#guestId, QUEUES[type]!.register, {});
    this.#open.delete(type);
  }

  release(): void {
    for (const type of this.#open) this.close({ type });
    this.#shared.close(this.#guestId, this.#maps);
  }

  /** Have hardware know a guest's id as the host's; 0 for none. */
  #map(register: string, guest: number, host: number): void {
    this.#shared.write(this.#guestId, register, { GuestId: guest, HostId: host, Valid: 1, Busy: 1 });
  }
}
