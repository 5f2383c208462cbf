/**
 * A host kernel on a machine: its IOMMU driver over the machine's registers and memory, its devices, and processes that
 * open its files.
 */

import type { Journal } from "../../actors/journal.ts";
import type { SystemCalls } from "../../actors/vmm/user_space.ts";
import { VF_BASE } from "../../arch/amdvi/registers.ts";
import { SMMU_IDR0 } from "../../arch/smmuv3/id_registers.ts";
import { low } from "../../base/halves.ts";
import { type AmdConfig, AmdDriver, amdDomainIds } from "../../host/drivers/amdvi/amd_driver.ts";
import type { DeviceServices, HostDevice, IommuDriver } from "../../host/drivers/driver.ts";
import { SmmuDriver } from "../../host/drivers/smmuv3/smmu_driver.ts";
import { VtdDriver } from "../../host/drivers/vtd/vtd_driver.ts";
import { absentCall } from "../../host/eras/absent_calls.ts";
import { ERA_RULES, type EraName } from "../../host/eras/eras.ts";
import type { Status } from "../../host/errno.ts";
import { IommufdFile } from "../../host/iommufd/file.ts";
import { HWPT_INVALIDATE } from "../../host/iommufd/ioctls.ts";
import { EventFile, HostKernel } from "../../host/kernel.ts";
import { KvmHost } from "../../host/kvm/kvm.ts";
import { type OpenFile, Process, type UserRegion } from "../../host/process.ts";
import type { MediatedPart } from "../../host/vfio/mediated.ts";
import type { OwnMemory } from "../../kernel/own_memory.ts";
import type { RegisterPages } from "../../kernel/platform.ts";
import { asidPool } from "../../kernel/smmuv3/smmu.ts";
import type { Arch, DeviceDescription } from "../../protocol/machine.ts";
import type { KernelObjectRow, VmidOwner } from "../../protocol/software.ts";
import { ofUnit, unitNumbers } from "../../protocol/unit_names.ts";
import { ownMemory } from "../kernel_memory.ts";
import type { Machine } from "../machine.ts";
import { PLACES } from "../software_memory.ts";
import type { RegisterBlock } from "../unit.ts";
import { containerObjects } from "./container_objects.ts";
import { type EffectRecorder, registerPages } from "./effects.ts";
import { openFile, readLink } from "./host_files.ts";
import { kernelObjects } from "./kernel_objects.ts";

/** Sizes of a server's pages, in bytes. */
const SIZES = { page: 0x1000n, hugePage: 0x20_0000n };
/** Doorbell of an interrupt controller. */
const DOORBELL = BigInt(PLACES.doorbell.at + 0x40);
const PCI_PASIDS_LG2 = 6;
/** Physical address of the first page of the Command Queue Virtualization extension, where there is one. */
const CMDQV_AT = 0x520_0000n;
const CMDQV = "cmdqv";
/** Block of a processor's TLBI instructions. */
const PROCESSOR = "pe";
/** Physical address of the first guest's page of registers of an AMD IOMMU with hardware vIOMMUs. */
const AMD_GUESTS_AT = 0xf_e000_0000n;
/** Those of several IOMMUs are so many bytes apart. */
const APART = 0x100_0000n;

/** Registers that user space can map, of the first IOMMU: their physical address, and where they stand in which block. */
interface RegisterWindow {
  readonly at: bigint;
  readonly block: string | null;
  readonly offset: number;
}

const WINDOWS: Readonly<Partial<Record<Arch, RegisterWindow>>> = {
  smmuv3: { at: CMDQV_AT, block: CMDQV, offset: 0 },
  amdvi: { at: AMD_GUESTS_AT, block: null, offset: VF_BASE },
};

/** The block of registers beside an IOMMU's own that interrupts by itself. */
const INTERRUPTING: Readonly<Partial<Record<Arch, string>>> = { smmuv3: CMDQV };

/** A driver of the host's, as the machine around it sees it. */
interface HostDriver extends IommuDriver {
  /** The IOMMU has interrupted: events are read and handed on. */
  interrupt(): void;
  /** What stands beside the IOMMU has interrupted. */
  extensionInterrupt?(): void;
  readonly serves: DeviceServices;
  /** Devices can send no interrupts but their own; absent: so it is. */
  readonly isolatesMessages?: boolean;
  /** Of a driver that has something of its own for each device: the device is there, and blocked. */
  addDevice?(device: HostDevice): Status;
}

/** What the host's kernel is built as. */
export interface HostOptions {
  /** Whether the AMD driver makes nested domains, which Linux 7.2 has the code for and does not. */
  readonly amdNesting: AmdConfig["nesting"];
  /** Firmware does not say that the SMMUv3's root complex keeps every access coherent; absent: it does. */
  readonly incoherentRootComplex?: boolean;
  /** What user space finds; absent: Linux 7.2. */
  readonly era?: EraName;
  /** Mediated devices that somebody has made, which only some eras have; absent: none. */
  readonly mediated?: readonly MediatedPart[];
  /** Whose VMIDs the SMMUv3 driver uses; absent: its own. */
  readonly vmid?: VmidOwner;
  /** Physical PARTIDs of virtual machines behind an SMMUv3; absent: none. */
  readonly partids?: readonly number[];
  /** SMMUv3s share the stage 2 of a virtual machine; absent: each has its own. */
  readonly sharedStage2?: boolean;
}

/** Starts the driver of an IOMMU, by its number. @returns null without memory for its tables */
type StartDriver = (pages: PagesOf, unit: number, memory: OwnMemory) => HostDriver | null;

/** What the drivers of all IOMMUs of an architecture have in common. */
const START: Readonly<Record<Arch, (options: HostOptions, kvm: KvmHost | null) => StartDriver>> = {
  smmuv3: ({ incoherentRootComplex = false, partids = [], sharedStage2 = false }, kvm) => {
    const config = {
      pageLg2: 12,
      coherentRootComplex: !incoherentRootComplex,
      sva: true,
      partids,
      sharesStage2: sharedStage2,
      asids: asidPool(),
      ...(kvm === null ? {} : { kvm }),
    };
    return (pages, unit, memory) => {
      const extension = pages(CMDQV);
      const cmdqv = extension === null ? null : { pages: extension, base: CMDQV_AT + BigInt(unit) * APART };
      return SmmuDriver.start(config, pages(null)!, memory, cmdqv);
    };
  },
  vtd: () => (pages, _unit, memory) => VtdDriver.start(pages(null)!, memory),
  amdvi: ({ amdNesting }) => {
    const common = { nesting: amdNesting, domainIds: amdDomainIds() };
    return (pages, unit, memory) =>
      AmdDriver.start({ ...common, guestPages: AMD_GUESTS_AT + BigInt(unit) * APART }, pages(null)!, memory);
  },
};

/** Where the kernel's own memory lies. */
export interface KernelPlace {
  readonly at: number;
  readonly bytes: number;
}

/** A line by which registers interrupt, and whom. */
interface InterruptLine {
  readonly raised: () => number;
  readonly serve: () => void;
  served: number;
}

export class HostSystem {
  readonly kernel: HostKernel;
  readonly #drivers: readonly HostDriver[];
  readonly #lines: readonly InterruptLine[];
  readonly #pages: PagesOf;
  readonly #arch: Arch;
  readonly #journal: Journal;
  /** Every file that was opened by its path. */
  readonly #files: OpenFile[] = [];
  /** What {@link objects} answers; null after anything that may have changed it. */
  #rows: readonly KernelObjectRow[] | null = null;

  private constructor(
    arch: Arch,
    kernel: HostKernel,
    drivers: readonly HostDriver[],
    lines: readonly InterruptLine[],
    pages: PagesOf,
    journal: Journal,
  ) {
    this.#arch = arch;
    this.kernel = kernel;
    this.#drivers = drivers;
    this.#lines = lines;
    this.#pages = pages;
    this.#journal = journal;
  }

  /** Boot: a driver sets each IOMMU up. @returns null without a driver for them, or memory for their tables */
  static boot(
    machine: Machine,
    recorder: EffectRecorder,
    devices: readonly DeviceDescription[],
    place: KernelPlace,
    journal: Journal,
    options: HostOptions = { amdNesting: "as shipped" },
  ): HostSystem | null {
    const pages: PagesOf = (block) => registerPages(machine, recorder, block);
    const { arch } = machine.unit;
    const memory = ownMemory(machine.memory, place.at, place.bytes, journal.of("host"));
    const kvm = kvmHost(machine, pages, options.vmid ?? "SMMU driver");
    const start = START[arch](options, kvm);
    const drivers = unitNumbers(devices).map((unit) =>
      start(
        (block) => pages(blockOfUnit(unit, block)),
        unit,
        unit === 0 ? memory : memory.noted(journal.of("host", ofUnit(unit))),
      ),
    );
    if (!drivers.every((driver) => driver !== null)) return null;
    const hostDevices = devices.map((device, group) => hostDevice(device, group, drivers[device.iommu ?? 0]!));
    for (const device of hostDevices) {
      const { driver } = device;
      if (driver.addDevice === undefined) driver.block(device, null);
      else driver.addDevice(device);
    }
    const era = ERA_RULES[options.era ?? "Linux 7.2"];
    const msiIsolated = drivers.every((driver) => driver.isolatesMessages ?? true);
    const facts = { sizes: SIZES, mayChangeLimits: false, coherent: true, msiIsolated, doorbell: DOORBELL, era };
    const config = { ...facts, ...(kvm === null ? {} : { kvm }), mediated: options.mediated ?? [] };
    return new HostSystem(
      arch,
      new HostKernel(config, hostDevices),
      drivers,
      linesOf(machine, drivers),
      pages,
      journal,
    );
  }

  /** The drivers whose IOMMUs have interrupted since the last call look at what there is. @returns whether one has */
  serveInterrupts(): boolean {
    let any = false;
    for (const line of this.#lines) {
      if (line.raised() === line.served) continue;
      line.served = line.raised();
      line.serve();
      any = true;
    }
    return any;
  }

  /** Every driver looks at its IOMMU's queues, interrupted or not. */
  lookAtQueues(): void {
    for (const driver of this.#drivers) driver.interrupt();
  }

  /** System registers and TLBI instructions of a processor that the IOMMU hears; null where it hears none. */
  get processor(): RegisterPages | null {
    return this.#pages(PROCESSOR);
  }

  /** Objects of every open iommufd, or VFIO containers. */
  objects(): readonly KernelObjectRow[] {
    this.#rows ??= this.#makeRows();
    return this.#rows;
  }

  #makeRows(): KernelObjectRow[] {
    const files = this.#files.filter((f) => f instanceof IommufdFile);
    const drivers: readonly IommuDriver[] = this.#drivers;
    const where = (driver: IommuDriver): string | null =>
      drivers.length === 1 ? null : `IOMMU ${drivers.indexOf(driver)}`;
    const rows = files.flatMap(({ context }) => kernelObjects(context, where));
    const last = rows.reduce((most, { id }) => Math.max(most, id), 0);
    rows.push(...containerObjects(this.kernel, this.#files, last + 1));
    return rows;
  }

  /** A process with these pieces of physical memory. */
  process(machine: Machine, regions: readonly UserRegion[]): SystemCalls {
    const process = new Process(machine.memory, regions);
    const { kernel } = this;
    return {
      open: (path) => {
        this.#rows = null;
        const file = openFile(kernel, process, path);
        if (typeof file === "string") return file;
        this.#files.push(file);
        return process.install(file);
      },
      readlink: (path) => readLink(kernel, path),
      close: (fd) => {
        this.#rows = null;
        process.close(fd);
      },
      eventfd: () => process.install(new EventFile()),
      ioctl: (fd, request, argument) => {
        if (request !== HWPT_INVALIDATE.request) this.#rows = null;
        const returned = process.ioctl(fd, request, argument);
        const why = returned === "ENOTTY" ? absentCall(process.file(fd)!.kind, request, kernel.era.name) : null;
        if (why !== null) this.#journal.note("host", "intent", why);
        return returned;
      },
      read: (fd, count, offset = 0n) => process.file(fd)?.read?.(count, offset) ?? "EBADF",
      write: (fd, bytes, offset) => process.file(fd)?.write?.(bytes, offset) ?? "EBADF",
      mmap: (fd, offset, length) => this.#map(process.file(fd), offset, length),
      load: (va, length) => process.read(va, length),
      store: (va, bytes) => process.write(va, bytes),
    };
  }

  /** Map what a file hands out: pages of registers. */
  #map(file: OpenFile | null, offset: bigint, length: bigint): RegisterPages | string {
    const status = file?.mmap?.(offset, length, { shared: true, executable: false });
    if (status !== null) return status ?? "ENODEV";
    const region = file instanceof IommufdFile ? file.context.regions.get(offset) : undefined;
    const window = WINDOWS[this.#arch];
    if (region === undefined || window === undefined) return "ENXIO";
    const from = region.pa - window.at;
    const pages = this.#pages(blockOfUnit(Number(from / APART), window.block));
    if (pages === null) return "ENXIO";
    const first = window.offset + Number(from % APART);
    return {
      read: (at, width) => pages.read(first + at, width),
      write: (at, value, width) => pages.write(first + at, value, width),
    };
  }
}

/** What interrupts the host: each IOMMU, and what stands beside it. */
function linesOf({ unit }: Machine, drivers: readonly HostDriver[]): InterruptLine[] {
  const line = (name: string, serve: () => void): InterruptLine => {
    const registers: RegisterBlock | undefined = name === "" ? unit : unit.blocks?.[name];
    return { raised: () => registers?.interrupts ?? 0, serve, served: 0 };
  };
  return drivers.flatMap((driver, i): InterruptLine[] => {
    const beside = INTERRUPTING[unit.arch];
    const extension = beside === undefined ? [] : [line(ofUnit(i, beside), () => driver.extensionInterrupt?.())];
    return [...extension, line(ofUnit(i), () => driver.interrupt())];
  });
}

/** Registers of a block of the machine's unit, null for the unit's own; null where there is none. */
type PagesOf = (block: string | null) => RegisterPages | null;

/** The name in the machine of a block of one IOMMU, null for its own registers. */
const blockOfUnit = (unit: number, block: string | null): string | null =>
  unit === 0 ? block : ofUnit(unit, block ?? "");

function hostDevice(device: DeviceDescription, group: number, driver: HostDriver): HostDevice {
  return {
    name: device.bdf,
    group,
    sid: device.sid,
    driver,
    maxPasidLog2: PCI_PASIDS_LG2,
    ats: driver.serves.ats && device.ats !== undefined,
    pri: driver.serves.pri && device.ats !== undefined,
  };
}

/** KVM, where an SMMU is to know of virtual machines. CHOICE(vmid-bits): its VMIDs are as wide as the SMMU's. */
function kvmHost(machine: Machine, pages: PagesOf, vmid: VmidOwner): KvmHost | null {
  if (vmid === "SMMU driver") return null;
  const wide = SMMU_IDR0.f.VMID16.get([low(machine.registerValue("IDR0"))], 0) === 1;
  return new KvmHost(pages(PROCESSOR), wide ? 16 : 8, vmid === "KVM, pinned");
}
