/**
 * The host's VT-d driver: it sets a unit up through its registers and turns domains into root, context and PASID entries,
 * page tables and invalidations. VT-d (document D51397, revision 4.1); rules as in Linux 7.2, drivers/iommu/intel.
 */

import { FRCD } from "../../../arch/vtd/fault_record.ts";
import { IRTE_REMAPPED } from "../../../arch/vtd/irte.ts";
import { PASID_TABLE_ENTRY, Pgtt } from "../../../arch/vtd/pasid_entries.ts";
import { CONTEXT_ENTRY } from "../../../arch/vtd/root_context.ts";
import type { FieldNumbers } from "../../../base/encode.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { RegisterPages } from "../../../kernel/platform.ts";
import type { KernelRegisters } from "../../../kernel/registers.ts";
import { openVtdRegisters } from "../../../kernel/vtd/registers.ts";
import { vtdSecondEntries } from "../../../pagetable/entries/vtd_second.ts";
import { x86Entries } from "../../../pagetable/entries/x86_64.ts";
import { type Made, made, refused, type Status } from "../../errno.ts";
import { HwInfoType, HwptDataType, HwptFlag } from "../../iommufd/ioctls.ts";
import { struct, u32, u64 } from "../../uapi_struct.ts";
import {
  type AnyDomain,
  type Attachment,
  type DriverData,
  type HostDevice,
  type IommuDriver,
  type Message,
  type NestedDomain,
  type PagingDomain,
  type ReservedRegion,
  readDriverData,
} from "../driver.ts";
import { TableDomain, type TableKind } from "../table_domain.ts";
import { type Descriptor, InvalidationQueue } from "./invalidation.ts";
import { PageRequests } from "./page_requests.ts";
import { HWPT_VTD_S1, VtdNested, VtdPaging } from "./vtd_domains.ts";
import { VtdTables } from "./vtd_tables.ts";

const HW_INFO = struct("iommu_hw_info_vtd", "include/uapi/linux/iommufd.h", [
  u32("flags", "1: erratum 772415"),
  u32("__reserved", "zero"),
  u64("cap_reg", "capability register"),
  u64("ecap_reg", "extended capability register"),
]);
/** Linux sets this whatever the unit is. */
const ERRATUM_772415 = 1;

const APIC_WINDOW: ReservedRegion = { start: 0xfee0_0000n, last: 0xfeef_ffffn, kind: "hardware-msi" };
const INTERRUPT_ENTRIES_LG2 = 8;
const INTERRUPT_ENTRY_BYTES = IRTE_REMAPPED.bits / 8;
const FIRST_VECTOR = 0x41;
/** A message in remappable format with a subhandle: bits of its address besides the handle. */
const REMAPPABLE = 0xfee0_0000 | (1 << 4) | (1 << 3);

/** Bits of GCMD and GSTS that stay set. */
const Command = { TE: 1n << 31n, SRTP: 1n << 30n, QIE: 1n << 26n, IRE: 1n << 25n, SIRTP: 1n << 24n } as const;
const KEPT = Command.TE | Command.QIE | Command.IRE;

/** The PASID of requests without one. */
const RID_PASID = 0;
const FIRST_STAGE_BITS = 48;
const USER_HALF = (1n << 47n) - 1n;
const WIDTHS = [39, 48, 57];

/** F of a fault recording register, in its last word; PFO of FSTS. */
const RECORD_HOLDS_FAULT = 1n << 31n;
const RECORDS_OVERFLOWED = 1n;
/** Records that the log keeps. */
const MOST_LOGGED = 256;

const NestedFlag = { SRE: 1n, EAFE: 2n, WPE: 4n } as const;

interface Installed {
  readonly device: HostDevice;
  readonly pasid: number;
  readonly domain: AnyDomain;
  /** Takes page requests; null for nobody. */
  readonly faults: Attachment["faults"];
}

export class VtdDriver implements IommuDriver {
  readonly name = "intel-iommu";
  readonly #registers: KernelRegisters;
  readonly #memory: OwnMemory;
  readonly #queue: InvalidationQueue;
  readonly #tables: VtdTables;
  readonly #interrupts: number;
  readonly #requests: PageRequests | null;
  readonly #faultRecords: readonly string[];
  readonly #scalable: boolean;
  readonly #dids = new Set<number>();
  /** What is attached, by device and PASID. */
  readonly #installed: Installed[] = [];
  readonly #handles: HostDevice[] = [];
  /** The newest fault records. */
  readonly log: Uint32Array[] = [];

  private constructor(
    registers: KernelRegisters,
    memory: OwnMemory,
    parts: {
      queue: InvalidationQueue;
      root: number;
      interrupts: number;
      scalable: boolean;
      requests: PageRequests | null;
      faultRecords: readonly string[];
    },
  ) {
    this.#registers = registers;
    this.#memory = memory;
    this.#queue = parts.queue;
    this.#tables = new VtdTables(memory, parts.root, parts.scalable);
    this.#interrupts = parts.interrupts;
    this.#requests = parts.requests;
    this.#faultRecords = parts.faultRecords;
    this.#scalable = parts.scalable;
  }

  /** Set the unit up. @returns null without memory */
  static start(pages: RegisterPages, memory: OwnMemory): VtdDriver | null {
    const { registers, faultRecords } = openVtdRegisters(pages, memory.notes);
    const scalable = registers.field("ECAP", "SMTS") === 1;
    const queue = InvalidationQueue.make(registers, memory, scalable);
    const root = memory.allocate(4096);
    const interrupts = memory.allocate(INTERRUPT_ENTRY_BYTES * 2 ** INTERRUPT_ENTRIES_LG2);
    if (queue === null || root === null || interrupts === null) return null;
    const pri = scalable && registers.field("ECAP", "PRS") === 1;
    const requests = pri ? PageRequests.make(registers, memory) : null;
    const driver = new VtdDriver(registers, memory, { queue, root, interrupts, scalable, requests, faultRecords });
    driver.#command(Command.QIE);
    registers.writeFields("RTADDR", { RTA: root, TTM: scalable ? 1 : 0 });
    driver.#command(Command.SRTP);
    driver.run([
      { name: "cc_inv_dsc", fields: { G: 1 } },
      ...(scalable ? [{ name: "pc_inv_dsc", fields: { G: 3 } }] : []),
      { name: "iotlb_inv_dsc", fields: { G: 1, DR: 1, DW: 1 } },
    ]);
    if (driver.has("ECAP", "IR")) {
      registers.writeFields("IRTA", { IRTA: interrupts, S: INTERRUPT_ENTRIES_LG2 - 1 });
      driver.#command(Command.SIRTP);
      driver.run([{ name: "iec_inv_dsc", fields: { G: 0 } }]);
      driver.#command(Command.IRE);
    }
    driver.#command(Command.TE);
    return driver;
  }

  /** Run invalidations and wait until they are complete. */
  run(descriptors: readonly Descriptor[]): void {
    this.#queue.run(descriptors);
  }

  /** Whether a bit of a capability register is set. */
  has(register: "CAP" | "ECAP", name: string): boolean {
    return this.#registers.field(register, name) === 1;
  }

  info(type: number): { readonly type: number; readonly bytes: Uint8Array } | null {
    if (type !== HwInfoType.DEFAULT && type !== HwInfoType.INTEL_VTD) return null;
    const values = {
      flags: ERRATUM_772415,
      cap_reg: this.#registers.read("CAP"),
      ecap_reg: this.#registers.read("ECAP"),
    };
    return { type: HwInfoType.INTEL_VTD, bytes: HW_INFO.encode(values) };
  }

  dirtyTracking(): boolean {
    return this.#scalable && this.has("ECAP", "SSADS") && this.has("ECAP", "SMPWCS");
  }

  coherent(): boolean {
    return this.has("ECAP", "SC");
  }

  reserved(): readonly ReservedRegion[] {
    return [APIC_WINDOW];
  }

  allocPaging(_device: HostDevice, flags: number, data: DriverData | null): Made<PagingDomain> {
    if (data !== null) return refused("EOPNOTSUPP");
    const firstStage = this.#scalable && this.has("ECAP", "FSTS");
    if ((flags & ~HwptFlag.PASID) === 0 && firstStage) return this.#make(1, flags);
    if ((flags & ~(HwptFlag.NEST_PARENT | HwptFlag.DIRTY_TRACKING | HwptFlag.PASID)) !== 0)
      return refused("EOPNOTSUPP");
    if ((flags & HwptFlag.NEST_PARENT) !== 0 && !this.#nests()) return refused("EOPNOTSUPP");
    if ((flags & HwptFlag.DIRTY_TRACKING) !== 0 && !this.dirtyTracking()) return refused("EOPNOTSUPP");
    if (this.#scalable && !this.has("ECAP", "SSTS")) return refused("EOPNOTSUPP");
    return this.#make(2, flags);
  }

  allocNested(_device: HostDevice, parent: PagingDomain, flags: number, data: DriverData): Made<NestedDomain> {
    if (!this.#nests() || (flags & ~HwptFlag.PASID) !== 0) return refused("EOPNOTSUPP");
    if (data.type !== HwptDataType.VTD_S1) return refused("EOPNOTSUPP");
    if (!(parent instanceof VtdPaging) || parent.stage !== 2 || !parent.nestParent) return refused("EINVAL");
    const bytes = readDriverData(data, HWPT_VTD_S1.size, HWPT_VTD_S1.size);
    if (!bytes.ok) return bytes;
    const did = this.#takeDid();
    return did === null ? refused("ENOSPC") : made(new VtdNested(this, parent, HWPT_VTD_S1.decode(bytes.value), did));
  }

  attach({ device, pasid, domain, faults }: Attachment): Status {
    if (faults !== null && !device.pri) return "ENODEV";
    if (domain instanceof VtdNested) {
      const status = this.#checkNested(domain);
      if (status !== null) return status;
    } else if (!(domain instanceof VtdPaging)) return "EINVAL";
    if (domain.driver !== this) return "EINVAL";
    if (!this.#scalable && (domain instanceof VtdNested || domain.stage === 1)) return "EINVAL";
    const key = pasid ?? RID_PASID;
    if (pasid !== null && !this.#scalable) return "EOPNOTSUPP";
    const status = this.#scalable ? this.#writePasid(device, key, domain) : this.#writeContext(device, domain);
    if (status !== null) return status;
    this.#forget(device, key);
    this.#installed.push({ device, pasid: key, domain, faults });
    return null;
  }

  pasidAttach(): boolean {
    // Every kind of domain has it; a unit without PASIDs refuses when it is asked.
    return true;
  }

  block(device: HostDevice, pasid: number | null): void {
    const key = pasid ?? RID_PASID;
    this.#forget(device, key);
    if (!this.#scalable) {
      const at = this.#tables.contextEntry(device.sid);
      if (at !== null) this.#clearContext(device, at);
      return;
    }
    const at = this.#tables.pasidEntry(device, key);
    if (at !== null) this.#clearPasid(device, key, at);
  }

  /** The message that a device is to send: a handle of an interrupt remapping entry. */
  message(device: HostDevice): Message | null {
    if (!this.has("ECAP", "IR")) return null;
    let handle = this.#handles.indexOf(device);
    if (handle < 0) handle = this.#handles.push(device) - 1;
    if (handle >= 2 ** INTERRUPT_ENTRIES_LG2) return null;
    const at = this.#interrupts + INTERRUPT_ENTRY_BYTES * handle;
    this.#memory.writeFields(at, IRTE_REMAPPED, { P: 1, V: FIRST_VECTOR + handle, SVT: 1, SID: device.sid });
    this.run([{ name: "iec_inv_dsc", fields: { G: 1, IIDX: handle } }]);
    return { address: BigInt((REMAPPABLE | (handle << 5)) >>> 0), data: 0 };
  }

  /** Take the fault records and page requests that are there, as their interrupts ask for. */
  interrupt(): void {
    const takerOf = (sid: number, pasid: number | null): Attachment["faults"] => {
      const key = pasid ?? RID_PASID;
      return this.#installed.find((i) => i.device.sid === sid && i.pasid === key)?.faults ?? null;
    };
    this.#requests?.serve(takerOf, (descriptors) => this.run(descriptors));
    for (const name of this.#faultRecords) {
      const words = Uint32Array.from([0, 1, 2, 3], (i) => Number(this.#registers.readWord(name, i)));
      if (FRCD.f.F.get(words, 0) === 0) continue;
      if (this.log.push(words) > MOST_LOGGED) this.log.shift();
      this.#registers.writeWord(name, 3, RECORD_HOLDS_FAULT);
    }
    if ((this.#registers.read("FSTS") & RECORDS_OVERFLOWED) !== 0n) this.#registers.write("FSTS", RECORDS_OVERFLOWED);
  }

  /** Invalidations of a range of one of the kernel's domains. */
  invalidationOf(domain: VtdPaging, pages: { readonly ADDR: number; readonly AM: number }): Descriptor[] {
    const most = this.#registers.field("CAP", "MAMV");
    const selective = this.has("CAP", "PSI") && pages.AM <= most;
    const all: Descriptor[] = [];
    if (domain.stage === 1) {
      const which = selective ? { G: 3, ...pages } : { G: 2 };
      for (const { device, pasid } of this.attachmentsOf(domain)) {
        all.push({ name: "p_iotlb_inv_dsc", fields: { DID: domain.did, PASID: pasid, ...which } });
        if (device.ats) all.push(this.deviceInvalidation(device, pasid));
      }
      return all;
    }
    const drain = { DR: this.#registers.field("CAP", "DRD"), DW: this.#registers.field("CAP", "DWD") };
    const which = selective ? { G: 3, ...pages } : { G: 2 };
    all.push({ name: "iotlb_inv_dsc", fields: { DID: domain.did, ...drain, ...which } });
    for (const { device, pasid } of this.attachmentsOf(domain)) {
      if (device.ats) all.push(this.deviceInvalidation(device, pasid));
    }
    // What guests cache of their first stage holds what the second one said.
    for (const { device, pasid, domain: above } of this.#installed) {
      if (!(above instanceof VtdNested) || above.parent !== domain) continue;
      all.push({ name: "p_iotlb_inv_dsc", fields: { DID: above.did, PASID: pasid, G: 2 } });
      all.push({ name: "iotlb_inv_dsc", fields: { DID: above.did, ...drain, G: 2 } });
      if (device.ats) all.push(this.deviceInvalidation(device, pasid));
    }
    return all;
  }

  /** Have a device drop everything that it keeps of a PASID. */
  deviceInvalidation(device: HostDevice, pasid: number): Descriptor {
    // A size of everything: every address bit from 12 up is one, and S says that they tell a size.
    const all = { S: 1, ADDR: 2 ** 63 - 2 ** 12 };
    if (!this.#scalable || pasid === RID_PASID) return { name: "dev_tlb_inv_dsc", fields: { SID: device.sid, ...all } };
    return { name: "p_dev_tlb_inv_dsc", fields: { SID: device.sid, PASID: pasid, ...all } };
  }

  /** Where a domain is attached. */
  attachmentsOf(domain: AnyDomain): readonly Installed[] {
    return this.#installed.filter((i) => i.domain === domain);
  }

  /** Accessed and dirty bits are switched on or off: the entries of the domain and of what nests on it say so. */
  trackingChanged(domain: VtdPaging): void {
    for (const { device, pasid, domain: used } of this.#installed) {
      if (used === domain || (used instanceof VtdNested && used.parent === domain))
        this.#writePasid(device, pasid, used);
    }
  }

  dropDomain(did: number): void {
    this.run([{ name: "iotlb_inv_dsc", fields: { DID: did, G: 2, DR: 1, DW: 1 } }]);
    this.#dids.delete(did);
  }

  #nests(): boolean {
    return this.#scalable && this.has("ECAP", "NEST");
  }

  /** Bits of GCMD are set one at a time, those that stay with them. */
  #command(bit: bigint): void {
    this.#registers.write("GCMD", (this.#registers.read("GSTS") & KEPT) | bit);
  }

  #takeDid(): number | null {
    // Domain 0 is kept free: with caching mode it would tag what is not present.
    const end = 2 ** (4 + 2 * this.#registers.field("CAP", "ND"));
    for (let did = 1; did < end; did++) {
      if (this.#dids.has(did)) continue;
      this.#dids.add(did);
      return did;
    }
    return null;
  }

  #make(stage: 1 | 2, flags: number): Made<PagingDomain> {
    const nestParent = (flags & HwptFlag.NEST_PARENT) !== 0;
    const kind = stage === 1 ? this.#firstStage() : this.#secondStage(nestParent);
    const root = TableDomain.root(this.#memory, kind);
    if (!root.ok) return root;
    const did = this.#takeDid();
    if (did === null) return refused("ENOSPC");
    const tracked = (flags & HwptFlag.DIRTY_TRACKING) !== 0;
    return made(new VtdPaging(this, this.#memory, { kind, root: root.value, stage, nestParent, tracked, did }));
  }

  #firstStage(): TableKind {
    const maker = x86Entries(4, this.has("CAP", "FS1GP"), false);
    return { maker, shape: { level: 3, inputBits: FIRST_STAGE_BITS }, aperture: { start: 0n, last: USER_HALF } };
  }

  #secondStage(writableOnly: boolean): TableKind {
    const features = {
      largePages: this.#registers.field("CAP", "SSLPS"),
      snoop: this.has("ECAP", "SC"),
      transientMapping: false,
    };
    const bits = this.#secondStageBits();
    return {
      maker: vtdSecondEntries(features, features.snoop),
      shape: { level: (bits - 12) / 9 - 1, inputBits: bits },
      aperture: { start: 0n, last: (1n << BigInt(bits)) - 1n },
      writableOnly,
    };
  }

  /** The widest second stage that both the unit's tables and its addresses have. */
  #secondStageBits(): number {
    const offered = this.#registers.field("CAP", "SAGAW");
    const widest = this.#registers.field("CAP", "MGAW") + 1;
    const bits = WIDTHS.filter((width, i) => ((offered >>> (i + 1)) & 1) === 1 && width <= Math.max(widest, 39));
    return bits.at(-1) ?? 48;
  }

  #checkNested({ config }: VtdNested): Status {
    const wide = config.addr_width === 57;
    if (config.addr_width !== 48 && !wide) return "EINVAL";
    if (wide && !this.has("CAP", "FS5LP")) return "EINVAL";
    if ((config.flags & NestedFlag.SRE) !== 0n && !this.has("ECAP", "SRS")) return "EINVAL";
    return (config.flags & NestedFlag.EAFE) !== 0n && !this.has("ECAP", "EAFS") ? "EINVAL" : null;
  }

  #forget(device: HostDevice, pasid: number): void {
    const at = this.#installed.findIndex((i) => i.device === device && i.pasid === pasid);
    if (at >= 0) this.#installed.splice(at, 1);
  }

  #writeContext(device: HostDevice, domain: AnyDomain): Status {
    if (!(domain instanceof VtdPaging)) return "EINVAL";
    const at = this.#tables.contextEntry(device.sid);
    if (at === null) return "ENOMEM";
    this.#clearContext(device, at);
    const tt = device.ats ? 1 : 0;
    const { inputBits } = domain.kindOfTables.shape;
    const fields = { P: 1, TT: tt, SSPTPTR: domain.tables.root, AW: (inputBits - 30) / 9, DID: domain.did };
    this.#memory.writeFields(at, CONTEXT_ENTRY, fields);
    return null;
  }

  /** Make an entry absent, and drop what is cached of it. */
  #clearContext(device: HostDevice, at: number): void {
    const words = this.#memory.readWords(at, CONTEXT_ENTRY);
    if ((words[0]! & 1) === 0) return;
    const did = CONTEXT_ENTRY.f.DID.get(words, 0);
    this.#memory.writeFields(at, CONTEXT_ENTRY, {});
    this.run([
      { name: "cc_inv_dsc", fields: { G: 3, DID: did, SID: device.sid } },
      { name: "iotlb_inv_dsc", fields: { G: 2, DID: did, DR: 1, DW: 1 } },
      ...(device.ats ? [this.deviceInvalidation(device, RID_PASID)] : []),
    ]);
  }

  #writePasid(device: HostDevice, pasid: number, domain: AnyDomain): Status {
    const at = this.#tables.pasidEntry(device, pasid);
    if (at === null) return "ENOMEM";
    this.#clearPasid(device, pasid, at);
    this.#memory.writeFields(at, PASID_TABLE_ENTRY, { P: 1, ...this.#pasidFields(domain) });
    return null;
  }

  #clearPasid(device: HostDevice, pasid: number, at: number): void {
    const words = this.#memory.readWords(at, PASID_TABLE_ENTRY);
    if ((words[0]! & 1) === 0) return;
    const did = PASID_TABLE_ENTRY.f.DID.get(words, 0);
    const pgtt = PASID_TABLE_ENTRY.f.PGTT.get(words, 0);
    this.#memory.writeFields(at, PASID_TABLE_ENTRY, {});
    const cached =
      pgtt === Pgtt.First || pgtt === Pgtt.Nested
        ? { name: "p_iotlb_inv_dsc", fields: { DID: did, PASID: pasid, G: 2 } }
        : { name: "iotlb_inv_dsc", fields: { DID: did, G: 2 } };
    this.run([
      { name: "pc_inv_dsc", fields: { G: 1, DID: did, PASID: pasid } },
      cached,
      ...(device.ats ? [this.deviceInvalidation(device, pasid)] : []),
    ]);
  }

  #pasidFields(domain: AnyDomain): FieldNumbers {
    const coherent = this.has("ECAP", "SMPWCS") ? { PWSNP: 1 } : {};
    if (domain instanceof VtdNested) {
      const { config, parent } = domain;
      const sre = (config.flags & NestedFlag.SRE) !== 0n;
      return {
        ...this.#secondStageFields(parent),
        ...coherent,
        PGTT: Pgtt.Nested,
        DID: domain.did,
        FSPTPTR: Number(config.pgtbl_addr & ~0xfffn),
        FSPM: config.addr_width === 57 ? 1 : 0,
        ...(sre ? { SRE: 1 } : {}),
        // Only together with requests of supervisors.
        ...(sre && (config.flags & NestedFlag.WPE) !== 0n ? { WPE: 1 } : {}),
        ...((config.flags & NestedFlag.EAFE) !== 0n ? { EAFE: 1 } : {}),
      };
    }
    if (!(domain instanceof VtdPaging)) return {};
    const snoop = domain.snoops ? { PGSNP: 1 } : {};
    const common = { DID: domain.did, ...coherent };
    if (domain.stage === 1) return { ...common, ...snoop, PGTT: Pgtt.First, FSPTPTR: domain.tables.root };
    return { ...common, ...this.#secondStageFields(domain), PGTT: Pgtt.Second };
  }

  #secondStageFields(domain: VtdPaging): FieldNumbers {
    return {
      SSPTPTR: domain.tables.root,
      AW: (domain.kindOfTables.shape.inputBits - 30) / 9,
      ...(domain.tracking ? { SSADE: 1 } : {}),
      ...(domain.snoops ? { PGSNP: 1 } : {}),
    };
  }
}
