/**
 * The host's AMD driver: it sets an IOMMU up through its registers and turns domains into device table entries, host
 * tables and commands. 48882 revision 3.10; rules as in Linux 7.2, drivers/iommu/amd.
 */
import {
  INVALIDATE_DEVTAB_ENTRY,
  INVALIDATE_INTERRUPT_TABLE,
  INVALIDATE_IOMMU_ALL,
} from "../../../arch/amdvi/commands.ts";
import { DTE, DTE_BYTES } from "../../../arch/amdvi/dte.ts";
import { eventByCode } from "../../../arch/amdvi/events.ts";
import { IRTE } from "../../../arch/amdvi/irte.ts";
import { registerByName } from "../../../arch/amdvi/registers.ts";
import { encodeFields, type FieldNumbers } from "../../../base/encode.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { RegisterPages } from "../../../kernel/platform.ts";
import { KernelRegisters } from "../../../kernel/registers.ts";
import { amdV1Entries } from "../../../pagetable/entries/amdv1.ts";
import { type Made, made, refused, type Status } from "../../errno.ts";
import { HwInfoType, HwptFlag, ViommuType } from "../../iommufd/ioctls.ts";
import { ULONG_MAX } from "../../iommufd/ranges.ts";
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
import { type AmdInstalled, AmdNested, AmdPaging, dropDomain } from "./amd_domains.ts";
import { AmdViommu } from "./amd_viommu.ts";
import { type Command, CommandBuffer } from "./command_buffer.ts";
import { HwViommus } from "./hw_viommu.ts";

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

const DEVICES = 0x10000;
const DEVICE_TABLE_PAGES = (DEVICES * DTE_BYTES) / 4096;
const EVENTS_LG2 = 9;
const EVENT_BYTES = 16;
/** Every record is as long as that of IO_PAGE_FAULT. */
const EVENT_RECORD = eventByCode(2)!.layout;
const INTERRUPTS_LG2 = 9;
const INTERRUPT_BYTES = IRTE.bits / 8;
const FIRST_VECTOR = 0x41;
const APIC_BASE = 0xfee0_0000n;
/** Host tables of six levels: 64-bit addresses. */
const LEVELS = 6;
const ADDRESS_BITS = 64;
const REMAPPED = 2;
const TRACK_DIRTY = 3;
/** STATUS.EventLogInt and EventOverflow, written to clear. */
const EVENT_STATUS = 3n;
const MOST_LOGGED = 256;
/** Fields of an entry that lets nothing pass. */
const BLOCKED: FieldNumbers = { V: 1, TV: 1 };

export class AmdDriver implements IommuDriver {
  readonly name = "amd-iommu";
  readonly config: AmdConfig;
  readonly domainIds = new Set<number>();
  /** The newest events. */
  readonly log: Uint32Array[] = [];
  readonly #registers: KernelRegisters;
  readonly #memory: OwnMemory;
  readonly #commands: CommandBuffer;
  readonly #table: number;
  readonly #events: number;
  readonly #interruptTables = new Map<number, number>();
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

  private constructor(
    config: AmdConfig,
    registers: KernelRegisters,
    memory: OwnMemory,
    parts: { commands: CommandBuffer; table: number; events: number },
  ) {
    this.config = config;
    this.#registers = registers;
    this.#memory = memory;
    this.#commands = parts.commands;
    this.#table = parts.table;
    this.#events = parts.events;
  }

  /** Set the IOMMU up. @returns null without memory */
  static start(config: AmdConfig, pages: RegisterPages, memory: OwnMemory): AmdDriver | null {
    const registers = new KernelRegisters(pages, memory.notes, registerByName);
    const table = memory.allocate(DEVICES * DTE_BYTES);
    const events = memory.allocate(EVENT_BYTES * 2 ** EVENTS_LG2);
    const commands = CommandBuffer.make(registers, memory);
    if (table === null || events === null || commands === null) return null;
    registers.writeFields("DEVTAB_BASE", { DevTabBase: table, Size: DEVICE_TABLE_PAGES - 1 });
    registers.writeFields("EVT_BASE", { EventBase: events, EventLen: EVENTS_LG2 });
    registers.write("EVT_HEAD", 0n);
    registers.write("EVT_TAIL", 0n);
    const driver = new AmdDriver(config, registers, memory, { commands, table, events });
    // Guest tables are taken into use wherever there are any; their root is the guest's own address where that is offered.
    const guest = {
      GTEn: driver.feature("EFR", "GTSup"),
      GCR3TRPMode: driver.feature("EFR2", "GCR3TRPModeSup"),
    };
    registers.writeFields("CONTROL", { EventLogEn: 1, CmdBufEn: 1, Coherent: 1, ...guest, IommuEn: 1 });
    if (driver.feature("EFR", "IASup") === 1) driver.run([{ layout: INVALIDATE_IOMMU_ALL, fields: {} }]);
    return driver;
  }

  /** A device is there: it is blocked until something is attached. */
  addDevice(device: HostDevice): Status {
    const table = this.#memory.allocate(INTERRUPT_BYTES * 2 ** INTERRUPTS_LG2);
    if (table === null) return "ENOMEM";
    this.#interruptTables.set(device.sid, table);
    this.block(device, null);
    return null;
  }

  /** Run commands and wait until they are complete. */
  run(commands: readonly Command[]): void {
    this.#commands.run(commands);
  }

  /** A field of a feature register. */
  feature(register: "EFR" | "EFR2", name: string): number {
    return this.#registers.field(register, name);
  }

  info(type: number): { readonly type: number; readonly bytes: Uint8Array } | null {
    if (type !== HwInfoType.DEFAULT && type !== HwInfoType.AMD) return null;
    const values = { efr: this.#registers.read("EFR"), efr2: this.#registers.read("EFR2") };
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
    const kind: TableKind = {
      maker: amdV1Entries(true),
      shape: { level: LEVELS - 1, inputBits: ADDRESS_BITS },
      aperture: { start: 0n, last: ULONG_MAX },
    };
    const root = TableDomain.root(this.#memory, kind);
    if (!root.ok) return root;
    const domainId = this.takeDomainId();
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
    const table = this.#interruptTables.get(device.sid);
    if (table === undefined) return null;
    const words = encodeFields(IRTE, { RemapEn: 1, Vector: FIRST_VECTOR });
    this.#memory.read(table);
    this.#memory.write(table, this.#memory.hi, words[0]!);
    this.run([{ layout: INVALIDATE_INTERRUPT_TABLE, fields: { DeviceID: device.sid } }]);
    return { address: APIC_BASE, data: 0 };
  }

  /** Read the event log, as the interrupt of an event asks for. */
  interrupt(): void {
    const tail = Number(this.#registers.read("EVT_TAIL"));
    let head = Number(this.#registers.read("EVT_HEAD"));
    while (head !== tail) {
      const words = this.#memory.readWords(this.#events + head, EVENT_RECORD);
      if (this.log.push(words) > MOST_LOGGED) this.log.shift();
      head = (head + EVENT_BYTES) % (EVENT_BYTES * 2 ** EVENTS_LG2);
    }
    this.#registers.write("EVT_HEAD", BigInt(head));
    this.#registers.write("STATUS", EVENT_STATUS);
  }

  /** Nested domains that are attached over a parent. */
  nestedOn(parent: AmdPaging): readonly AmdNested[] {
    return this.#installed.flatMap(({ domain }) =>
      domain instanceof AmdNested && domain.parent === parent ? [domain] : [],
    );
  }

  /** Write the entry of what is no device of the host's, and drop what is cached of it. */
  writeEntry(deviceId: number, fields: FieldNumbers): void {
    const at = this.#table + DTE_BYTES * deviceId;
    this.#memory.writeFields(at, DTE, fields);
    this.run([{ layout: INVALIDATE_DEVTAB_ENTRY, fields: { DeviceID: deviceId } }]);
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

  takeDomainId(): number | null {
    for (let id = 1; id < DEVICES; id++) {
      if (this.domainIds.has(id)) continue;
      this.domainIds.add(id);
      return id;
    }
    return null;
  }

  /** A vIOMMU that hardware carries out, where it does. */
  #hardwareViommu(core: ViommuCore, parent: AmdPaging, data: DriverData): Made<DriverViommu> {
    const { guestPages } = this.config;
    if (this.feature("EFR", "vIommuSup") === 0 || guestPages === undefined) return refused("EOPNOTSUPP");
    if (this.#guests === null) {
      const started = HwViommus.start(this, this.#registers, this.#memory, guestPages);
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
    const at = this.#table + DTE_BYTES * device.sid;
    const before = DTE.f.DomainID.get(this.#memory.readWords(at, DTE), 0);
    const table = this.#interruptTables.get(device.sid);
    const interrupts =
      table === undefined ? {} : { IV: 1, IntCtl: REMAPPED, IntTabLen: INTERRUPTS_LG2, InterruptTableRootPtr: table };
    this.#memory.writeFields(at, DTE, { ...fields, ...interrupts, ...this.#guests?.entryFields(device) });
    this.run([{ layout: INVALIDATE_DEVTAB_ENTRY, fields: { DeviceID: device.sid } }, dropDomain(before)]);
  }
}
