/**
 * The host's AMD driver: it sets an IOMMU up through its registers and turns domains into device table entries, host
 * tables and commands. 48882 revision 3.10; rules as in Linux 7.2, drivers/iommu/amd.
 */
import { DTE } from "../../../arch/amdvi/dte.ts";
import type { FieldNumbers } from "../../../base/encode.ts";
import type { AlignedRange } from "../../../kernel/address_range.ts";
import type { Command } from "../../../kernel/amdvi/command_buffer.ts";
import { BLOCKED } from "../../../kernel/amdvi/device_table.ts";
import { dropDevice, dropFromDevice, dropInterrupts, dropPages } from "../../../kernel/amdvi/invalidations.ts";
import { AmdIommu } from "../../../kernel/amdvi/iommu.ts";
import { IdPool } from "../../../kernel/id_pool.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { RegisterPages } from "../../../kernel/platform.ts";
import { amdV1Entries } from "../../../pagetable/entries/amdv1.ts";
import { entrySizeLg2 } from "../../../pagetable/format.ts";
import { type Made, made, refused, type Status } from "../../errno.ts";
import { HwInfoType, HwptFlag, ViommuType } from "../../iommufd/ioctls.ts";
import { struct, u64 } from "../../uapi_struct.ts";
import type {
  AnyDomain,
  Attachment,
  DriverData,
  DriverViommu,
  HostDevice,
  IommuDriver,
  Message,
  PagingDomain,
  ReservedRegion,
  ViommuCore,
} from "../driver.ts";
import { TableDomain, type TableKind } from "../table_domain.ts";
import { type AmdInstalled, AmdNested, AmdPaging } from "./amd_domains.ts";
import { AmdViommu } from "./amd_viommu.ts";
import { HwViommus } from "./hw_viommu.ts";
import { InterruptTables } from "./interrupt_tables.ts";

/** How the kernel treats nested domains. */
export interface AmdConfig {
  /** `as shipped`: they cannot be made; `as intended`: they can. */
  readonly nesting: "as shipped" | "as intended";
  /** Physical address of the pages of registers that guests reach by themselves; absent: firmware placed none. */
  readonly guestPages?: bigint;
}

const HW_INFO = struct("iommu_hw_info_amd", "include/uapi/linux/iommufd.h", [
  u64("efr", "extended features"),
  u64("efr2", "further features"),
]);

const RESERVED: readonly ReservedRegion[] = [
  { start: 0xfee0_0000n, last: 0xfeef_ffffn, kind: "hardware-msi" },
  // HyperTransport.
  { start: 0xfd_0000_0000n, last: 0xff_ffff_ffffn, kind: "reserved" },
];

/** DomainIDs. */
const DOMAINS = 0x10000;
/** Levels of host tables that EFR.HATS of 0 stands for, and the code of none at all. */
const LEAST_LEVELS = 4;
const NO_HOST_TABLES = 3;
const MOST_ADDRESS_BITS = 64;
/** HAD: accessed and dirty bits. */
const TRACK_DIRTY = 3;
const MOST_LOGGED = 256;

export class AmdDriver implements IommuDriver {
  readonly name = "amd-iommu";
  readonly config: AmdConfig;
  readonly domainIds = new IdPool(1, DOMAINS);
  /** The newest events. */
  readonly log: Uint32Array[] = [];
  readonly #memory: OwnMemory;
  readonly #iommu: AmdIommu;
  readonly #interrupts: InterruptTables;
  #installed: AmdInstalled[] = [];
  /** Guests whose buffers hardware works on; null before the first. */
  #guests: HwViommus | null = null;

  readonly viommu = {
    // The size that is asked for does not depend on the type.
    offers: (): boolean => true,
    make: (core: ViommuCore, type: number, parent: PagingDomain, data: DriverData | null): Made<DriverViommu> => {
      if (!(parent instanceof AmdPaging) || parent.driver !== this) return refused("EINVAL");
      const intended = this.config.nesting === "as intended";
      if (intended && type === ViommuType.AMD && data !== null) return this.#hardwareViommu(core, parent, data);
      return made(new AmdViommu(this, parent, intended));
    },
  };

  private constructor(config: AmdConfig, iommu: AmdIommu, memory: OwnMemory) {
    this.config = config;
    this.#iommu = iommu;
    this.#memory = memory;
    this.#interrupts = new InterruptTables(memory);
  }

  /** Set the IOMMU up. @returns null where it does not come up */
  static start(config: AmdConfig, pages: RegisterPages, memory: OwnMemory): AmdDriver | null {
    // Guest tables are taken into use wherever there are any; their root is the guest's own address where that is offered.
    const iommu = AmdIommu.start(pages, memory, (has) => ({
      GTEn: has("EFR", "GTSup"),
      GCR3TRPMode: has("EFR2", "GCR3TRPModeSup"),
    }));
    return typeof iommu === "string" ? null : new AmdDriver(config, iommu, memory);
  }

  /** A device is there: it is blocked until something is attached. */
  addDevice(device: HostDevice): Status {
    if (!this.#interrupts.add(device)) return "ENOMEM";
    this.block(device, null);
    return null;
  }

  /** Run commands and wait until they are complete. */
  run(...commands: readonly Command[]): void {
    this.#iommu.run(...commands);
  }

  /** A field of a feature register. */
  feature(register: "EFR" | "EFR2", name: string): number {
    return this.#iommu.has(register, name);
  }

  info(type: number): { readonly type: number; readonly bytes: Uint8Array } | null {
    if (type !== HwInfoType.DEFAULT && type !== HwInfoType.AMD) return null;
    const { registers } = this.#iommu;
    const values = { efr: registers.read("EFR"), efr2: registers.read("EFR2") };
    return { type: HwInfoType.AMD, bytes: HW_INFO.encode(values) };
  }

  dirtyTracking(): boolean {
    return this.feature("EFR", "HDSup") === 1;
  }

  coherent(): boolean {
    return true;
  }

  reserved(): readonly ReservedRegion[] {
    return RESERVED;
  }

  allocPaging(_device: HostDevice, flags: number, data: DriverData | null): Made<PagingDomain> {
    if (data !== null || (flags & ~(HwptFlag.DIRTY_TRACKING | HwptFlag.NEST_PARENT)) !== 0) {
      // UNMODELLED: domains of guest format for PASIDs (HWPT flag PASID); refused as without PASID support.
      return refused("EOPNOTSUPP");
    }
    const nestParent = (flags & HwptFlag.NEST_PARENT) !== 0;
    const tracked = (flags & HwptFlag.DIRTY_TRACKING) !== 0;
    if ((nestParent && !this.#nests()) || (tracked && !this.dirtyTracking())) return refused("EOPNOTSUPP");
    return this.makePaging({ nestParent, tracked });
  }

  /** Host tables, empty. */
  makePaging(options: { readonly nestParent: boolean; readonly tracked: boolean }): Made<AmdPaging> {
    const kind = hostTables(this.feature("EFR", "HATS"));
    if (kind === null) return refused("EOPNOTSUPP");
    const root = TableDomain.root(this.#memory, kind);
    if (!root.ok) return root;
    const domainId = this.domainIds.take();
    if (domainId === null) return refused("ENOSPC");
    return made(new AmdPaging(this, this.#memory, { kind, root: root.value, domainId, ...options }));
  }

  attach({ device, pasid, domain }: Attachment): Status {
    if (pasid !== null || !(domain instanceof AmdPaging || domain instanceof AmdNested)) return "EINVAL";
    if (domain.driver !== this) return "EINVAL";
    this.#install(device, this.#translation(device, domain));
    this.#installed = [...this.#installed.filter((i) => i.device !== device), { device, domain }];
    return null;
  }

  pasidAttach(domain: AnyDomain): boolean {
    return domain.kind === "paging";
  }

  block(device: HostDevice, pasid: number | null): void {
    if (pasid !== null) return;
    this.#installed = this.#installed.filter((i) => i.device !== device);
    this.#install(device, BLOCKED);
  }

  /** The message that a device is to send: its data is an index of the device's interrupt table. */
  message(device: HostDevice): Message | null {
    return this.#interrupts.message(device, () => this.run(dropInterrupts(device.sid)));
  }

  /** Read the event log, as the interrupt of an event asks for. */
  interrupt(): void {
    this.log.push(...this.#iommu.events.take().records);
    if (this.log.length > MOST_LOGGED) this.log.splice(0, this.log.length - MOST_LOGGED);
  }

  /** Nested domains that are attached over a parent. */
  nestedOn(parent: AmdPaging): readonly AmdNested[] {
    return this.#installed.flatMap(({ domain }) =>
      domain instanceof AmdNested && domain.parent === parent ? [domain] : [],
    );
  }

  /** What has devices drop a range of a domain, or of what nests on it, whose addresses are others. */
  droppingFromDevices(changed: AmdPaging, range: AlignedRange): Command[] {
    return this.#installed.flatMap(({ device, domain }) => {
      const nested = domain instanceof AmdNested && domain.parent === changed;
      if (!device.ats || (domain !== changed && !nested)) return [];
      return [dropFromDevice(device.sid, null, nested ? null : range)];
    });
  }

  /** Write the entry of what is no device of the host's, and drop what is cached of it. */
  writeEntry(deviceId: number, fields: FieldNumbers): void {
    this.#iommu.devices.write(deviceId, fields);
    this.run(dropDevice(deviceId));
  }

  /** Fields of an entry that translates by host tables. */
  entryOf(domain: AmdPaging): FieldNumbers {
    return {
      V: 1,
      TV: 1,
      IR: 1,
      IW: 1,
      Mode: domain.kindOfTables.shape.level + 1,
      HostPageTableRootPtr: domain.tables.root,
      DomainID: domain.domainId,
    };
  }

  /** Whose a device is has changed: its entry says so. */
  renew(device: HostDevice): void {
    const attached = this.#installed.find((i) => i.device === device);
    this.#install(device, attached === undefined ? BLOCKED : this.#translation(device, attached.domain));
  }

  /** Dirty bits are switched on or off: entries of the domain and of what nests on it say so. */
  trackingChanged(domain: AmdPaging): void {
    for (const { device, domain: used } of this.#installed) {
      const concerned = used === domain || (used instanceof AmdNested && used.parent === domain);
      if (concerned) this.#install(device, this.#translation(device, used));
    }
  }

  /** A vIOMMU that hardware carries out, where it does. */
  #hardwareViommu(core: ViommuCore, parent: AmdPaging, data: DriverData): Made<DriverViommu> {
    const { guestPages } = this.config;
    if (this.feature("EFR", "vIommuSup") === 0 || guestPages === undefined) return refused("EOPNOTSUPP");
    if (this.#guests === null) {
      const started = HwViommus.start(this, this.#iommu.registers, this.#memory, guestPages);
      if (!started.ok) return started;
      this.#guests = started.value;
    }
    return this.#guests.open(core, parent, data);
  }

  #nests(): boolean {
    const guest = this.feature("EFR", "GTSup") === 1 && this.feature("EFR", "GIoSup") === 1;
    return guest && this.feature("EFR2", "GCR3TRPModeSup") === 1;
  }

  #translation(device: HostDevice, domain: AmdPaging | AmdNested): FieldNumbers {
    const parent = domain instanceof AmdNested ? domain.parent : domain;
    const host = {
      ...this.entryOf(parent),
      DomainID: domain.domainId,
      ...(parent.tracking ? { HAD: TRACK_DIRTY } : {}),
      ...(device.ats ? { I: 1 } : {}),
    };
    if (!(domain instanceof AmdNested)) return host;
    return domain.valid ? { ...host, ...domain.guest, GV: 1 } : BLOCKED;
  }

  /** Write a device's entry, with the host's interrupt fields, and drop what is cached of the device. */
  #install(device: HostDevice, fields: FieldNumbers): void {
    const { devices } = this.#iommu;
    const before = DTE.f.DomainID.get(devices.read(device.sid), 0);
    const whose = { ...this.#interrupts.entryFields(device), ...this.#guests?.entryFields(device) };
    devices.write(device.sid, { ...fields, ...whose });
    const own = device.ats ? [dropFromDevice(device.sid, null, null)] : [];
    this.run(dropDevice(device.sid), dropPages(before, null), ...own);
  }
}

/**
 * Host tables of as many levels as the IOMMU has, which is what a domain grows to; null where it has none.
 * @param hats EFR.HATS
 */
function hostTables(hats: number): TableKind | null {
  if (hats === NO_HOST_TABLES) return null;
  const maker = amdV1Entries(true);
  const level = LEAST_LEVELS + hats - 1;
  const inputBits = Math.min(MOST_ADDRESS_BITS, entrySizeLg2(maker.fmt, level + 1));
  return { maker, shape: { level, inputBits }, aperture: { start: 0n, last: (1n << BigInt(inputBits)) - 1n } };
}
