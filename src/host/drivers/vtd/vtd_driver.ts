/**
 * The host's VT-d driver: it sets a unit up through its registers and turns domains into root, context and PASID entries,
 * page tables and invalidations. VT-d (document D51397, revision 4.1); rules as in Linux 7.2, drivers/iommu/intel.
 */
import type { AlignedRange } from "../../../kernel/address_range.ts";
import { IdPool } from "../../../kernel/id_pool.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { RegisterPages } from "../../../kernel/platform.ts";
import { RemappingUnit } from "../../../kernel/vtd/unit.ts";
import { type Made, made, refused, type Status } from "../../errno.ts";
import { HwInfoType, HwptDataType, HwptFlag } from "../../iommufd/ioctls.ts";
import { struct, u32, u64 } from "../../uapi_struct.ts";
import {
  type AnyDomain,
  type Attachment,
  type DeviceServices,
  type DriverData,
  type HostDevice,
  type IommuDriver,
  type Message,
  type NestedDomain,
  type PagingDomain,
  type ReservedRegion,
  readDriverData,
} from "../driver.ts";
import { pageSizesOf, TableDomain } from "../table_domain.ts";
import { Attachments, NestedFlag, type VtdDomain } from "./attachments.ts";
import { InterruptMessages } from "./interrupt_messages.ts";
import { servePageRequests } from "./page_requests.ts";
import { HWPT_VTD_S1, VtdNested, VtdPaging } from "./vtd_domains.ts";
import { firstStageTables, secondStageTables } from "./vtd_tables.ts";

const HW_INFO = struct("iommu_hw_info_vtd", "include/uapi/linux/iommufd.h", [
  u32("flags", "1: erratum 772415"),
  u32("__reserved", "zero"),
  u64("cap_reg", "capability register"),
  u64("ecap_reg", "extended capability register"),
]);
/** Linux sets this whatever the unit is. */
const ERRATUM_772415 = 1;

const APIC_WINDOW: ReservedRegion = { start: 0xfee0_0000n, last: 0xfeef_ffffn, kind: "hardware-msi" };
/** Records that the log keeps. */
const MOST_LOGGED = 256;

export class VtdDriver implements IommuDriver {
  readonly name = "intel-iommu";
  readonly serves: DeviceServices = { ats: true, pri: true };
  readonly #memory: OwnMemory;
  readonly #unit: RemappingUnit;
  readonly #attachments: Attachments;
  /** Null where the unit remaps no interrupts. */
  readonly #messages: InterruptMessages | null;
  /** Ids of domains that the unit's devices use. */
  readonly ids: IdPool;
  /** The newest fault records. */
  readonly log: Uint32Array[] = [];

  private constructor(unit: RemappingUnit, memory: OwnMemory, messages: InterruptMessages | null) {
    this.#unit = unit;
    this.#memory = memory;
    this.#messages = messages;
    this.#attachments = new Attachments(this, unit, memory);
    // Domain 0 is kept free: with caching mode it would tag what is not present.
    this.ids = new IdPool(1, 4 ** (2 + unit.has("CAP", "ND")));
  }

  /** Set the unit up. @returns null where it does not come up */
  static start(pages: RegisterPages, memory: OwnMemory): VtdDriver | null {
    const unit = RemappingUnit.start(pages, memory, (has) => has("ECAP", "SMTS") === 1);
    if (typeof unit === "string") return null;
    const remaps = unit.has("ECAP", "IR") === 1;
    const messages = remaps ? InterruptMessages.start(unit, memory) : null;
    if (remaps && messages === null) return null;
    unit.commands.give("TE");
    return new VtdDriver(unit, memory, messages);
  }

  addDevice(device: HostDevice): Status {
    return this.#attachments.add(device) ? null : "ENOMEM";
  }

  info(type: number): { readonly type: number; readonly bytes: Uint8Array } | null {
    if (type !== HwInfoType.DEFAULT && type !== HwInfoType.INTEL_VTD) return null;
    const { registers } = this.#unit;
    const values = { flags: ERRATUM_772415, cap_reg: registers.read("CAP"), ecap_reg: registers.read("ECAP") };
    return { type: HwInfoType.INTEL_VTD, bytes: HW_INFO.encode(values) };
  }

  dirtyTracking(): boolean {
    return this.#scalable && this.#has("ECAP", "SSADS") && this.#has("ECAP", "SMPWCS");
  }

  coherent(): boolean {
    return this.#has("ECAP", "SC");
  }

  reserved(): readonly ReservedRegion[] {
    return [APIC_WINDOW];
  }

  allocPaging(_device: HostDevice, flags: number, data: DriverData | null): Made<PagingDomain> {
    if (data !== null) return refused("EOPNOTSUPP");
    const firstStage = this.#scalable && this.#has("ECAP", "FSTS");
    if ((flags & ~HwptFlag.PASID) === 0 && firstStage) return this.#make(1, flags);
    if ((flags & ~(HwptFlag.NEST_PARENT | HwptFlag.DIRTY_TRACKING | HwptFlag.PASID)) !== 0)
      return refused("EOPNOTSUPP");
    if ((flags & HwptFlag.NEST_PARENT) !== 0 && !this.#nests()) return refused("EOPNOTSUPP");
    if ((flags & HwptFlag.DIRTY_TRACKING) !== 0 && !this.dirtyTracking()) return refused("EOPNOTSUPP");
    if (this.#scalable && !this.#has("ECAP", "SSTS")) return refused("EOPNOTSUPP");
    return this.#make(2, flags);
  }

  allocNested(_device: HostDevice, parent: PagingDomain, flags: number, data: DriverData): Made<NestedDomain> {
    if (!this.#nests() || (flags & ~HwptFlag.PASID) !== 0) return refused("EOPNOTSUPP");
    if (data.type !== HwptDataType.VTD_S1) return refused("EOPNOTSUPP");
    if (!(parent instanceof VtdPaging) || parent.stage !== 2 || !parent.nestParent) return refused("EINVAL");
    const bytes = readDriverData(data, HWPT_VTD_S1.size, HWPT_VTD_S1.size);
    if (!bytes.ok) return bytes;
    return made(new VtdNested(this, parent, HWPT_VTD_S1.decode(bytes.value)));
  }

  attach(attachment: Attachment): Status {
    const { device, pasid, domain, faults } = attachment;
    if (!(domain instanceof VtdNested || domain instanceof VtdPaging)) return "EINVAL";
    if (pasid !== null && !(this.#scalable && this.#has("ECAP", "PASID"))) return "EOPNOTSUPP";
    if (!this.#walks(domain instanceof VtdNested ? domain.parent : domain)) return "EINVAL";
    if (faults !== null && !device.pri) return "ENODEV";
    const status = domain instanceof VtdNested ? this.#checkNested(domain) : null;
    return status ?? this.#attachments.install(attachment, domain);
  }

  pasidAttach(_domain: AnyDomain): boolean {
    // Every kind of domain has it; a unit without PASIDs refuses when it is asked.
    return true;
  }

  block(device: HostDevice, pasid: number | null): void {
    this.#attachments.remove(device, pasid);
  }

  /** Linux 5.2 to 5.17 had them, in scalable mode. */
  get auxiliaryDomains(): boolean {
    return this.#scalable && this.#has("ECAP", "PASID");
  }

  /** Whether devices can send no interrupts but their own. */
  get isolatesMessages(): boolean {
    return this.#messages !== null;
  }

  /** The message that a device is to send: a handle of an interrupt remapping entry. */
  message(device: HostDevice): Message | null {
    return this.#messages?.of(device) ?? null;
  }

  /** Take the fault records and page requests that are there, as their interrupts ask for. */
  interrupt(): void {
    servePageRequests(this.#unit, (sid, pasid) => this.#attachments.takerOf(sid, pasid));
    for (const words of this.#unit.takeFaults().records) if (this.log.push(words) > MOST_LOGGED) this.log.shift();
  }

  /** Drop what is cached of a range of a domain, wherever it is attached. @param range null for everything */
  drop(domain: VtdDomain, range: AlignedRange | null, leavesOnly: boolean): void {
    this.#unit.run(...this.#attachments.dropping(domain, range, leavesOnly));
  }

  /** Accessed and dirty bits are switched on or off. */
  trackingChanged(domain: VtdPaging): void {
    this.#attachments.rewrite(domain);
  }

  /** Nothing of a domain is to be left in the unit. */
  dropDomain(did: number): void {
    this.#unit.run(...this.#unit.drop.domain(did));
  }

  get #scalable(): boolean {
    return this.#unit.tables.scalable;
  }

  #has(register: "CAP" | "ECAP", name: string): boolean {
    return this.#unit.has(register, name) === 1;
  }

  #nests(): boolean {
    return this.#scalable && this.#has("ECAP", "NEST");
  }

  #make(stage: 1 | 2, flags: number): Made<PagingDomain> {
    const nestParent = (flags & HwptFlag.NEST_PARENT) !== 0;
    const { has } = this.#unit;
    // What a read-only page of a nest parent would be is not safe on every unit: erratum 772415.
    const kind = stage === 1 ? firstStageTables(has) : secondStageTables(has, nestParent);
    const root = TableDomain.root(this.#memory, kind);
    if (!root.ok) return root;
    const tracked = (flags & HwptFlag.DIRTY_TRACKING) !== 0;
    const shape = { kind, root: root.value, stage, nestParent, tracked, tellsMapped: this.#cachesAbsent };
    return made(new VtdPaging(this, this.#memory, shape));
  }

  /** Entries that are not present may be cached. */
  get #cachesAbsent(): boolean {
    return this.#has("CAP", "CM");
  }

  /** Whether the unit can walk tables, which may have been made for another (paging_domain_compatible). */
  #walks(domain: VtdPaging): boolean {
    const { stage, nestParent, dirty, snoops, tellsMapped, pageSizes, aperture } = domain;
    const { has } = this.#unit;
    const first = stage === 1;
    if (this.#scalable ? !this.#has("ECAP", first ? "FSTS" : "SSTS") : first) return false;
    const own = first ? firstStageTables(has) : secondStageTables(has, nestParent);
    if ((pageSizes & ~pageSizesOf(own.maker)) !== 0n || aperture.last > own.aperture.last) return false;
    if (first) return true;
    if ((nestParent && !this.#nests()) || (dirty !== undefined && !this.dirtyTracking())) return false;
    return (!snoops || this.coherent()) && (tellsMapped || !this.#cachesAbsent);
  }

  #checkNested({ config }: VtdNested): Status {
    const wide = config.addr_width === 57;
    if (config.addr_width !== 48 && !wide) return "EINVAL";
    if (wide && !this.#has("CAP", "FS5LP")) return "EINVAL";
    if ((config.flags & NestedFlag.SRE) !== 0n && !this.#has("ECAP", "SRS")) return "EINVAL";
    return (config.flags & NestedFlag.EAFE) !== 0n && !this.#has("ECAP", "EAFS") ? "EINVAL" : null;
  }
}
