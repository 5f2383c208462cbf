/**
 * The host's AMD driver: it sets an IOMMU up through its registers and turns domains into device table entries, host
 * tables and commands. 48882 revision 3.10; rules as in Linux 7.2, drivers/iommu/amd.
 */
import type { Command } from "../../../kernel/amdvi/command_buffer.ts";
import { hasPasids } from "../../../kernel/amdvi/features.ts";
import { dropInterrupts } from "../../../kernel/amdvi/invalidations.ts";
import { AmdIommu } from "../../../kernel/amdvi/iommu.ts";
import { IdPool } from "../../../kernel/id_pool.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { RegisterPages } from "../../../kernel/platform.ts";
import { type Made, made, refused, type Status } from "../../errno.ts";
import { HwInfoType, HwptFlag, ViommuType } from "../../iommufd/ioctls.ts";
import { struct, u64 } from "../../uapi_struct.ts";
import type {
  Attachment,
  DeviceServices,
  DriverData,
  DriverViommu,
  HostDevice,
  IommuDriver,
  Message,
  PagingDomain,
  ReservedRegion,
  ViommuCore,
} from "../driver.ts";
import { TableDomain } from "../table_domain.ts";
import { AmdNested, AmdPaging, type PagingOptions } from "./amd_domains.ts";
import { guestTables, hostTables } from "./amd_tables.ts";
import { AmdViommu } from "./amd_viommu.ts";
import { Attachments } from "./attachments.ts";
import { HwViommus } from "./hw_viommu.ts";
import { InterruptTables } from "./interrupt_tables.ts";
import { servePageRequests } from "./page_requests.ts";

/** How the kernel treats nested domains. */
export interface AmdConfig {
  /** `as shipped`: they cannot be made; `as intended`: they can. */
  readonly nesting: "as shipped" | "as intended";
  /** Physical address of the pages of registers that guests reach by themselves; absent: firmware placed none. */
  readonly guestPages?: bigint;
  /** Ids of domains: all IOMMUs of a kernel have them in common (pdom_ids). Absent: this one has its own. */
  readonly domainIds?: IdPool;
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

/** DomainIDs, of which none has 0. */
const DOMAINS = 0x10000;
export const amdDomainIds = (): IdPool => new IdPool(1, DOMAINS);
const MOST_LOGGED = 256;
const PLAIN = { nestParent: false, tracked: false };

export class AmdDriver implements IommuDriver {
  readonly name = "amd-iommu";
  readonly config: AmdConfig;
  readonly domainIds: IdPool;
  /** The newest events. */
  readonly log: Uint32Array[] = [];
  readonly attachments: Attachments;
  readonly #memory: OwnMemory;
  readonly #iommu: AmdIommu;
  readonly #interrupts: InterruptTables;
  /** Guests whose buffers hardware works on; null before the first. */
  #guests: HwViommus | null = null;

  readonly viommu = {
    // The size that is asked for does not depend on the type.
    offers: (): boolean => true,
    make: (core: ViommuCore, type: number, parent: PagingDomain, data: DriverData | null): Made<DriverViommu> => {
      if (!(parent instanceof AmdPaging)) return refused("EINVAL");
      const intended = this.config.nesting === "as intended";
      if (intended && type === ViommuType.AMD && data !== null) return this.#hardwareViommu(core, parent, data);
      return made(new AmdViommu(this, parent, intended));
    },
  };

  private constructor(config: AmdConfig, iommu: AmdIommu, memory: OwnMemory) {
    this.config = config;
    this.domainIds = config.domainIds ?? amdDomainIds();
    this.#iommu = iommu;
    this.#memory = memory;
    this.#interrupts = new InterruptTables(memory);
    this.attachments = new Attachments(this, iommu, memory, (device) => [
      this.#interrupts.entryFields(device),
      this.#guests?.entryFields(device) ?? {},
    ]);
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

  /** What devices may use that have it. */
  get serves(): DeviceServices {
    const { has } = this.#iommu;
    return { ats: has("PCICAP_HEADER", "IotlbSup") === 1, pri: has("EFR", "PPRSup") === 1 };
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
    if (data !== null) return refused("EOPNOTSUPP");
    switch (flags) {
      case 0: {
        // Where there are no host tables, guest tables serve.
        const format = hostTables(this.#iommu.has) === null ? "guest" : "host";
        return this.makePaging({ ...PLAIN, format });
      }
      case HwptFlag.PASID:
        return hasPasids(this.#iommu.has) ? this.makePaging({ ...PLAIN, format: "guest" }) : refused("EOPNOTSUPP");
      case HwptFlag.DIRTY_TRACKING:
      case HwptFlag.NEST_PARENT:
      case HwptFlag.DIRTY_TRACKING | HwptFlag.NEST_PARENT: {
        const nestParent = (flags & HwptFlag.NEST_PARENT) !== 0;
        const tracked = (flags & HwptFlag.DIRTY_TRACKING) !== 0;
        if ((nestParent && !this.#nests()) || (tracked && !this.dirtyTracking())) return refused("EOPNOTSUPP");
        return this.makePaging({ format: "host", nestParent, tracked });
      }
      default:
        return refused("EOPNOTSUPP");
    }
  }

  /** Tables of the kernel's, empty. */
  makePaging(options: PagingOptions): Made<AmdPaging> {
    const kind = (options.format === "host" ? hostTables : guestTables)(this.#iommu.has);
    if (kind === null) return refused("EOPNOTSUPP");
    const domainId = this.domainIds.take();
    if (domainId === null) return refused("ENOSPC");
    const root = TableDomain.root(this.#memory, kind);
    if (root.ok) return made(new AmdPaging(this, this.#memory, { kind, root: root.value, domainId }, options));
    this.domainIds.release(domainId);
    return root;
  }

  attach(attachment: Attachment): Status {
    const { pasid, domain } = attachment;
    if (pasid !== null || !(domain instanceof AmdPaging || domain instanceof AmdNested)) return "EINVAL";
    return this.#takes(domain) ? this.attachments.install(attachment, domain) : "EINVAL";
  }

  /** Of what was made for another IOMMU: tables that this one can walk. What a guest has is of its vIOMMU's own. */
  #takes(domain: AmdPaging | AmdNested): boolean {
    if (domain instanceof AmdNested) return domain.driver === this;
    return domain.dirty === undefined || this.dirtyTracking();
  }

  pasidAttach(): boolean {
    // Only processes of the host are attached to PASIDs, which is no call of user space's.
    return false;
  }

  block(device: HostDevice, pasid: number | null): void {
    if (pasid === null) this.attachments.remove(device);
  }

  /** The message that a device is to send: its data is an index of the device's interrupt table. */
  message(device: HostDevice): Message | null {
    return this.#interrupts.message(device, () => this.run(dropInterrupts(device.sid)));
  }

  /** Read the logs, as the interrupts of events and page requests ask for. */
  interrupt(): void {
    for (const words of this.#iommu.events.take().records) if (this.log.push(words) > MOST_LOGGED) this.log.shift();
    servePageRequests(this.#iommu, (sid) => this.attachments.takerOf(sid));
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
}
