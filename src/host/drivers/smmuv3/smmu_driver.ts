/**
 * The host's SMMUv3 driver: it sets the SMMU up through its registers, turns domains into stream table entries, context
 * descriptors and page tables in memory, and sorts events. IHI 0070; rules as in Linux 7.2, drivers/iommu/arm/arm-smmu-v3.
 */

import { eventByName } from "../../../arch/smmuv3/events.ts";
import type { IdPool } from "../../../kernel/id_pool.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import { PageResponse } from "../../../kernel/page_requests.ts";
import type { RegisterPages } from "../../../kernel/platform.ts";
import type { CommandWords } from "../../../kernel/smmuv3/command_queue.ts";
import { readEvent, readPageRequest, respond } from "../../../kernel/smmuv3/faults.ts";
import { Smmu } from "../../../kernel/smmuv3/smmu.ts";
import type { GranuleLg2 } from "../../../pagetable/formats/vmsav8.ts";
import { type Made, made, refused, type Status } from "../../errno.ts";
import { HwInfoType, HwptFlag, VeventqType, ViommuType } from "../../iommufd/ioctls.ts";
import type { KvmHost, LeasedVmid } from "../../kvm/kvm.ts";
import { CmdqvDriver, type CmdqvPlace } from "../cmdqv/cmdqv_driver.ts";
import type {
  AnyDomain,
  Attachment,
  DeviceServices,
  DriverData,
  DriverViommu,
  HostDevice,
  IommuDriver,
  PagingDomain,
  ReservedRegion,
  ViommuCore,
} from "../driver.ts";
import { TableDomain } from "../table_domain.ts";
import { serveStall } from "./faults.ts";
import { PartitionMap } from "./partition_map.ts";
import { NestedSmmuDomain, Stage1Domain, Stage2Domain, tableKind } from "./smmu_domains.ts";
import { SmmuStream } from "./smmu_stream.ts";
import { VSmmu } from "./vsmmu.ts";

/** What firmware and kernel say about an SMMU. */
export interface SmmuConfig {
  /** log2 of the processor's pages: the granule of tables where the SMMU has it. */
  readonly pageLg2: number;
  /** Firmware calls the root complex coherent, cacheable write-back and shareable. */
  readonly coherentRootComplex: boolean;
  /** The driver was built with SVA: fault queues can be attached. */
  readonly sva: boolean;
  /**
   * Who has the VMIDs of stage 2, so that TLBI of virtual machines reaches the SMMU ("iommu/arm-smmu-v3: Use pinned KVM
   * VMID for stage 2", RFC v3, March 2025; not merged). Absent: the driver, and TLBI of processors is ignored.
   */
  readonly kvm?: KvmHost;
  /** Physical PARTIDs that virtual machines have, by their own numbers; absent: none, as in Linux 7.2. */
  readonly partids?: readonly number[];
  /**
   * A stage 2 can be walked by several SMMUs, each with a VMID for it ("iommu/arm-smmu-v3: Share domain across SMMU/vSMMU
   * instances", v4, March 2026; not merged). Absent: by the one that it was made for.
   */
  readonly sharesStage2?: boolean;
  /** ASIDs, which all SMMUs of the kernel have in common; absent: it is the only one. */
  readonly asids?: IdPool;
}

/** Doorbells of interrupts are mapped here. */
const MSI_WINDOW: ReservedRegion = { start: 0x800_0000n, last: 0x80f_ffffn, kind: "software-msi" };

/** Most significant bits of an address of each output size code. */
const OUTPUT_BITS = [32, 36, 40, 42, 44, 48, 52];
const VA_BITS = 48;
const INFO_REGISTERS = [0, 1, 2, 3, 4, 5].map((n) => `IDR${n}`);
const F_TRANSLATION = eventByName("F_TRANSLATION")!;
/** Events that a guest is told of, where they are of stage 1. */
const GUEST_EVENTS: ReadonlySet<string> = new Set([
  "C_BAD_STE",
  "F_STREAM_DISABLED",
  "C_BAD_SUBSTREAMID",
  "C_BAD_CD",
  "F_TRANSLATION",
  "F_ADDR_SIZE",
  "F_ACCESS",
  "F_PERMISSION",
]);
/** Where the StreamID stands in every event that names a stream. */
const STREAM_ID = F_TRANSLATION.layout.f.StreamID!;
const EVENT_BYTES = F_TRANSLATION.layout.bits / 8;
/** Records of events that the log keeps. */
const MOST_LOGGED = 256;

export class SmmuDriver implements IommuDriver {
  readonly name = "arm-smmu-v3";
  /** Linux 7.2 refuses page requests behind an SMMUv3. */
  readonly serves: DeviceServices = { ats: true, pri: false };
  readonly config: SmmuConfig;
  readonly #smmu: Smmu;
  readonly #memory: OwnMemory;
  readonly #cmdqv: CmdqvDriver | null;
  readonly #streams = new Map<number, SmmuStream>();
  /** The newest events that no guest is told of. */
  readonly log: Uint32Array[] = [];

  readonly viommu = {
    offers: (_device: HostDevice, type: number): boolean => this.#offersViommu(type),
    make: (core: ViommuCore, type: number, parent: PagingDomain, data: DriverData | null): Made<DriverViommu> => {
      if (!(parent instanceof Stage2Domain)) return refused("EINVAL");
      const status = this.#walk(parent);
      if (status !== null) return refused(status);
      const vsmmu = new VSmmu(this, core, parent);
      if (type !== ViommuType.TEGRA241_CMDQV || this.#cmdqv === null) return made(vsmmu);
      return this.#cmdqv.make(core, parent.vmidAt(this), vsmmu, data);
    },
  };

  private constructor(config: SmmuConfig, smmu: Smmu, memory: OwnMemory, cmdqv: CmdqvDriver | null) {
    this.config = config;
    this.#smmu = smmu;
    this.#memory = memory;
    this.#cmdqv = cmdqv;
  }

  /**
   * Reset the SMMU and set it up.
   * @param cmdqv the extension with queues for guests, where the SMMU has it
   * @returns null where it does not come up
   */
  static start(
    config: SmmuConfig,
    pages: RegisterPages,
    memory: OwnMemory,
    cmdqv: CmdqvPlace | null = null,
  ): SmmuDriver | null {
    const smmu = Smmu.start(pages, memory, config.kvm !== undefined, config.asids);
    if (typeof smmu === "string") return null;
    const extension = cmdqv === null ? null : new CmdqvDriver(cmdqv, memory.notes, smmu.id("IDR1", "CMDQS"));
    smmu.translate(true);
    return new SmmuDriver(config, smmu, memory, extension);
  }

  /** A device is there: its stream is blocked until something is attached. */
  addDevice(device: HostDevice): Status {
    return this.#stream(device) === null ? "ENOMEM" : null;
  }

  /** Run commands and wait until they have taken effect. */
  run(commands: readonly CommandWords[]): void {
    // What the SMMU refuses is taken out of its queue; whoever asked for it is not told.
    this.#smmu.commands.run(commands);
  }

  /** Tags of stage 1. */
  get asids(): IdPool {
    return this.#smmu.asids;
  }

  /** The SMMU has range commands. */
  get ranges(): boolean {
    return this.#smmu.id("IDR3", "RIL") === 1;
  }

  /** Tell devices with a TLB of their own; the SMMU has forgotten before, or a device asks and gets the old. */
  dropFromDevices(domain: PagingDomain, iova: number, bytes: number): void {
    const commands = [...this.#streams.values()].flatMap((s) => s.deviceInvalidations(domain, iova, bytes));
    if (commands.length > 0) this.run(commands);
  }

  info(type: number): { readonly type: number; readonly bytes: Uint8Array } | null {
    if (type === HwInfoType.TEGRA241_CMDQV) return this.#cmdqv?.info() ?? null;
    if (type !== HwInfoType.DEFAULT && type !== HwInfoType.ARM_SMMUV3) return null;
    const values = [...INFO_REGISTERS, "IIDR", "AIDR"].map((name) => Number(this.#smmu.registers.read(name)));
    return { type: HwInfoType.ARM_SMMUV3, bytes: new Uint8Array(new Uint32Array([0, 0, ...values]).buffer) };
  }

  dirtyTracking(): boolean {
    // UNMODELLED: dirty tracking by hardware update of stage 1 tables; the driver offers none.
    return false;
  }

  coherent(): boolean {
    return this.config.coherentRootComplex;
  }

  reserved(): readonly ReservedRegion[] {
    return [MSI_WINDOW];
  }

  allocPaging(device: HostDevice, flags: number, data: DriverData | null): Made<PagingDomain> {
    if (data !== null) return refused("EOPNOTSUPP");
    const [stage1, stage2] = [this.#has("S1P"), this.#has("S2P")];
    switch (flags) {
      case 0:
        return stage1 ? this.#makeStage1() : this.#makeStage2(device, false);
      case HwptFlag.PASID:
        return stage1 ? this.#makeStage1() : refused("EOPNOTSUPP");
      case HwptFlag.NEST_PARENT:
        return stage1 && stage2 ? this.#makeStage2(device, true) : refused("EOPNOTSUPP");
      default:
        return refused("EOPNOTSUPP");
    }
  }

  attach({ device, pasid, domain, faults }: Attachment): Status {
    const stream = this.#stream(device);
    if (stream === null) return "ENOMEM";
    const status = pasid === null ? this.#checkAttach(stream, domain) : this.#checkPasid(stream, pasid, domain);
    if (status !== null) return status;
    if (faults !== null && !this.config.sva) return "EOPNOTSUPP";
    if (faults === null) stream.faults.delete(pasid);
    else stream.faults.set(pasid, faults);
    if (pasid === null) stream.install(domain);
    else if (domain instanceof Stage1Domain) stream.setPasid(pasid, domain);
    return null;
  }

  pasidAttach(domain: AnyDomain): boolean {
    return domain.kind === "paging";
  }

  block(device: HostDevice, pasid: number | null): void {
    const stream = this.#stream(device);
    if (stream === null) return;
    stream.faults.delete(pasid);
    if (pasid === null) stream.install(null);
    else stream.setPasid(pasid, null);
  }

  /** Read errors of guests' own queues, as the interrupt of the extension asks for. */
  extensionInterrupt(): void {
    this.#cmdqv?.interrupt();
  }

  /** Read the Event queue, as the interrupt of an event asks for. */
  interrupt(): void {
    for (const words of this.#smmu.events.take().records) this.#event(words);
    for (const words of this.#smmu.pageRequests?.take().records ?? []) {
      // UNMODELLED: page requests through PRI; like Linux, the driver serves nobody's.
      const request = readPageRequest(words);
      if (request?.last === true) this.run([respond(request, PageResponse.Failure)]);
    }
  }

  #event(words: Uint32Array): void {
    const event = readEvent(words);
    const stream = this.#streams.get(event.sid);
    if (event.stag !== null) {
      // Where a guest has the contexts, faults of any substream are the stream's own.
      const faults = stream?.faults.get(event.pasid) ?? stream?.faults.get(null) ?? null;
      serveStall(event, faults, (commands) => this.run(commands));
      return;
    }
    const name = event.definition?.name ?? "";
    if (stream === undefined || stream.guest === null || event.stage2 || !GUEST_EVENTS.has(name)) {
      if (this.log.push(words) > MOST_LOGGED) this.log.shift();
      return;
    }
    STREAM_ID.set(words, 0, stream.guest.virtualId);
    const bytes = new Uint8Array(words.buffer, words.byteOffset, EVENT_BYTES).slice();
    stream.guest.core.report(VeventqType.ARM_SMMUV3, bytes);
  }

  #has(field: string): boolean {
    return this.#smmu.id("IDR0", field) === 1;
  }

  #offersViommu(type: number): boolean {
    const known = type === ViommuType.ARM_SMMUV3 || (type === ViommuType.TEGRA241_CMDQV && this.#cmdqv !== null);
    if (!known || !this.#has("S1P") || !this.#has("S2P")) return false;
    return this.config.coherentRootComplex || this.#forcesWriteBack;
  }

  /** The processor's page size where the SMMU has that granule, else one that it has. */
  #granule(): GranuleLg2 {
    const offered: readonly (readonly [GranuleLg2, string])[] = [
      [12, "GRAN4K"],
      [14, "GRAN16K"],
      [16, "GRAN64K"],
    ];
    const there = offered.filter(([, name]) => this.#smmu.id("IDR5", name) === 1);
    return (there.find(([lg2]) => lg2 === this.config.pageLg2) ?? there[0] ?? offered[0]!)[0];
  }

  #outputBits(): number {
    return OUTPUT_BITS[this.#smmu.id("IDR5", "OAS")] ?? VA_BITS;
  }

  #makeStage1(): Made<PagingDomain> {
    const asid = this.asids.take(this.#smmu.asidEnd);
    if (asid === null) return refused("ENOSPC");
    const kind = tableKind(1, this.#granule(), VA_BITS, this.#outputBits());
    const root = TableDomain.root(this.#memory, kind);
    if (!root.ok) {
      this.asids.release(asid);
      return root;
    }
    return made(new Stage1Domain(this, this.#memory, kind, root.value, asid));
  }

  #makeStage2(device: HostDevice, nestParent: boolean): Made<PagingDomain> {
    const vmid = this.leaseVmid(device);
    if (vmid === null) return refused("ENOSPC");
    const outputBits = this.#outputBits();
    const forced = nestParent && this.#forcesWriteBack;
    const kind = tableKind(2, this.#granule(), Math.min(outputBits, VA_BITS), outputBits, forced);
    const root = TableDomain.root(this.#memory, kind);
    if (!root.ok) {
      vmid.end();
      return root;
    }
    const partitions = nestParent ? this.#makePartitions() : made(null);
    if (!partitions.ok) {
      vmid.end();
      TableDomain.dropRoot(this.#memory, kind, root.value);
      return partitions;
    }
    const parts = { device, vmid, nestParent, forced, partitions: partitions.value };
    return made(new Stage2Domain(this, this.#memory, kind, root.value, parts));
  }

  /** PARTIDs of a virtual machine; null where it gets none, or the SMMU has none to map (IHI 0070 §5.6.1). */
  #makePartitions(): Made<PartitionMap | null> {
    const { partids = [] } = this.config;
    const mapped = this.#smmu.id("IDR3", "MPAM") === 1 && this.#smmu.id("MPAMIDR", "PARTID_MAX") > 0;
    if (!mapped || partids.length === 0) return made(null);
    const map = PartitionMap.make(this.#memory, partids);
    return map === null ? refused("ENOMEM") : made(map);
  }

  /**
   * The VMID of a new stage 2. One that hears broadcasts has to be KVM's, or what another virtual machine's processors say
   * would be taken for its own. CHOICE(kvm-vmid): it is taken with the domain; v3 of the series takes it with the vIOMMU.
   */
  leaseVmid(device: HostDevice): LeasedVmid | null {
    const { kvm } = this.config;
    if (kvm !== undefined && this.#has("BTM")) return kvm.lease(device);
    const { vmids } = this.#smmu;
    const vmid = vmids.take();
    return vmid === null ? null : { vmid, end: () => vmids.release(vmid) };
  }

  #stream(device: HostDevice): SmmuStream | null {
    const known = this.#streams.get(device.sid);
    if (known !== undefined) return known;
    const stream = SmmuStream.make(device, this.#smmu, this.#memory);
    if (stream !== null) this.#streams.set(device.sid, stream);
    return stream;
  }

  #checkAttach({ device, hasPasids }: SmmuStream, domain: AnyDomain): Status {
    if (domain instanceof Stage2Domain ? !this.#mayWalk(domain) : domain.driver !== this) return "EINVAL";
    if (!(domain instanceof Stage1Domain) && hasPasids) return "EBUSY";
    if (domain instanceof Stage2Domain) return this.#walk(domain);
    if (!(domain instanceof NestedSmmuDomain) || domain.config !== "translate") return null;
    return domain.vsmmu.core.virtualId(device) === null ? "ENOENT" : null;
  }

  /** Have the SMMU walk a stage 2, which may have been made for another. */
  #walk(domain: Stage2Domain): Status {
    if (domain.vmidAt(this) !== 0) return null;
    return this.#mayWalk(domain) ? domain.share(this) : "EINVAL";
  }

  #mayWalk(domain: Stage2Domain): boolean {
    return domain.vmidAt(this) !== 0 || (this.config.sharesStage2 === true && this.#canWalk(domain));
  }

  /** The tables are such as this SMMU would have made. */
  #canWalk({ forced, granuleLg2, kindOfTables }: Stage2Domain): boolean {
    const { outputBits = 0 } = kindOfTables;
    const types = !forced || this.#forcesWriteBack;
    return this.#has("S2P") && granuleLg2 === this.#granule() && types && outputBits <= this.#outputBits();
  }

  get #forcesWriteBack(): boolean {
    return this.#smmu.id("IDR3", "FWB") === 1;
  }

  #checkPasid(stream: SmmuStream, pasid: number, domain: AnyDomain): Status {
    if (!(domain instanceof Stage1Domain) || domain.driver !== this) return "EINVAL";
    const own = stream.domain;
    return (own !== null && !(own instanceof Stage1Domain)) || pasid >= stream.contexts ? "EINVAL" : null;
  }
}
