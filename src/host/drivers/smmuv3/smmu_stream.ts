/**
 * A device's stream as the host's SMMUv3 driver keeps it: its stream table entry, its context descriptors, its device TLB,
 * and who is told of its faults. IHI 0070 §5.2, §5.4, §3.9; Linux 7.2, drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c
 * (struct arm_smmu_master, arm_smmu_make_s1_cd and its like, arm_smmu_attach_commit).
 */
import { SteConfig } from "../../../arch/smmuv3/ste.ts";
import type { FieldNumbers } from "../../../base/encode.ts";
import { low } from "../../../base/halves.ts";
import { alignedRange } from "../../../kernel/address_range.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import { type CommandWords, command } from "../../../kernel/smmuv3/command_queue.ts";
import { ContextTable, TG0 } from "../../../kernel/smmuv3/context_table.ts";
import type { Smmu } from "../../../kernel/smmuv3/smmu.ts";
import type { AnyDomain, Attachment, HostDevice, PagingDomain, ViommuCore } from "../driver.ts";
import { NestedSmmuDomain, Stage1Domain, Stage2Domain } from "./smmu_domains.ts";

const INNER_SHAREABLE = 3;
const WRITE_BACK = 1;
const FULL_ATS = 1;
/** IDR0.STALL_MODEL; the third says that transactions cannot wait. */
const StallModel = { EITHER: 0, FORCED: 2 } as const;
/** S1DSS: what comes without a PASID is aborted. */
const TERMINATE = 0;
/** Bytes that stand for a whole address space. */
const EVERYTHING = 2 ** 64;

export class SmmuStream {
  readonly device: HostDevice;
  readonly #pasids = new Map<number, Stage1Domain>();
  /** Who takes recoverable faults, by PASID; null for the stream's own. */
  readonly faults = new Map<number | null, NonNullable<Attachment["faults"]>>();
  readonly #smmu: Smmu;
  readonly #ste: number;
  readonly #contexts: ContextTable;
  #domain: AnyDomain | null = null;
  #guest: { readonly core: ViommuCore; readonly virtualId: number } | null = null;
  /** The device may keep translations of its own. */
  #ats = false;

  private constructor(device: HostDevice, smmu: Smmu, ste: number, contexts: ContextTable) {
    this.device = device;
    this.#smmu = smmu;
    this.#ste = ste;
    this.#contexts = contexts;
  }

  /** A stream that is blocked. @returns null where the stream table has no place for it, or without memory */
  static make(device: HostDevice, smmu: Smmu, memory: OwnMemory): SmmuStream | null {
    const ste = smmu.streams.place(device.sid);
    const contexts = ContextTable.make(memory, Math.min(device.maxPasidLog2, smmu.id("IDR1", "SSIDSIZE")));
    if (ste === null || contexts === null) return null;
    const stream = new SmmuStream(device, smmu, ste, contexts);
    stream.install(null);
    return stream;
  }

  /** What is attached; null means blocked. */
  get domain(): AnyDomain | null {
    return this.#domain;
  }

  /** Who is told of events, and the id that the guest knows the stream by. */
  get guest(): { readonly core: ViommuCore; readonly virtualId: number } | null {
    return this.#guest;
  }

  /** Something is attached to a PASID. */
  get hasPasids(): boolean {
    return this.#pasids.size > 0;
  }

  /** Substreams that it can have, and context 0. */
  get contexts(): number {
    return 2 ** this.#contexts.log2Size;
  }

  /** Make the stream's entry say what is attached. */
  install(domain: AnyDomain | null): void {
    const { sid } = this.device;
    if (domain instanceof Stage1Domain) this.#setContext(0, domain);
    const fields = this.#entry(domain);
    this.#smmu.streams.replace(this.#ste, fields, () => this.#run(command("CMD_CFGI_STE", { StreamID: sid, Leaf: 1 })));
    if (this.#ats) this.#run(this.#atcInvalidation(null, 0, EVERYTHING));
    this.#ats = fields.EATS === FULL_ATS;
    this.#domain = domain;
    this.#guest = guestOf(this.device, domain);
    if (!(domain instanceof Stage1Domain)) this.#clearContext(0);
  }

  /** Attach a domain to a PASID, or take what is attached away. */
  setPasid(pasid: number, domain: Stage1Domain | null): void {
    if (domain === null) {
      this.#pasids.delete(pasid);
      this.#clearContext(pasid);
    } else {
      this.#pasids.set(pasid, domain);
      this.#setContext(pasid, domain);
    }
    // Where nothing else is attached, the entry leads to contexts only as long as PASIDs have some.
    if (this.#domain === null) this.install(null);
  }

  #setContext(index: number, domain: Stage1Domain): void {
    const { asid, granuleLg2, kindOfTables } = domain;
    const { inputBits } = kindOfTables.shape;
    const outputSize = this.#smmu.id("IDR5", "OAS");
    const context = { asid, root: domain.tables.root, inputBits, granuleLg2, outputSize, stalls: this.#stalls };
    this.#contexts.set(index, context, () => this.#contextChanged(index));
    this.#forget(index);
  }

  #clearContext(index: number): void {
    this.#contexts.clear(index, () => this.#contextChanged(index));
    this.#forget(index);
  }

  /** What tells the device that translations of a domain have changed. */
  deviceInvalidations(domain: PagingDomain, iova: number, bytes: number): CommandWords[] {
    if (!this.#ats) return [];
    const own = this.#domain;
    // What a guest's addresses lead to is not known here: all of them go.
    const below = own instanceof NestedSmmuDomain && own.vsmmu.parent === domain;
    if (below) return [this.#atcInvalidation(null, 0, EVERYTHING)];
    const users: (number | null)[] = own === domain ? [null] : [];
    for (const [pasid, used] of this.#pasids) if (used === domain) users.push(pasid);
    return users.map((pasid) => this.#atcInvalidation(pasid, iova, bytes));
  }

  /** Transactions that fault wait: the SMMU lets them where the device can, or knows nothing else (arm_smmu_probe_device). */
  get #stalls(): boolean {
    const model = this.#smmu.id("IDR0", "STALL_MODEL");
    return model === StallModel.FORCED || (model === StallModel.EITHER && this.device.stall === true);
  }

  #contextChanged(index: number): void {
    this.#run(command("CMD_CFGI_CD", { StreamID: this.device.sid, SubstreamID: index, Leaf: 1 }));
  }

  /** The device has nothing more of a context. */
  #forget(index: number): void {
    if (this.#ats) this.#run(this.#atcInvalidation(index === 0 ? null : index, 0, EVERYTHING));
  }

  #atcInvalidation(pasid: number | null, iova: number, bytes: number): CommandWords {
    const substream = pasid === null ? {} : { SSV: 1, SubstreamID: pasid };
    const { at, pagesLg2 } = alignedRange(iova, bytes);
    return command("CMD_ATC_INV", { StreamID: this.device.sid, ...substream, Size: pagesLg2, Address: at });
  }

  #run(words: CommandWords): void {
    this.#smmu.commands.run([words]);
  }

  #entry(domain: AnyDomain | null): FieldNumbers {
    const { device } = this;
    const ats = device.ats && this.#smmu.id("IDR0", "ATS") === 1 ? { EATS: FULL_ATS } : {};
    if (domain instanceof Stage1Domain)
      return { V: 1, Config: SteConfig.STAGE_1, ...this.#contexts.steFields, SHCFG: 1, ...ats };
    if (domain instanceof Stage2Domain)
      return { V: 1, Config: SteConfig.STAGE_2, SHCFG: 1, ...ats, ...this.#stage2(domain) };
    if (domain instanceof NestedSmmuDomain && domain.config !== "abort") {
      const stage2 = this.#stage2(domain.vsmmu.parent);
      if (domain.config === "bypass") return { V: 1, Config: SteConfig.STAGE_2, SHCFG: 1, ...stage2 };
      const guests = { ...(domain.ats ? ats : {}), ...(domain.vsmmu.parent.partitions === null ? {} : { S1MPAM: 1 }) };
      return { V: 1, Config: SteConfig.NESTED, ...domain.guest, MEV: 1, SHCFG: 1, ...guests, ...stage2 };
    }
    if (domain === null && this.hasPasids)
      return { V: 1, Config: SteConfig.STAGE_1, ...this.#contexts.steFields, S1DSS: TERMINATE, SHCFG: 1, ...ats };
    return { V: 1, Config: SteConfig.ABORT };
  }

  #stage2(domain: Stage2Domain): FieldNumbers {
    const { level, inputBits } = domain.kindOfTables.shape;
    // The start level counts upwards from the one that the granule gives the code 0.
    const lowest = domain.granuleLg2 === 12 ? 1 : 0;
    return {
      S2VMID: domain.vmidAt(this.device.driver),
      S2T0SZ: 64 - inputBits,
      S2SL0: level - lowest,
      S2IR0: WRITE_BACK,
      S2OR0: WRITE_BACK,
      S2SH0: INNER_SHAREABLE,
      S2TG: TG0[domain.granuleLg2]!,
      S2PS: this.#smmu.id("IDR5", "OAS"),
      S2AA64: 1,
      S2PTW: 1,
      S2R: 1,
      S2S: this.#stalls ? 1 : 0,
      S2FWB: domain.forced ? 1 : 0,
      S2TTB: domain.tables.root,
      ...domain.partitions?.steFields,
    };
  }
}

/** The guest that is told of a stream's events: the id is the one the device had when it was attached. */
function guestOf(device: HostDevice, domain: AnyDomain | null): SmmuStream["guest"] {
  if (!(domain instanceof NestedSmmuDomain)) return null;
  const virtualId = domain.vsmmu.core.virtualId(device);
  return virtualId === null ? null : { core: domain.vsmmu.core, virtualId: low(virtualId) };
}
